"""The embedded model trained by TRL on our env and by us: losses on one batch, both to the bar.

    python -m benchmarks.parity.trl --out parity          # all of it, one part after the other
    python -m benchmarks.parity.trl --out parity --only trl

Both have the settings of ``make train``: prompts, seed, group, schedule, loss, what is frozen. The
bar is requests on at least 90% of the held-out samples in need and at most 10% of the others. Each
part runs in a process of its own and writes ``losses.json``, ``ours.json`` or ``trl.json``, the
last two after every evaluation; ``parity.json`` and ``parity.png`` are made of all three. What TRL
has not in common with ours is in `benchmarks.speed.trl_setup.DIFFERENT`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.parity.picture import draw
from benchmarks.parity.points import Point, read_points, summary, told
from benchmarks.safety.disk import write_json
from benchmarks.speed.trl_setup import DIFFERENT, MISSING, SAME, installed
from benchmarks.training.settings import TrainSettings
from vt_env.settings.tree import build

PARTS = ("losses", "ours", "trl")
TOLERANCE = 1e-5
"""Largest difference of the two losses."""
SHARED = {"grpo.num_prompts": 8, "grpo.num_generations": 4}
"""Size of the batch that both losses are computed on."""


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    found = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    found.add_argument("--out", type=Path, required=True, help="Folder of the results.")
    found.add_argument("--only", choices=PARTS, help="One part alone.")
    found.add_argument("--iterations", type=int, default=50, help="Limit, and end of the schedule.")
    found.add_argument("--every", type=int, default=5, help="Iterations between evaluations.")
    found.add_argument("--samples", type=int, default=200, help="Held-out samples.")
    found.add_argument("--prompts", type=int, default=24, help="Prompts an iteration.")
    found.add_argument("--generations", type=int, default=8, help="Episodes a prompt.")
    found.add_argument("--seed", type=int, default=0)
    found.add_argument("--threads", type=int, default=1, help="Threads of either.")
    found.add_argument("--backend", default="vllm", help="Our engine; TRL's is transformers.")
    found.add_argument("--trl-batch", type=int, default=96, help="Completions at once in TRL.")
    return found


def settings_of(options: argparse.Namespace) -> TrainSettings:
    """The settings that both are trained with."""
    given: dict[str, Any] = {
        "run.seed": options.seed,
        "run.threads": options.threads,
        "run.iterations": options.iterations,
        "evaluation.every": options.every,
        "evaluation.slice": options.samples,
        "grpo.num_prompts": options.prompts,
        "grpo.num_generations": options.generations,
        "engine.backend": options.backend,
    }
    return build(TrainSettings, given).resolved()


def run_part(part: str, options: argparse.Namespace) -> None:
    """Does one part in this process and writes its file."""
    settings, path = settings_of(options), options.out / f"{part}.json"
    if part == "losses":
        from benchmarks.parity.losses import compare

        shared = build(TrainSettings, {"run.seed": options.seed, **SHARED}).resolved()
        write_json(path, compare(shared))
        return
    from benchmarks.parity.courses import ours, theirs

    points: list[Point] = []

    def tell(point: Point) -> None:
        points.append(point)
        write_json(path, {**summary(points), "load": round(os.getloadavg()[0], 1)})
        print(told(part, [point]), flush=True)

    if part == "ours":
        ours(settings, tell)
    else:
        theirs(settings, options.trl_batch, tell)


def gather(folder: Path) -> dict[str, Any] | None:
    """Puts the parts together in ``parity.json`` and ``parity.png``; None while one is missing."""
    paths = {part: folder / f"{part}.json" for part in PARTS}
    if not all(path.exists() for path in paths.values()):
        return None
    record = {
        part: json.loads(path.read_text(encoding="utf-8")) for part, path in paths.items()
    } | {"same": SAME, "different": DIFFERENT}
    write_json(folder / "parity.json", record)
    draw({part: read_points(record[part]) for part in ("ours", "trl")}, folder / "parity.png")
    return record


def lines(record: dict[str, Any]) -> list[str]:
    """What is printed at the end."""
    loss, gradient = record["losses"]["loss"], record["losses"]["gradient"]
    verdict = "equal" if loss["difference"] <= TOLERANCE else "NOT equal"
    return [
        f"losses on one batch: ours {loss['ours']:.7f}, TRL {loss['trl']:.7f}, {verdict} to "
        f"{TOLERANCE:g} (difference {loss['difference']:.1e}); gradients differ by "
        f"{gradient['relative']:.1e} of their norm",
        *(told(part, read_points(record[part])) for part in ("ours", "trl")),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the parts; returns the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = parser().parse_args(given)
    if not installed():
        print(MISSING, file=sys.stderr)
        return 1
    options.out.mkdir(parents=True, exist_ok=True)
    if options.only:
        run_part(options.only, options)
    else:
        environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads)}
        for part in PARTS:
            (options.out / f"{part}.json").unlink(missing_ok=True)
            command = [sys.executable, "-m", "benchmarks.parity.trl", *given, "--only", part]
            done = subprocess.run(command, env=environment, check=False)
            if done.returncode:
                print(f"The part {part} failed.", file=sys.stderr)
                return 1
        return 0  # the last part has put them together
    record = gather(options.out)
    if record is not None:
        print("\n".join(lines(record)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
