"""What a model can do on the embedded world before any RL: does it read, and where can it not?

A model to start from reads what is shown sharp, reads what is large in the small view, knows no
more than chance of what is lost there, keeps the protocol, and asks without regard to need.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from agents import Trajectory, Way
from agents.grpo.config import SEED
from agents.rollouts.metrics import episode_metrics
from benchmarks.evaluation.chance import BlindGuesses
from benchmarks.evaluation.limits import limits_record, shares_of, show_limits
from benchmarks.evaluation.play import PlaySettings, batches, first_indices
from benchmarks.report.terminal import console
from vt_env import PlayDefaults, VisionThinkEnv, World, open_env
from vt_env.data.settings import WORLD
from vt_env.settings.fields import check_fields, setting
from vt_env.settings.ranges import Numbers
from vt_env.settings.tree import flatten, nest
from vt_env.tasks.world import WorldSettings

BATCH = 200
"""Samples played at once."""
GUESSED_FROM, GUESSED_EACH = 20_000, 20
"""Training samples that the best blind guess is taken from: at most, and for each one played."""
WAYS: dict[str, tuple[float, Way | None]] = {
    "high": (0.0, "request"),
    "low": (0.0, "answer"),
    "own": (1.0, None),
}
"""Temperature and decision of each of the three times that a sample is played."""
Played = dict[str, list[Trajectory]]


@dataclass(frozen=True)
class QualitySettings(PlaySettings):
    """Settings of the check."""

    samples: int = setting(3000, "Held-out samples, each played three times.", Numbers(1))
    seed: int = setting(0, "Seed of the sampling.", SEED)
    split: str = setting("test", "Split of the world; generalisation: styles never seen.")
    world: WorldSettings = field(default_factory=WorldSettings)

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class Quality:
    """Metrics of one family, or of all, by the names of `agents.rollouts.metrics`; shares.

    Attributes:
        episodes: How many samples these are of.
        accuracy_high: Accuracy after a forced request.
        accuracy_low_enough: Accuracy at low resolution where that suffices.
        accuracy_low_lost: Accuracy at low resolution where it does not.
        chance: Right by the best guess that hangs on question and options alone, on the same ones.
        request_rate_need: Requests at temperature 1 where high resolution is needed.
        request_rate_no_need: Requests at temperature 1 where it is not.
        resize_call_ratio: Requests at temperature 1.
        well_formed: Episodes at temperature 1 that keep the protocol in every turn.
    """

    episodes: int
    accuracy_high: float | None
    accuracy_low_enough: float | None
    accuracy_low_lost: float | None
    chance: float | None
    request_rate_need: float | None
    request_rate_no_need: float | None
    resize_call_ratio: float | None
    well_formed: float | None


def check_quality(settings: QualitySettings, out: Path | None) -> dict[str, Quality]:
    """Plays held-out samples three times, prints a table, and writes it if there is a file to.

    Returns:
        Metrics by family, and under ``all``.
    """
    used = settings.known()
    env = open_env(
        settings.env.id,
        data=WORLD,
        judge="rule",
        split=settings.split,
        **settings.model_env(),
        **asdict(settings.world),
    )
    indices = first_indices(len(env.dataset), settings.samples)
    try:
        played = _play(settings, used, env, indices)
        train = World("train", **asdict(settings.world))
        seen = min(GUESSED_FROM, GUESSED_EACH * len(indices))
        guesses = BlindGuesses((train[index] for index in range(seen)), seen)
        samples = (env.dataset[index] for index in indices)
        guessed = {s.sample_id: guesses.right(s) for s in samples if s.needs_high_res}
    finally:
        env.close()
    result = by_family(played, guessed)
    console.print(quality_table(result, settings.split))
    limits = limits_record({way: shares_of(mine) for way, mine in played.items()}, used)
    if out is not None:
        record = {
            "settings": nest(flatten(settings.resolved())),
            "metrics": {name: asdict(quality) for name, quality in result.items()},
            "limits": limits,
        }
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    show_limits(limits["warnings"])
    return result


def _play(
    settings: QualitySettings, used: PlayDefaults, env: VisionThinkEnv, indices: Sequence[int]
) -> Played:
    played: Played = {way: [] for way in WAYS}
    with settings.player(used, env, settings.seed) as player:
        for batch in batches(indices, BATCH):
            found = player.ways(batch, list(WAYS.values()))
            for way, episodes in zip(WAYS, found, strict=True):
                played[way] += episodes
    return played


def by_family(played: Played, guessed: Mapping[str, bool]) -> dict[str, Quality]:
    """Metrics of every family, and of all.

    Args:
        played: Episodes by way, of the same samples in the same order.
        guessed: By id of each sample that needs high resolution, whether the best blind guess is
            right.
    """
    families = sorted({t.family for t in played["high"]})
    kept: dict[str, Callable[[Trajectory], bool]] = {
        family: (lambda t, family=family: t.family == family)  # type: ignore[misc]
        for family in families
    }
    kept["all"] = lambda _: True
    return {
        name: _quality({way: [t for t in mine if keep(t)] for way, mine in played.items()}, guessed)
        for name, keep in kept.items()
    }


def _quality(played: Played, guessed: Mapping[str, bool]) -> Quality:
    lost, enough = (
        [t for t in played["low"] if t.outcome.needs_high_res is wanted] for wanted in (True, False)
    )
    own = episode_metrics(played["own"])
    return Quality(
        episodes=len(played["high"]),
        accuracy_high=episode_metrics(played["high"])["accuracy"],
        accuracy_low_enough=episode_metrics(enough)["accuracy"],
        accuracy_low_lost=episode_metrics(lost)["accuracy"],
        chance=float(np.mean([guessed[t.sample_id] for t in lost])) if lost else None,
        request_rate_need=own["request_rate_need"],
        request_rate_no_need=own["request_rate_no_need"],
        resize_call_ratio=own["resize_call_ratio"],
        well_formed=own["well_formed"],
    )


def quality_table(result: dict[str, Quality], split: str) -> Table:
    """A row a family, and one for all."""
    table = Table(
        title=f"{result['all'].episodes} samples of the {split} split, before RL",
        title_justify="left",
        box=SIMPLE_HEAD,
    )
    table.add_column("family", overflow="fold", min_width=8)  # alone gives way
    names = ("high", "low enough", "low lost", "chance", "asks need", "asks not")
    for name in (*names, "protocol"):
        table.add_column(name.replace(" ", "\n"), justify="right", no_wrap=True)
    for name, quality in result.items():
        shares = {
            key: s
            for key, s in asdict(quality).items()
            if key not in ("episodes", "resize_call_ratio")
        }
        table.add_row(name, *("-" if s is None else f"{s:.1%}" for s in shares.values()))
    return table
