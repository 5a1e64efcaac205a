"""`Registry`: things of one kind by name, those of packages of one's own among them.

GROUP_SHAPERS = Registry[GroupShaper]("group shaper")

@GROUP_SHAPERS.register("scarce")
def shape_scarce(outcomes, penalty=0.2): ...

GROUP_SHAPERS.find("scarce")                      # by name
GROUP_SHAPERS.find("my_package.shaping:scarce")   # not registered: where it is defined
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar, overload

from judges.errors import ParameterError, RegistryError, UnknownNameError
from judges.plugins import import_attribute, load_plugins

T = TypeVar("T")
F = TypeVar("F")
_LEFT_OUT: Any = object()
_REFERENCE = re.compile(r"[^:\s]+:[A-Za-z_][\w.]*")


class Registry(Mapping[str, T]):
    """Things of one kind, by name; a mapping in the order in which they were registered.

    Args:
        kind: What they are, for errors: ``"group shaper"``.
        fits: Whether a thing is of the kind.
        wanted: What it has to be, for errors.
        names: What names look like; none has a colon.
        named: What that is, for errors.
    """

    def __init__(
        self,
        kind: str,
        fits: Callable[[object], bool] = callable,
        wanted: str = "something that can be called",
        names: str = r"[^:]*[^:\s][^:]*",
        named: str = "a text without colons",
    ) -> None:
        self.kind, self._fits, self._wanted = kind, fits, wanted
        self._names, self._named = re.compile(names), named
        self._entries: dict[str, T] = {}
        self._later: dict[str, str] = {}

    @overload
    def register(self, name: str) -> Callable[[F], F]: ...

    @overload
    def register(self, name: str, entry: F) -> F: ...

    def register(self, name: str, entry: Any = _LEFT_OUT) -> Any:
        """Registers a thing under a name; without the thing: a decorator that does.

        The same definition may be registered again, as happens when a cell or a module is run
        anew; the new one then replaces the old one.

        Args:
            name: Not empty, and without a colon.
            entry: The thing; or ``module:attribute``, which is imported when it is asked for.

        Returns:
            The thing.

        Raises:
            RegistryError: If the name is taken or cannot be one, or the thing is of another kind.
        """
        if entry is _LEFT_OUT:
            return lambda found: self.register(name, found)
        if not isinstance(name, str) or not self._names.fullmatch(name):
            raise RegistryError(f"The name of a {self.kind} is {self._named}, got {name!r}.")
        later = isinstance(entry, str) and is_reference(entry)
        known = self._later.get(name) if later else self._entries.get(name)
        if name in self and not (known is not None and _same_definition(known, entry)):
            raise RegistryError(f"The {self.kind} {name!r} is registered already.")
        if later:
            self._later[name] = entry
        else:
            self._entries[name] = self._fit(name, entry)
        return entry

    def remove(self, name: str) -> None:
        """Forgets what is registered under a name.

        Raises:
            UnknownNameError: If nothing is.
        """
        if name not in self:
            raise UnknownNameError(self.kind, name, self)
        self._entries.pop(name, None)
        self._later.pop(name, None)

    def find(self, name: str) -> T:
        """Returns what is registered under a name, or what ``module:attribute`` means.

        Plugins of installed packages are loaded where the name is not known without them.

        Raises:
            UnknownNameError: If there is none; suggests the closest, and lists what there is.
            PluginError: If a module cannot be imported.
            RegistryError: If what was found is of another kind.
        """
        if isinstance(name, str) and name not in self:
            if is_reference(name):
                return self._fit(name, import_attribute(self.kind, name))
            load_plugins()
        if not isinstance(name, str) or name not in self:
            raise UnknownNameError(self.kind, str(name), self)
        return self[name]

    def holds(self, name: str) -> bool:
        """Whether `find` would look for it here: it is registered, or ``module:attribute``."""
        return name in self or is_reference(name)

    def _fit(self, name: str, entry: Any) -> T:
        if not self._fits(entry):
            raise RegistryError(
                f"The {self.kind} {name!r} must be {self._wanted}, got {type(entry).__name__}."
            )
        fitting: T = entry
        return fitting

    def __getitem__(self, name: str) -> T:
        if name in self._later and name not in self._entries:
            self._entries[name] = self._fit(name, import_attribute(self.kind, self._later[name]))
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries or name in self._later

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._later, *self._entries)))

    def __len__(self) -> int:
        return len({*self._later, *self._entries})


def is_reference(name: str) -> bool:
    """Whether a name says where a thing is defined: ``module:attribute``."""
    return _REFERENCE.fullmatch(name) is not None


def short_name(name: str) -> str:
    """A name for metrics and records: of ``module:attribute`` the attribute alone."""
    return name.partition(":")[2] or name


def _same_definition(known: object, entry: object) -> bool:
    """Whether two things are one, or come from one definition that ran twice."""
    names = ("__module__", "__qualname__")
    if known is entry or known == entry:
        return True
    old, new = ([getattr(thing, name, None) for name in names] for thing in (known, entry))
    return old == new and all(isinstance(part, str) and "<" not in part for part in old)


def check_parameters(
    who: str,
    function: Callable[..., Any],
    given: Iterable[str],
    positional: int = 0,
) -> None:
    """Finds out by its signature whether something can be called with the parameters given.

    Works for functions, partials, classes and callable objects alike; what has no signature (some
    builtins) is taken as it is.

    Args:
        who: Kind and name of what is called, for errors: ``"group shaper 'paper'"``.
        function: What is called.
        given: Names of the parameters that are given by name.
        positional: How many further arguments it is called with, by position.

    Raises:
        ParameterError: If it does not take a parameter (suggests the closest), or lacks one.
        RegistryError: If it does not take so many arguments by position.
    """
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return
    by_place = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(by_place) < positional and not any(p.kind is p.VAR_POSITIONAL for p in parameters):
        raise RegistryError(
            f"The {who} must take {positional} argument(s) by position, and takes {len(by_place)}."
        )
    taken = {p.name for p in by_place[:positional]}
    named = [
        p
        for p in parameters
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name not in taken
    ]
    known, given = [p.name for p in named], tuple(given)
    anything = any(p.kind is p.VAR_KEYWORD for p in parameters)
    for name in given:
        if name not in known and (not anything or name in taken):
            raise ParameterError(who, name, known)
    for p in [*by_place[positional:], *named]:
        if p.default is p.empty and p.name not in given:
            raise ParameterError(who, p.name, known, missing=True)
