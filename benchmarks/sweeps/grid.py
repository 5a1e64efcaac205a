"""A sweep from the words of a command line: ``rewards.price=0,0.05,0.1``."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.sweeps.catalogue.definitions import Point, Sweep
from benchmarks.training.settings import TrainSettings
from vt_env import ConfigError
from vt_env.settings.tree import Leaf, leaves, nearest, read_entry, read_words

_Value = tuple[str, Any]
"""The words for a value, and the value."""
_UNFIT = re.compile(r"[^A-Za-z0-9._+-]+")


def grid_sweep(axes: Sequence[str], name: str | None = None) -> Sweep:
    """The sweep over all combinations of some settings' values.

    Args:
        axes: ``path=value,value,…`` each. The values of a setting that is a list itself are
            separated by ``;``.
        name: The sweep's name; None: the paths that vary.

    Raises:
        ConfigError: If a path is none of a training's settings, stands twice, or has no value;
            or if a value stands twice.
    """
    known = {leaf.path: leaf for leaf in leaves(TrainSettings)}
    values: dict[str, list[_Value]] = {}
    for axis in axes:
        path, sign, words = axis.partition("=")
        if not sign or not words:
            raise ConfigError(
                f"--grid {axis}: write path=value,value, such as rewards.price=0,0.1."
            )
        if path in values:
            raise ConfigError(f"--grid {axis}: {path} is there already.")
        values[path] = _values(path, words, _leaf(path, known))
    paths = list(values)
    points = [_point(dict(zip(paths, chosen, strict=True))) for chosen in _product(values)]
    named = " and ".join(paths)
    question = f"What do runs come to with {named} at each of these values?"
    return Sweep(name or "-".join(p.replace(".", "_") for p in paths), question, tuple(points))


def _product(values: Mapping[str, list[_Value]]) -> Iterator[tuple[_Value, ...]]:
    return itertools.product(*values.values())


def _point(chosen: Mapping[str, _Value]) -> Point:
    names = [f"{path.rpartition('.')[2]}={_fit(words)}" for path, (words, _) in chosen.items()]
    place = (names[0], names[1]) if len(names) == 2 else None
    return Point("-".join(names), {path: value for path, (_, value) in chosen.items()}, place)


def _leaf(path: str, known: dict[str, Leaf]) -> tuple[Leaf, bool]:
    """The setting that a path names, and whether it is an entry of it."""
    if path in known:
        return known[path], False
    tables = [p for p in known if known[p].kind.base is dict and path.startswith(f"{p}.")]
    if not tables:
        raise ConfigError(f"--grid: there is no setting {path!r}.{nearest(path, known)}")
    return known[tables[0]], True


def _values(path: str, words: str, found: tuple[Leaf, bool]) -> list[_Value]:
    """Each value with the words for it."""
    leaf, entry = found
    split = ";" if leaf.kind.base is tuple else ","
    parts = [part.strip() for part in words.split(split)]
    if "" in parts:
        raise ConfigError(f"--grid {path}={words}: a value is missing.")
    for number, part in enumerate(parts):
        if part in parts[:number]:
            raise ConfigError(f"--grid {path}={words}: {part} is there twice.")
    if leaf.kind.base is dict and not entry:
        raise ConfigError(f"--grid {path}: is a table: name one of its entries, {path}.NAME=….")
    return [(p, read_entry(p, leaf.kind) if entry else read_words(p, leaf.kind)) for p in parts]


def _fit(words: str) -> str:
    return _UNFIT.sub("_", words).strip("_") or "_"
