"""``visionthink data label``: the labelling tool of the paper, for any dataset and any model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from agents import GenerationBackend, Sampling, collect
from agents.grpo.config import SEED
from benchmarks.data.sources import SAMPLES, DataSource
from benchmarks.evaluation.limits import KINDS, Shares, counts_of, limit_lines, show_limits
from benchmarks.evaluation.play import PlaySettings, batches
from benchmarks.labelling.file import LabelFile
from benchmarks.labelling.labels import (
    DECIDED,
    LABELS,
    Labelled,
    LabelRule,
    RuleSettings,
    Tally,
    confusion,
    label_of,
    precision,
)
from benchmarks.report.terminal import console
from benchmarks.safety.disk import make_folder, storing
from benchmarks.safety.writer import sole_writer
from vt_env import PlayDefaults, VisionThinkEnv, open_env
from vt_env.config import JudgeSettings
from vt_env.data import find_sample
from vt_env.settings.fields import setting
from vt_env.settings.ranges import Numbers
from vt_env.settings.tree import plain


@dataclass(frozen=True)
class LabelSettings(DataSource, PlaySettings):
    """Settings of a labelling; seed is that of the rollouts."""

    samples: int = setting(0, SAMPLES, Numbers(0))
    temperature: float = setting(1.0, "Sampling temperature.", Numbers(0, 2))
    seed: int = setting(0, "Seed of the rollouts.", SEED)
    batch: int = setting(16, "Samples played at once; memory grows with it.", Numbers(1))
    rule: RuleSettings = field(default_factory=RuleSettings)
    judge: JudgeSettings = field(default_factory=JudgeSettings)

    def recorded(self, used: PlayDefaults) -> dict[str, object]:
        """What the labels depend on: how many there are to be and the engine do not count."""
        return {
            "data": self.data.name,
            **{name: plain(value) for name, value in self.settings().items()},
            **asdict(self.rule.thresholds()),
            "model": self.engine.model_dir,
            "judge": self.judge.given(),
            "env": self.env.id,
            **{name: plain(value) for name, value in self.env.given().items()},
            **asdict(used),
            "temperature": self.temperature,
            "sampling_seed": self.seed,
        }


def label_dataset(settings: LabelSettings, out: Path) -> list[Labelled]:
    """Labels the samples that `out` does not hold yet, and prints what all of them came to.

    Args:
        settings: Dataset, model and rule.
        out: JSON lines, one a sample; written batch by batch.

    Returns:
        Every label in the file.

    Raises:
        ConfigError: If a setting cannot work, `out` was made with others, or another process
            writes there.
        DataError: If a line of `out` cannot be read.
        StorageError: If `out` can no longer be written to.
    """
    used = settings.known()
    make_folder(out.parent)
    with sole_writer(out):
        file = _labelled(settings, used, out)
    _print(file.samples)
    console.print(f"Labels: {out}", markup=False, soft_wrap=True)
    show_limits(limit_lines({"rollouts": limit_shares(file.samples)}, used))
    return file.samples


def _labelled(settings: LabelSettings, used: PlayDefaults, out: Path) -> LabelFile:
    file = LabelFile(out, settings.recorded(used))
    env = open_env(
        settings.env.id,
        data=settings.open(),
        judge=settings.judge.given(),
        **settings.model_env(),
    )

    def told() -> str:
        return f"Labelled so far: {len(file.samples)}; the same command goes on."

    try:
        indices = settings.indices(env.dataset, settings.samples)
        done = {find_sample(env.dataset, sample.sample_id) for sample in file.samples}
        if not done.issuperset(indices):
            with storing(out.parent, told):
                _label_rest(settings, used, env, file, indices, done)
    except KeyboardInterrupt:
        console.print(told())
        raise
    finally:
        env.close()
    return file


def _label_rest(
    settings: LabelSettings,
    used: PlayDefaults,
    env: VisionThinkEnv,
    file: LabelFile,
    indices: Sequence[int],
    done: set[int],
) -> None:
    """Labels batch by batch; where batches begin does not depend on what is done already."""
    with settings.player(used, env, settings.seed) as player:
        for batch in batches(indices, settings.batch, done):
            sampling = player.sampling(batch, settings.temperature)
            rule = settings.rule.thresholds()
            file.append(label_batch(env, player.backend, batch.indices, sampling, rule))


def label_batch(
    env: VisionThinkEnv,
    backend: GenerationBackend,
    indices: Sequence[int],
    sampling: Sampling,
    rule: LabelRule,
) -> list[Labelled]:
    """Plays samples at both resolutions and labels them.

    Low: the first turn is forced to answer. High: it is forced to ask, and the next one answers.

    Args:
        env: Gives dataset, judge and rules.
        backend: The engine.
        indices: Which samples.
        sampling: How tokens are drawn.
        rule: Rollouts and thresholds.
    """
    factory = env.factory
    low = [episode for index in indices for episode in factory.group(index, rule.rollouts)]
    high = [factory.on(episode.sample) for episode in low]
    asks = {id(episode) for episode in high}
    played = collect(
        backend,
        [*low, *high],
        env.judge,
        sampling,
        lambda episode: "request" if id(episode) in asks else "answer",
    )
    verdicts = [trajectory.outcome.correct for trajectory in played]
    labelled = []
    for number in range(len(indices)):
        at = [
            slice(start, start + rule.rollouts)
            for start in (number * rule.rollouts, number * rule.rollouts + len(low))
        ]
        sample = low[number * rule.rollouts].sample
        at_low, at_high = (Tally.of(verdicts[part]) for part in at)
        labelled.append(
            Labelled(
                sample_id=sample.sample_id,
                family=sample.family,
                needs_high_res=sample.needs_high_res,
                low=at_low,
                high=at_high,
                label=label_of(at_low, at_high, rule),
                limits=counts_of([trajectory for part in at for trajectory in played[part]]),
            )
        )
    return labelled


def limit_shares(samples: Sequence[Labelled]) -> Shares:
    """Share of all rollouts that limits ended or spoilt, by kind."""
    rollouts = _answers([tally for sample in samples for tally in (sample.low, sample.high)])
    return {
        kind: sum(sample.limits[kind] for sample in samples) / max(1, rollouts) for kind in KINDS
    }


def _print(samples: Sequence[Labelled]) -> None:
    console.print(shares_table(samples))
    if any(sample.needs_high_res is not None for sample in samples):
        console.print(agreement_table(samples))


def shares_table(samples: Sequence[Labelled]) -> Table:
    """Shares of the labels and of right answers, a row a family."""
    table = Table(title="Labels", title_justify="left", box=SIMPLE_HEAD)
    families = sorted({sample.family for sample in samples})
    table.add_column("family", overflow="fold", min_width=8)  # alone gives way
    named = [label.replace("_", "\n") for label in LABELS]
    for name in (*named, "right at\nlow", "right at\nhigh", "samples"):
        table.add_column(name, justify="right", no_wrap=True)
    for family in [*families, "all"] if len(families) > 1 else families:
        mine = [sample for sample in samples if family in (sample.family, "all")]
        labels = [_share(sum(s.label == label for s in mine), len(mine)) for label in LABELS]
        tallies = [[s.low for s in mine], [s.high for s in mine]]
        right = [_share(sum(t.right for t in side), _answers(side)) for side in tallies]
        table.add_row(family, *labels, *right, str(len(mine)))
    both = [tally for sample in samples for tally in (sample.low, sample.high)]
    abstained = sum(tally.abstained for tally in both)
    table.caption = f"The judge abstained on {abstained} of {_answers(both)} answers."
    table.caption_justify = "left"
    return table


def agreement_table(samples: Sequence[Labelled]) -> Table:
    """Labels against the known need; precision counts samples whose need is known."""
    table = Table(title="Labels and the truth", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("label")
    for name in ("needs high", "low suffices", "margin or unknown", "precision"):
        table.add_column(name, justify="right")
    counts = confusion(samples)
    for label in LABELS:
        row = [str(counts[label][truth]) for truth in (True, False, None)]
        share = precision(samples, label) if label in DECIDED else None
        cell = "–" if share is None else f"{share:.3f}"
        table.add_row(label.replace("_", " "), *row, cell)
    decided = precision(samples)
    table.caption = (
        "No sample of known need is decided."
        if decided is None
        else f"Agreement on decided samples of known need: {decided:.3f}"
    )
    table.caption_justify = "left"
    return table


def _answers(tallies: Sequence[Tally]) -> int:
    return sum(t.right + t.wrong + t.abstained for t in tallies)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "–"
