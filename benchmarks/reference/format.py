"""The file of a reference: a JSON object, a line a curve; its reader and its writer.

reference = shipped("default")
reference.curves["accuracy"][0]     # of seed 0, a number an iteration
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from benchmarks.reference.alike import digest
from benchmarks.safety.disk import write_whole
from vt_env import DataError, UnknownNameError

FOLDER = Path(__file__).parent
CURVES = (
    "request_rate_need",
    "request_rate_no_need",
    "resize_call_ratio",
    "accuracy",
    "visual_tokens/share_of_full",
    "reward",
)
"""Metrics of training that a reference has, in the order in which they are told."""
DIGITS, END_DIGITS = 4, 6
"""Of numbers of curves, and of those of a final evaluation, which are shown rounded again."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=+,-]*")
Curve = tuple[float | None, ...]
"""A number an iteration, from the first on; None where an iteration has none."""
_KEYS = ("name", "command", "varied", "digest", "settings", "made", "ends", "curves")
_MADE = ("visionthink", "commits", "date", "machine", "packages")


@dataclass(frozen=True)
class Made:
    """What the runs of a reference were made by.

    Attributes:
        visionthink: The version.
        commits: Commits of the code, each once; ``+`` where files differed from it.
        date: The day on which the last of them began; empty where that is not known.
        machine: What they ran on.
        packages: Versions of those that decide how it is computed.
    """

    visionthink: str
    commits: tuple[str, ...]
    date: str
    machine: str
    packages: Mapping[str, str]


@dataclass(frozen=True)
class Reference:
    """Runs of one setting that differ in their seed alone.

    Attributes:
        name: What it is called, and its file.
        command: What makes a run again; ``{seed}`` stands for its seed.
        varied: Settings that were not as they are by default, by path.
        digest: Of all `settings`.
        settings: All that results hang on, by path.
        made: What they were made by.
        ends: Final evaluation of each seed: metrics by name, rounded.
        curves: Metrics of training by name, of each seed, rounded.
    """

    name: str
    command: str
    varied: Mapping[str, Any]
    digest: str
    settings: Mapping[str, Any]
    made: Made
    ends: Mapping[int, Mapping[str, float | None]]
    curves: Mapping[str, Mapping[int, Curve]]

    @property
    def seeds(self) -> tuple[int, ...]:
        """The runs' seeds."""
        return tuple(self.ends)


def reference_names() -> list[str]:
    """Names of those that are shipped."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def shipped(name: str) -> Reference:
    """One of those that are shipped.

    Raises:
        UnknownNameError: If there is none of that name; suggests the closest.
        DataError: If its file cannot be used.
    """
    if name not in reference_names():
        raise UnknownNameError("reference", name, reference_names())
    return read_reference(FOLDER / f"{name}.json")


def write_reference(reference: Reference, path: Path) -> None:
    """Writes the file, whole or not at all."""
    made = {name: getattr(reference.made, name) for name in _MADE}
    told = {name: getattr(reference, name) for name in _KEYS} | {"made": made}
    write_whole(path, _lines(told) + "\n")


def _lines(value: Any, indent: str = "") -> str:
    """JSON with a line an entry of what holds tables or lists, and all else on one line."""
    inner = value.values() if isinstance(value, Mapping) else ()
    if not any(isinstance(item, Mapping | tuple) for item in inner):
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    parts = (
        f"{indent} {json.dumps(str(key))}: {_lines(value[key], indent + ' ')}" for key in value
    )
    return "{\n" + ",\n".join(parts) + f"\n{indent}}}"


def read_reference(path: Path) -> Reference:
    """Reads a file.

    Raises:
        DataError: If it cannot be used; names file and field, and the line where it is no JSON.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise DataError(str(path), error.lineno, None, f"is no JSON: {error.msg}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(str(path), None, None, f"cannot be read: {error}") from error
    return _Reader(path).reference(found)


@dataclass(frozen=True)
class _Reader:
    """Checks what a file says, field by field."""

    path: Path

    def fault(self, field: str | None, problem: str) -> NoReturn:
        raise DataError(str(self.path), None, field, problem)

    def reference(self, found: Any) -> Reference:
        table = self.table(found, None, _KEYS)
        name, settings = self.text(table, "name"), self.table(table["settings"], "settings")
        if not NAME.fullmatch(name):
            self.fault("name", f"must be letters, digits and ._=+,- only, got {name!r}")
        if table["digest"] != digest(settings):
            self.fault("digest", f"is not that of settings, which is {digest(settings)}")
        ends = self.by_seed(table["ends"], "ends")
        curves = self.table(table["curves"], "curves", CURVES)
        return Reference(
            name=name,
            command=self.text(table, "command"),
            varied=self.table(table["varied"], "varied"),
            digest=table["digest"],
            settings=settings,
            made=self.made(table["made"]),
            ends={
                seed: {
                    metric: self.number(value, f"ends.{seed}.{metric}")
                    for metric, value in self.table(end, f"ends.{seed}").items()
                }
                for seed, end in ends.items()
            },
            curves={name: self.curves(curves[name], f"curves.{name}", ends) for name in CURVES},
        )

    def made(self, found: Any) -> Made:
        table = self.table(found, "made", _MADE)
        commits, packages = table["commits"], self.table(table["packages"], "made.packages")
        if not isinstance(commits, list) or not all(isinstance(item, str) for item in commits):
            self.fault("made.commits", "must be a list of texts")
        texts = {name: self.text(table, name, "made.") for name in ("visionthink", "machine")}
        date = table["date"]
        if not isinstance(date, str):
            self.fault("made.date", f"must be a text, got {date!r}")
        return Made(commits=tuple(commits), date=date, packages=packages, **texts)

    def curves(self, found: Any, field: str, ends: Mapping[int, Any]) -> dict[int, Curve]:
        curves = self.by_seed(found, field)
        if curves.keys() != ends.keys():
            self.fault(field, f"must have the seeds of ends, {', '.join(map(str, ends))}")
        return {seed: self.curve(curve, f"{field}.{seed}") for seed, curve in curves.items()}

    def curve(self, found: Any, field: str) -> Curve:
        if not isinstance(found, list):
            self.fault(field, "must be a list of numbers")
        return tuple(self.number(value, field) for value in found)

    def by_seed(self, found: Any, field: str) -> dict[int, Any]:
        table = self.table(found, field)
        wrong = [seed for seed in table if not (seed.isascii() and seed.isdecimal())]
        if wrong or not table:
            self.fault(field, f"must be named by seeds, got {', '.join(wrong) or 'none'}")
        return {int(seed): value for seed, value in table.items()}

    def table(
        self, found: Any, field: str | None, keys: tuple[str, ...] | None = None
    ) -> dict[str, Any]:
        if not isinstance(found, dict):
            self.fault(field, f"must be an object, got {repr(found)[:80]}")
        if keys is not None and sorted(found) != sorted(keys):
            told = ", ".join(sorted(found)) or "nothing"
            self.fault(field, f"must have {', '.join(keys)}; has {told}")
        return found

    def text(self, table: Mapping[str, Any], name: str, above: str = "") -> str:
        value = table[name]
        if not isinstance(value, str) or not value:
            self.fault(above + name, f"must be a text that is not empty, got {repr(value)[:80]}")
        return value

    def number(self, value: Any, field: str) -> float | None:
        if value is None:
            return None
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        ):
            self.fault(field, f"must be finite numbers or null, got {repr(value)[:80]}")
        return float(value)
