"""Whether two runs are of the same settings; pure functions over settings by path."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents.engine import MODEL, told_model
from benchmarks.report.html.runs import flat
from benchmarks.training.settings import TrainSettings
from vt_env import ConfigError
from vt_env.settings.tree import to_json

Values = Mapping[str, Any]
"""Settings by path; of a table each entry, and nothing where it is empty."""
SEED = "run.seed"
ASIDE = (
    SEED,
    "run.checkpoint_every",
    "run.keep_checkpoints",
    "run.keep_rollouts",
    "run.num_env_runners",
    "run.num_learners",
    "run.threads",
    "run.export",
    "run.export_project",
    "evaluation.every",
    "evaluation.slice",
    "data.cache_dir",
)
"""Settings in which runs that are compared may differ: the seed, what is kept of a run and where,
and how its work is shared out. None changes what is learned, but for the last digits."""


@dataclass(frozen=True)
class Difference:
    """A setting in which a run and a reference differ.

    Attributes:
        path: The setting's.
        run: Its value in the run; None too where it has none.
        reference: Its value in the reference.
    """

    path: str
    run: Any
    reference: Any


def matter(settings: Values) -> dict[str, Any]:
    """The settings that a run's results hang on, whole: what is not given has its default.

    Args:
        settings: Those of a run of ``visionthink train``, by path, with nothing left to the model.

    Raises:
        ConfigError: If they are of another training.
    """
    if any(path.startswith("sft.") for path in settings):
        raise ConfigError("is of visionthink sft; reference curves are of visionthink train.")
    values = {**by_path(_defaults()), **settings}
    if MODEL in values:
        values[MODEL] = told_model(str(values[MODEL]))
    return {path: _plain(values[path]) for path in sorted(values) if path not in ASIDE}


@functools.cache
def _defaults() -> str:
    return to_json(TrainSettings().resolved())


def by_path(settings: str) -> dict[str, Any]:
    """Settings that are JSON, by path."""
    return flat(json.loads(settings))


def _plain(value: Any) -> Any:
    """A number is the same with and without a point."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def digest(values: Values) -> str:
    """A short text that is equal for equal settings alone."""
    told = json.dumps(dict(values), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def varied(values: Values) -> dict[str, Any]:
    """What of some settings is not as it is by default."""
    usual = matter({})
    return {path: value for path, value in values.items() if usual.get(path) != value}


def differences(run: Values, reference: Values) -> tuple[Difference, ...]:
    """Settings in which a run and a reference differ, both as `matter` has them.

    A setting that came to be after the reference was made is none where the run has its default.
    """
    usual = matter({})
    later = {path for path in run if path not in reference and usual.get(path) == run[path]}
    paths = sorted((run.keys() | reference.keys()) - later)
    found = (Difference(path, run.get(path), reference.get(path)) for path in paths)
    return tuple(item for item in found if item.run != item.reference)
