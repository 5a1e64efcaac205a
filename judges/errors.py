"""The error vocabulary of the judges, and the base of every error in this project.

    VisionThinkError
    ├── ConfigError             a setting that cannot work, named
    │   ├── UnknownNameError    a name that is in no registry ("did you mean …?")
    │   ├── ParameterError      a parameter that an entry of a registry does not take, or lacks
    │   ├── RegistryError       an entry that cannot be registered or used
    │   └── PluginError         a module of one's own that cannot be loaded
    ├── JudgeError              a judge is set up or used wrongly
    │   ├── CacheMissError      a replay met a case that was never judged
    │   ├── AbstentionLimitError  too many verdicts are missing for training to go on
    │   ├── EndpointError       a judging model cannot be reached
    │   └── ServeError          a judge's server did not start
    └── (vt_env.errors adds the rest)

A judge that cannot decide raises nothing: it returns a `Verdict` that abstains, with its reason.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class VisionThinkError(Exception):
    """Base class of every error that this project raises on purpose."""


class ConfigError(VisionThinkError, ValueError):
    """A setting that cannot work; the message names the setting and the accepted range."""


class UnknownNameError(ConfigError, KeyError):
    """A name was looked up that no registry entry has.

    Args:
        what: Kind of thing that was looked up, such as ``"judge"``.
        name: The name as given.
        known: Every name that would have been accepted.
    """

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        self.what, self.name, self.known = what, name, tuple(sorted(known))
        close = difflib.get_close_matches(name, self.known, n=1, cutoff=0.5)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        self.message = f"Unknown {what} {name!r}.{hint} Known: {', '.join(self.known) or 'none'}."
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[type[UnknownNameError], tuple[str, str, tuple[str, ...]]]:
        return UnknownNameError, (self.what, self.name, self.known)


class ParameterError(ConfigError):
    """A parameter that an entry of a registry does not take, or one that it needs and lacks.

    Attributes:
        who: Kind and name of the entry, such as ``"group shaper 'paper'"``.
        parameter: The parameter's name.
        known: Every parameter that it takes.
        missing: Whether the parameter is needed, rather than unknown.
    """

    def __init__(
        self, who: str, parameter: str, known: Iterable[str], missing: bool = False
    ) -> None:
        self.who, self.parameter, self.known, self.missing = who, parameter, tuple(known), missing
        takes = ", ".join(self.known) or "no parameters"
        if missing:
            said = f"The {who} needs the setting {parameter!r}; it takes {takes}."
        else:
            close = difflib.get_close_matches(parameter, self.known, n=1, cutoff=0.5)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            said = f"The {who} takes {takes}; not {parameter!r}.{hint}"
        super().__init__(said)

    def __reduce__(
        self,
    ) -> tuple[type[ParameterError], tuple[str, str, tuple[str, ...], bool]]:
        return ParameterError, (self.who, self.parameter, self.known, self.missing)


class RegistryError(ConfigError):
    """An entry that cannot be registered under its name, or is not what its kind has to be."""


class PluginError(ConfigError):
    """A module of one's own that cannot be loaded.

    Attributes:
        module: Its name or path, as given.
        reason: What went wrong.
    """

    def __init__(self, module: str, reason: str) -> None:
        self.module, self.reason = module, reason
        super().__init__(f"Plugin {module!r} cannot be loaded: {reason}")

    def __reduce__(self) -> tuple[type[PluginError], tuple[str, str]]:
        return PluginError, (self.module, self.reason)


class JudgeError(VisionThinkError):
    """A judge was configured or called in a way that cannot work."""


class CacheMissError(JudgeError):
    """A replay met a case that its cache does not hold."""


class AbstentionLimitError(JudgeError):
    """So many verdicts are missing that going on would train on noise."""


class EndpointError(JudgeError):
    """A judging model cannot be reached, or does not accept what it is asked."""


class ServeError(JudgeError):
    """A judge's server did not start."""
