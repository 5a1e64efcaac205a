"""Faces of packages: names that are imported when they are asked for (PEP 562)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def lazy_face(
    package: str, homes: Mapping[str, Sequence[str]], extra: str | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Makes the ``__getattr__`` and the ``__dir__`` of a package whose parts are heavy.

    Args:
        package: The package's ``__name__``.
        homes: Names by the module that defines them.
        extra: Extra of the installation that brings what the modules import, for the error.

    Returns:
        Both functions; a name is looked up once.
    """
    home_of = {name: module for module, names in homes.items() for name in names}

    def find(name: str) -> Any:
        face = sys.modules[package]
        if name not in home_of:
            text = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(text, name=name, obj=face)
        try:
            found = getattr(importlib.import_module(home_of[name]), name)
        except ModuleNotFoundError as error:
            if extra is None or _is_ours(error.name):
                raise
            raise ImportError(
                f"{package}.{name} needs {error.name}: pip install -e '.[{extra}]'.",
                name=error.name,
            ) from error
        setattr(face, name, found)
        return found

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *home_of})

    return find, names


def _is_ours(module: str | None) -> bool:
    return (module or "").partition(".")[0] in ("judges", "vt_env", "agents", "benchmarks")
