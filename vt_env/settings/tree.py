"""Trees of settings: dataclasses in dataclasses, walked by paths such as ``"rewards.price"``.

values = flatten(TrainSettings())                  # {"run.seed": 0, "grpo.lr": 5e-05, …}
settings = build(TrainSettings, {"run.seed": 1})   # the rest as it is by default
settings = build(TrainSettings, read_file(path))   # TOML, or the JSON that `write_file` wrote
"""

from __future__ import annotations

import difflib
import json
import math
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from judges import UnknownNameError, VisionThinkError, load_plugins
from vt_env.errors import ConfigError
from vt_env.settings.fields import Kind, check_value, kinds

_T = TypeVar("_T")


@dataclass(frozen=True)
class Leaf:
    """One setting of a tree.

    Attributes:
        path: Names with dots between them.
        kind: What it may be.
        default: Its value unless told otherwise.
        help: What it is for.
    """

    path: str
    kind: Kind
    default: Any
    help: str


def leaves(owner: type, default: Any = None, path: str = "") -> list[Leaf]:
    """Every setting of a tree, in order.

    Args:
        owner: The dataclass at the root.
        default: Its defaults; None: as it is built without arguments.
        path: Where the root hangs itself, with a dot at the end.
    """
    shown = owner() if default is None else default
    named, found = kinds(owner), []
    for item in fields(owner):
        value = getattr(shown, item.name)
        if item.name in named:
            told = item.metadata.get("help", "")
            found.append(Leaf(path + item.name, named[item.name], value, told))
        elif is_dataclass(value):
            found += leaves(type(value), value, f"{path}{item.name}.")
    return found


def flatten(settings: Any) -> dict[str, Any]:
    """The values of a tree by path, as JSON has them: lists, and paths as text."""
    return {leaf.path: plain(leaf.default) for leaf in leaves(type(settings), settings)}


def nest(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by path as tables in tables."""
    root: dict[str, Any] = {}
    for path, value in values.items():
        *groups, name = path.split(".")
        table = root
        for group in groups:
            table = table.setdefault(group, {})
        table[name] = value
    return root


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def build(owner: type[_T], *layers: Mapping[str, Any], default: _T | None = None) -> _T:
    """A tree with some of its settings given.

    Args:
        owner: The dataclass at the root.
        *layers: Values by path, or tables in tables, or both; what is given later wins. Of a
            setting that is a table itself, ``"judge.params.model"`` sets one entry.
        default: What is not given; None: as `owner` has it.

    Raises:
        ConfigError: If a value cannot be, or a path is none of the tree's; with the path, the
            value and what is accepted, or the nearest path.
        UnknownNameError: If a value is none of the names accepted.
    """
    values: dict[str, Any] = {}
    for layer in layers:
        for path, value in given(owner, layer, default).items():
            table, _, entry = path.partition("#")
            if entry:
                before = values.get(table, _known(owner, table, default).default)
                kind = _known(owner, table, default).kind
                values[table] = check_value(table, _with_entry(before, entry, value, kind), kind)
            else:
                values[path] = value
    load_plugins(values.get("plugins", ()))  # names in the other settings may be theirs
    return _build(owner, nest(values), default)


def given(owner: type, values: Mapping[str, Any], default: Any = None) -> dict[str, Any]:
    """The values of a layer by path, each checked; ``"path#entry"`` for an entry of a table."""
    known = {leaf.path: leaf for leaf in leaves(owner, default)}
    found: dict[str, Any] = {}
    for path, value in _paths(values, known):
        tables = [p for p in known if known[p].kind.base is dict and path.startswith(f"{p}.")]
        if tables and path not in known:
            found[f"{tables[0]}#{path.removeprefix(tables[0] + '.')}"] = value
        elif path not in known:
            raise ConfigError(f"There is no setting {path!r}.{nearest(path, known)}")
        else:
            found[path] = check_value(path, value, known[path].kind)
    return found


def _known(owner: type, path: str, default: Any) -> Leaf:
    return next(leaf for leaf in leaves(owner, default) if leaf.path == path)


def _with_entry(table: Mapping[str, Any], entry: str, value: Any, kind: Kind) -> dict[str, Any]:
    """A table with one entry set; of a table of tables ``name.parameter`` sets one parameter."""
    name, _, parameter = entry.rpartition(".")
    if kind.words != "tables" or not name or ":" in parameter:  # module:attribute has dots itself
        return {**table, entry: value}
    return {**table, name: {**table.get(name, {}), parameter: value}}


def nearest(path: str, known: Mapping[str, Any]) -> str:
    """A sentence that suggests the closest path, or lists those of the group that is meant."""
    groups = sorted({name.partition(".")[0] for name in known if "." in name})
    close = difflib.get_close_matches(path, [*known, *groups], n=1, cutoff=0.7)
    last = path.rpartition(".")[2]
    ends = [name for name in known if name.rpartition(".")[2] == last]
    ends += difflib.get_close_matches(last, [name.rpartition(".")[2] for name in known], n=1)
    if not close and ends:
        close = [name for name in known if name.endswith(ends[0])]
    if close:
        return f" Did you mean {close[0]!r}?"
    return f" Known are {', '.join(sorted({name.partition('.')[0] for name in known}))}."


def _paths(values: Mapping[str, Any], known: Mapping[str, Leaf]) -> Iterator[tuple[str, Any]]:
    """Paths and values of tables in tables; the table of a leaf that is one stays whole."""
    groups = {
        path.rsplit(".", count)[0] for path in known for count in range(1, path.count(".") + 1)
    }
    for name, value in values.items():
        if name in groups:
            if not isinstance(value, Mapping):
                raise ConfigError(f"{name} is a group of settings, got {repr(value)[:80]}.")
            inner = {f"{name}.{key}": item for key, item in value.items()}
            yield from _paths(inner, known)
        else:
            yield str(name), value


def _build(owner: type[_T], given: Mapping[str, Any], default: Any, path: str = "") -> _T:
    made: dict[str, Any] = {}
    hints, named = get_type_hints(owner), kinds(owner)
    for item in fields(owner):  # type: ignore[arg-type]
        if default is not None:
            own = getattr(default, item.name)
        elif item.default_factory is not MISSING:
            own = item.default_factory()
        else:
            own = item.default
        if item.name in named:
            made[item.name] = given.get(item.name, own)
        else:
            group = type(own) if is_dataclass(own) else hints[item.name]
            made[item.name] = _build(group, given.get(item.name, {}), own, f"{path}{item.name}.")
    try:
        return owner(**made)
    except VisionThinkError as error:
        first = str(error).split(maxsplit=1)[0].rstrip(":")
        if first not in named or isinstance(error, UnknownNameError):
            raise
        raise type(error)(f"{path}{error}") from error


def read_words(words: str, kind: Kind) -> Any:
    """What the words of a command line say; what they cannot say is left to `check_value`.

    Args:
        words: One argument. ``none`` is None where that is a value and no name; ``null`` always
            is; a list has commas.
        kind: What is wanted.
    """
    if kind.optional and words.strip().lower() in {"none", "null"}.difference(kind.names):
        return None
    if kind.base is tuple:
        item = Kind(kind.item or str)
        return tuple(read_words(part.strip(), item) for part in words.split(",") if part.strip())
    if kind.base is bool:
        return {"true": True, "false": False}.get(words.strip().lower(), words)
    if kind.base in (int, float):
        for number in (int, float):
            with suppress(ValueError):
                return number(words)
    return words


def read_entry(words: str, kind: Kind) -> Any:
    """What the words for an entry of a table say: numbers, flags and JSON unless it keeps text."""
    if kind.words != "text":
        with suppress(ValueError, RecursionError):
            return json.loads(words)
        with suppress(ValueError):
            return float(words) if math.isfinite(float(words)) else words
    return words


def read_file(path: Path) -> dict[str, Any]:
    """Reads settings from TOML, or from JSON where the file is called so.

    Raises:
        ConfigError: If the file is not there, cannot be read, or holds no table.
    """
    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: cannot be read as settings ({error}).") from error
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: settings are a JSON object, not {repr(found)[:80]}.")
    return found


def build_from_file(owner: type[_T], path: Path, default: _T | None = None) -> _T:
    """The tree that a file says.

    Raises:
        ConfigError: As `read_file` and `build` do, with the file's name.
    """
    values = read_file(path)
    try:
        return build(owner, values, default=default)
    except VisionThinkError as error:
        raise ConfigError(f"{path}: {error}") from error


def to_json(settings: Any) -> str:
    """A tree as JSON, tables in tables."""
    return json.dumps(nest(flatten(settings)), indent=1, allow_nan=False)
