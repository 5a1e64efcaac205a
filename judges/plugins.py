"""Modules of one's own: loaded by name, by path, or because they are installed.

A plugin is a module that registers things as it is imported. Each process loads its plugins once;
a process that is not told of them (a worker) knows none of what they registered.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import operator
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from judges.errors import ConfigError, PluginError, UnknownNameError

ENTRY_POINTS = "visionthink.plugins"
"""Group of the entry points by which an installed package says which module is its plugin."""
T = TypeVar("T")
_lock = threading.RLock()
_loaded: set[str] = set()


def load_plugins(names: Iterable[str] = ()) -> None:
    """Imports the plugins of installed packages, and those that are named; each once a process.

    Args:
        names: Dotted names of modules, or paths of ``.py`` files and of package folders.

    Raises:
        PluginError: If one cannot be imported; names it, and says why.
        ConfigError: If `names` is no list of names.
    """
    with _lock:
        _once(ENTRY_POINTS, _load_installed)
        for name in plugin_names(names):
            _once(name, functools.partial(import_plugin, name))


def plugin_names(names: object) -> tuple[str, ...]:
    """The names as a tuple.

    Raises:
        ConfigError: If they are no list of names.
    """
    if isinstance(names, Iterable) and not isinstance(names, str | bytes):
        found = tuple(names)
        if all(isinstance(name, str) and name for name in found):
            return found
    raise ConfigError(f"plugins is a list of module names or paths, got {repr(names)[:80]}.")


def _once(name: str, load: Callable[[], object]) -> None:
    if name in _loaded:
        return
    _loaded.add(name)  # at once: a plugin may ask for what needs plugins
    try:
        load()
    except BaseException:
        _loaded.discard(name)
        raise


def _load_installed() -> None:
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS):
        package = f" of the package {point.dist.name}" if point.dist else ""
        _attempt(f"{point.value}{package}", point.load)


def import_plugin(name: str) -> ModuleType:
    """Imports a module by its dotted name, or by the path of its file or folder.

    A file is imported under its own name, as if its folder were on Python's path; a module that is
    not on the path is looked for in the working folder too.

    Raises:
        PluginError: If it cannot be imported, or another module has its name.
    """
    path = Path(name).expanduser()
    written = name.endswith(".py") or "/" in name or "\\" in name
    if not written:
        return _attempt(name, lambda: _import(name))
    is_package = path.is_dir() and (path / "__init__.py").is_file()
    if not is_package and not path.is_file():
        raise PluginError(name, "there is no such file, and no folder with an __init__.py.")
    path = path.resolve()
    module_name = path.name if is_package else path.stem
    if not module_name.isidentifier():
        raise PluginError(name, f"{module_name!r} is no name that Python can import.")
    _look_in(path.parent)
    module = _attempt(name, lambda: importlib.import_module(module_name))
    expected = path / "__init__.py" if is_package else path
    found = getattr(module, "__file__", None)
    if found is None or Path(found).resolve() != expected:
        raise PluginError(
            name, f"the name {module_name!r} is another module's ({found}); rename the file."
        )
    return module


def import_attribute(kind: str, name: str) -> Any:
    """Imports ``module:attribute``; the attribute may have dots.

    Args:
        kind: Kind of thing that is looked for, for the error.
        name: Where it is.

    Raises:
        PluginError: If the module cannot be imported.
        UnknownNameError: If it has no such attribute; suggests the closest.
    """
    module_name, _, attribute = name.partition(":")
    module = import_plugin(module_name)
    try:
        return operator.attrgetter(attribute)(module)
    except AttributeError:
        known = [key for key in vars(module) if not key.startswith("_")]
        raise UnknownNameError(f"{kind} of module {module_name}:", attribute, known) from None


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # The console script has its own folder on the path, not the one that it is called from.
        top, here = name.partition(".")[0], Path.cwd()
        beside = (here / top).is_dir() or (here / f"{top}.py").is_file()
        if error.name != top or not beside or str(here) in sys.path:
            raise
        _look_in(here)
        return importlib.import_module(name)


def _look_in(folder: Path) -> None:
    """Puts a folder last on Python's path, where it hides nothing."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    importlib.invalidate_caches()


def _attempt(name: str, load: Callable[[], T]) -> T:
    try:
        return load()
    except PluginError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(name, f"{type(error).__name__}: {error}{_where(error)}") from error


def _where(error: BaseException) -> str:
    """The line of the plugin that failed; nothing where the import itself did."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "importlib" not in frame.filename and frame.filename != __file__
    ]
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
