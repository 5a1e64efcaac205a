"""``visionthink doctor``: looks at a training's settings, model and data before it starts.

It plays some of the very prompts that training would begin with, with the decision forced both ways
and free, and says what would make the requests die, never stop, or teach nothing.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from agents import ChatEncoder
from agents.rollouts import prompt_indices
from agents.rollouts.metrics import episode_metrics
from benchmarks.doctor import before, rules
from benchmarks.doctor.before import Episodes
from benchmarks.doctor.findings import Finding, Severity
from benchmarks.evaluation.play import Batch, batches
from benchmarks.report.terminal import console
from benchmarks.training.settings import TrainSettings
from judges import check_judge
from vt_env import LadderWarning, PlayDefaults, VisionThinkEnv, group_shaper, open_env
from vt_env.images import check_ladder
from vt_env.settings.fields import check_fields, setting
from vt_env.settings.ranges import Numbers
from vt_env.settings.tree import flatten, nest
from vt_env.shapers import BoundShaper

BATCH = 64
"""Prompts played at once."""
LADDER_SAMPLES = 1000
"""Samples whose sizes are looked at."""
MOST_OF_A_GROUP = 16
"""Episodes of the largest groups of which every composition is looked at."""
STYLES: dict[Severity, str] = {"ok": "green", "warning": "yellow", "problem": "bold red"}


@dataclass(frozen=True)
class CheckupSettings:
    """How much is played."""

    prompts: int = setting(64, "Prompts that are played, the first of training.", Numbers(1))
    samples: int = setting(
        4, "Episodes a prompt in which the decision is the policy's own.", Numbers(2)
    )

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class DoctorSettings(TrainSettings):
    """The settings of a training, and how much of it is played."""

    doctor: CheckupSettings = field(default_factory=CheckupSettings)


def check_up(settings: DoctorSettings, out: Path | None) -> list[Finding]:
    """Looks at everything, prints a table, and writes ``doctor.json`` if there is a folder for it.

    Raises:
        VisionThinkError: If settings, data, model or judge cannot be used at all.
    """
    used = settings.known()
    shaper = group_shaper(settings.grpo.shaper, **settings.grpo.shaper_params)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LadderWarning)  # there is a finding for it
        env = open_env(settings.env.id, **settings.train_env())
    try:
        check_judge(env.judge)
        found = about_the_rules(settings, env)
        played = None
        if not any(f.name == "chat template" and f.severity == "problem" for f in found):
            played = _play(settings, used, env)
            found += about_episodes(settings, played, shaper, env)
    finally:
        env.close()
    console.print(findings_table(found))
    if out is not None:
        _write(settings, found, played, out)
    return found


def about_the_rules(settings: TrainSettings, env: VisionThinkEnv) -> list[Finding]:
    """What is known before anything is played."""
    from agents.models import load_tokenizer

    grpo, factory = settings.grpo, env.factory
    template, config = factory.template, factory.config
    encoder = ChatEncoder(load_tokenizer(settings.engine.model_dir))
    known = rules.theta(grpo.shaper, grpo.shaper_params, grpo.num_generations)
    climbable = check_ladder(factory.dataset, config, LADDER_SAMPLES)
    return [
        rules.tools_offered(template, config),
        rules.chat_template(encoder, template.system_text(config.offered)),
        rules.ladder(climbable, config),
        *([known] if known is not None else []),
    ]


def about_episodes(
    settings: TrainSettings, played: Episodes, shaper: BoundShaper, env: VisionThinkEnv
) -> list[Finding]:
    """What is known once some of it was played."""
    grpo = settings.grpo
    pay = rules.Pay(
        env.factory.rewards,
        played.costs(),
        shaper,
        grpo.advantage_estimator,
        grpo.scale_rewards,
        grpo.reward_weights,
        min(grpo.num_generations, MOST_OF_A_GROUP),
    )
    per_term = grpo.advantage_estimator == "per_term"
    return [
        before.requests(played, grpo.num_generations),
        before.protocol(played),
        rules.signs(pay, played.needs()),
        before.spread(played, shaper),
        before.what_asking_pays(played, shaper, grpo.num_generations, per_term),
    ]


def _play(settings: DoctorSettings, used: PlayDefaults, env: VisionThinkEnv) -> Episodes:
    size, seed = len(env.dataset), settings.run.seed
    wanted = min(settings.doctor.prompts, size)
    indices = prompt_indices(size, seed, 0, wanted)
    low, high, free = [], [], []
    with settings.player(used, env, seed) as player:
        for batch in batches(indices, BATCH, what="prompts"):
            forced = player.ways(batch, [(0.0, "answer"), (0.0, "request")])
            low += forced[0]
            high += forced[1]
            times = [
                player.once(
                    Batch(batch.start + number * wanted, batch.indices), settings.grpo.temperature
                )
                for number in range(settings.doctor.samples)
            ]
            free += [list(mine) for mine in zip(*times, strict=True)]
    return Episodes(low, high, free)


def findings_table(findings: Sequence[Finding]) -> Table:
    """A row a finding; advice stands below the evidence."""
    table = Table(box=SIMPLE_HEAD)
    for label in ("looked at", "", "what was found, and what to try"):
        table.add_column(label, no_wrap=label != "what was found, and what to try")
    for finding in findings:
        style, text = STYLES[finding.severity], escape(finding.evidence)
        advice = f"\n→ {escape(finding.advice)}" if finding.advice else ""
        table.add_row(finding.name, f"[{style}]{finding.severity}[/{style}]", f"{text}{advice}")
    return table


def _write(
    settings: DoctorSettings, findings: Sequence[Finding], played: Episodes | None, out: Path
) -> None:
    record: dict[str, Any] = {
        "settings": nest(flatten(settings.resolved())),
        "findings": [asdict(finding) for finding in findings],
    }
    if played is not None:
        free = [t for mine in played.free for t in mine]
        ways = {"low": played.low, "high": played.high, "free": free}
        record["metrics"] = {way: episode_metrics(episodes) for way, episodes in ways.items()}
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=1)
    (out / "doctor.json").write_text(text + "\n", encoding="utf-8")
    console.print(f"Findings: {out / 'doctor.json'}", soft_wrap=True)
