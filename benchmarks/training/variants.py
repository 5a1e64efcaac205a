"""Every loss, advantage, correction and credit by name, trained alike, side by side in one picture.

    python -m benchmarks.training.variants runs/variants docs/variants.png
    python -m benchmarks.training.variants runs/variants docs/variants.png --only 'loss/*'

Each trains the default task for a few iterations of two steps, so that ratios leave 1 and clips act
(with the clip range of its paper). Metrics of each go to a file of its own in the folder; what is
whole there is not trained again. A figure that is not finite ends the run with its name.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from agents import TrainingError
from benchmarks.report.terminal import console, live_line
from benchmarks.training.grpo import build_config, flat_metrics, ray_session
from benchmarks.training.run import check_data
from benchmarks.training.settings import TrainSettings
from vt_env.settings.tree import build

Settings = dict[str, Any]
ITERATIONS, MINIBATCH = 20, 96
ICEPOP: Settings = {
    "vllm_importance_sampling_mode": "token_mask",
    "vllm_importance_sampling_clip_min": 0.5,
    "vllm_importance_sampling_clip_max": 5.0,
}
VARIANTS: dict[str, Settings] = {
    "loss/dapo": {},
    "loss/grpo": {"loss_type": "grpo"},
    "loss/dr_grpo": {"loss_type": "dr_grpo", "scale_rewards": "none"},
    "loss/bnpo": {"loss_type": "bnpo"},
    "loss/gspo": {"loss_type": "gspo", "epsilon": 3e-4, "epsilon_high": 4e-4},
    "loss/gspo_token": {"loss_type": "gspo_token", "epsilon": 3e-4, "epsilon_high": 4e-4},
    "loss/luspo": {"loss_type": "luspo", "epsilon": 2e-3, "epsilon_high": 2.5e-3},
    "loss/gmpo": {"loss_type": "gmpo", "epsilon": 0.4, "epsilon_high": 0.4},
    "loss/vespo": {"loss_type": "vespo"},
    "loss/cispo": {"loss_type": "cispo", "epsilon_high": 4.0},
    "loss/sapo": {"loss_type": "sapo"},
    "loss/dppo": {"loss_type": "dppo"},
    "advantage/scale batch": {"scale_rewards": "batch"},
    "advantage/scale none": {"scale_rewards": "none"},
    "advantage/rloo": {"advantage_estimator": "rloo"},
    "advantage/reinforce_pp": {"advantage_estimator": "reinforce_pp"},
    "advantage/per_term": {"advantage_estimator": "per_term"},
    "credit/turn": {"credit": "turn"},
    "credit/dtpo": {"credit": "dtpo"},
    "correction/none": {"vllm_importance_sampling_correction": False},
    "correction/sequence_truncate": {"vllm_importance_sampling_mode": "sequence_truncate"},
    "correction/token_truncate": {"vllm_importance_sampling_mode": "token_truncate"},
    "correction/IcePop": ICEPOP,
    "correction/off-policy mask": {"off_policy_mask_threshold": 0.1},
    "kl/k1": {"kl_estimator": "k1"},
    "kl/k2": {"kl_estimator": "k2"},
    "exploration/balanced": {"balanced_exploration": 0.5, "balanced_steps": 10},
    "exploration/refill": {"dynamic_sampling": True},
}
"""What differs from the defaults, by name; the default itself is ``loss/dapo``."""
CURVES = (
    ("request_rate_need", "asks when needed", "#3366cc"),
    ("request_rate_no_need", "asks when not", "#dc7a1e"),
    ("accuracy", "right", "#2f9e57"),
)


def file_of(folder: Path, name: str) -> Path:
    """Where the metrics of a variant are."""
    return folder / f"{name.replace('/', '-').replace(' ', '_')}.jsonl"


def read(path: Path) -> list[dict[str, float]]:
    """Metrics by iteration; none of a file that is not there."""
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def train_variant(name: str, settings: TrainSettings, path: Path) -> None:
    """Trains one variant, and writes its metrics once it is done.

    Raises:
        TrainingError: If a figure is not finite.
    """
    config = build_config(settings, check_data(settings).train)
    config.training(**VARIANTS[name])
    algorithm = config.build_algo()
    rows = []
    try:
        for iteration in range(1, settings.run.iterations + 1):
            metrics = flat_metrics(algorithm.train())
            for key in ("loss", "grad_norm", "reward"):
                if not math.isfinite(metrics.get(key, 0.0)):
                    raise TrainingError(f"{name}: {key} is {metrics[key]} in {iteration}.")
            rows.append({"iteration": iteration, **metrics})
    finally:
        algorithm.stop()
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    console.print(f"{name:<30} {live_line(rows[-1])}", markup=False, soft_wrap=True)


def draw(found: Mapping[str, list[dict[str, float]]], path: Path) -> None:
    """A small picture for each variant, all to the same scale.

    Args:
        found: Metrics by iteration, by name.
        path: PNG to write.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    columns = 6
    rows = math.ceil(len(found) / columns)
    figure, axes = pyplot.subplots(
        rows, columns, figsize=(14, 2.1 * rows), sharex=True, sharey=True, layout="constrained"
    )
    for axis in axes.flat[len(found) :]:
        axis.set_axis_off()
    for axis, (name, metrics) in zip(axes.flat, found.items(), strict=False):
        for key, label, color in CURVES:
            values = [row[key] for row in metrics]
            axis.plot(range(1, len(values) + 1), values, color=color, label=label, linewidth=1.5)
        axis.set_title(name, fontsize=9)
        axis.set_ylim(-0.02, 1.02)
        axis.grid(alpha=0.25)
    lines, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    figure.supxlabel("GRPO iteration (shares of training episodes)", fontsize=9)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def main() -> None:
    """Trains what is missing, and draws what is there."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="where metrics are kept")
    parser.add_argument("picture", type=Path, help="PNG to write")
    parser.add_argument("--only", default="*", help="names that match this pattern")
    parser.add_argument("--iterations", type=int, default=ITERATIONS)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    chosen = [name for name in VARIANTS if fnmatchcase(name, options.only)]
    asked = {"run.seed": options.seed, "run.iterations": options.iterations}
    settings = build(TrainSettings, {**asked, "grpo.minibatch_size": MINIBATCH}).resolved()
    with ray_session(settings):
        for number, name in enumerate(chosen, 1):
            path = file_of(options.folder, name)
            if len(read(path)) < options.iterations:
                console.print(f"{number}/{len(chosen)} {name} …", markup=False)
                train_variant(name, settings, path)
    found = {name: read(file_of(options.folder, name)) for name in VARIANTS}
    draw({name: rows for name, rows in found.items() if rows}, options.picture)


if __name__ == "__main__":
    main()
