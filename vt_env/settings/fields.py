"""`setting`: a field of a settings dataclass that says itself what it is for and what it may be.

    @dataclass(frozen=True)
    class EpisodeRules:
        max_turns: int = setting(2, "Turns of an episode.", Numbers(1, whole=True))

        def __post_init__(self) -> None:
            check_fields(self)

From such classes `vt_env.settings.tree` makes trees, and from trees come the command line, settings
files and `docs/settings.md`. The type of a field is its annotation: one of bool, int, float, str,
Path, `Mapping[str, Any]`, a tuple of one of the first four, or one of these or None.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from judges import VisionThinkError
from vt_env.errors import ConfigError, UnknownNameError
from vt_env.settings.ranges import Numbers, check_flag, check_number, check_text

Words = Literal["text", "literal", "tables"]
ANY_NUMBER = Numbers(-1e12, 1e12)
"""What a number may be where its field says nothing more."""


def setting(
    default: Any,
    help: str,  # noqa: A002 - the word that the key of the metadata is
    accepts: Numbers | Iterable[str] | None = None,
    *,
    words: Words = "literal",
) -> Any:
    """A field of a settings dataclass.

    Args:
        default: Its value unless told otherwise.
        help: What it is for, in a sentence or two.
        accepts: The numbers that it may be, or the names; None: what its type says.
        words: What the values of a mapping are when they come from a command line: ``"literal"``:
            numbers, true, false and JSON are read as such; ``"text"``: they stay text;
            ``"tables"``: literals too, two names deep (``terms.brevity.weight``).
    """
    known = accepts if accepts is None or isinstance(accepts, Numbers) else tuple(accepts)
    about = {"help": help, "accepts": known, "words": words}
    if isinstance(default, dict):
        return field(default_factory=functools.partial(dict, default), metadata=about)
    return field(default=default, metadata=about)


PLUGINS: Any = setting(
    (),
    "Modules of one's own, names or paths: every process imports them before names are looked up.",
)
"""The field ``plugins`` of a tree; `vt_env.settings.tree.build` loads them first."""


@dataclass(frozen=True)
class Kind:
    """What the values of a field are.

    Attributes:
        base: bool, int, float, str, Path, dict or tuple.
        optional: Whether None is a value too.
        item: What a tuple holds; None for anything else.
        accepts: Numbers or names that are accepted; None: all of the type.
        words: As in `setting`.
    """

    base: type
    optional: bool = False
    item: type | None = None
    accepts: Numbers | tuple[str, ...] | None = None
    words: Words = "literal"

    @property
    def numbers(self) -> Numbers:
        """The numbers accepted, of a field that is one."""
        own = self.accepts if isinstance(self.accepts, Numbers) else ANY_NUMBER
        return Numbers(
            own.low, own.high, own.above, own.below, self.base is int or own.whole, self.optional
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The names accepted; none: any text."""
        return self.accepts if isinstance(self.accepts, tuple) else ()

    def __str__(self) -> str:
        if self.base in (int, float):
            own = replace(self.numbers, optional=False)
            text = f"{own.kind} {str(own).removeprefix('be ').removeprefix('lie ')}"
            text = text if isinstance(self.accepts, Numbers) else own.kind
            return f"{text} or None" if self.optional else text
        told = {bool: "true or false", str: "a text", Path: "a path", dict: "a table by name"}
        items = {str: "texts", int: "whole numbers", float: "numbers"}
        text = (
            ", ".join(self.names) or told.get(self.base) or f"a list of {items[self.item or str]}"
        )
        return f"{text} or None" if self.optional else text


def kinds(owner: type) -> dict[str, Kind]:
    """The kinds of a settings dataclass's own fields, by name; groups are left out."""
    return dict(_kinds(owner))


@functools.cache
def _kinds(owner: type) -> tuple[tuple[str, Kind], ...]:
    hints = get_type_hints(owner)
    found = []
    for item in fields(owner):
        kind = _kind(hints[item.name], item.metadata)
        if kind is not None:
            found.append((item.name, kind))
    return tuple(found)


def _kind(hint: Any, about: Mapping[str, Any]) -> Kind | None:
    optional = False
    if get_origin(hint) in (Union, types.UnionType):
        parts = [part for part in get_args(hint) if part is not type(None)]
        optional, hint = len(parts) < len(get_args(hint)), parts[0] if len(parts) == 1 else None
    accepts, words = about.get("accepts"), about.get("words", "literal")
    origin = get_origin(hint)
    if origin is tuple:
        return Kind(tuple, optional, get_args(hint)[0], accepts, words)
    if origin is Literal:
        return Kind(str, optional, None, accepts or get_args(hint), words)
    if origin is not None and issubclass(origin, Mapping):
        return Kind(dict, optional, None, accepts, words)
    if hint in (bool, int, float, str, Path):
        return Kind(hint, optional, None, accepts, words)
    return None


def check_value(
    name: str, value: object, kind: Kind, error: type[VisionThinkError] = ConfigError
) -> Any:
    """Refuses a value that a setting cannot have.

    Args:
        name: The setting's name or path, for the message.
        value: Its value.
        kind: What it may be.
        error: What is raised.

    Returns:
        The value; a list as a tuple, a text as a path where a path is wanted, a table copied.

    Raises:
        VisionThinkError: Of the kind `error`, with name, value and what is accepted.
        UnknownNameError: If it is none of the names accepted; suggests the closest.
    """
    if value is None and kind.optional:
        return None
    if kind.base in (int, float):
        check_number(name, value, kind.numbers, error)
    elif kind.base is bool:
        check_flag(name, value, error)
    elif kind.base is tuple:
        return _check_items(name, value, kind, error)
    elif kind.base is dict:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise error(f"{name} must be a mapping by name, got {repr(value)[:80]}.")
        return dict(value)
    elif kind.base is Path:
        if not isinstance(value, str | Path) or not str(value):
            raise error(f"{name} must be a path, got {repr(value)[:80]}.")
        return Path(value)
    else:
        check_text(name, value, False, error)
        if kind.names and value not in kind.names:
            raise UnknownNameError(name, str(value), kind.names)
    return value


def _check_items(name: str, value: object, kind: Kind, error: type[VisionThinkError]) -> Any:
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise error(f"{name} must be {kind}, got {repr(value)[:80]}.")
    item = Kind(kind.item or str, False, None, kind.accepts)
    return tuple(check_value(f"{name}: each", part, item, error) for part in value)


def check_fields(settings: object, error: type[VisionThinkError] = ConfigError) -> None:
    """Checks every field of a settings dataclass; for its ``__post_init__``.

    Raises:
        VisionThinkError: As `check_value` does, by the field's name.
    """
    for name, kind in kinds(type(settings)).items():
        value = check_value(name, getattr(settings, name), kind, error)
        if kind.base is tuple and value is not None:
            object.__setattr__(settings, name, value)
