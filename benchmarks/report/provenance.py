"""What a run was made by: version, commit, packages, command; kept in its folder."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGE = "visionthink"
ROOT = Path(__file__).parents[2]


def version() -> str:
    """The version of this package; of a clone that is not installed the one it will have."""
    try:
        return metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        import tomllib

        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        return str(project["project"]["version"])


def commit() -> str | None:
    """The commit that the code is of, with ``+`` where files differ from it; None without git."""
    if not (ROOT / ".git").exists():
        return None
    try:
        found = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return found + ("+" if changed else "")


def _git(*words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=True, timeout=20
    )
    return done.stdout.strip()


def processor(about: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's kind; of those that have AVX-512 or not, which: results hang on it.

    Args:
        about: What Linux says of it.
    """
    try:
        lines = about.read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    told = {name.strip(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    kind = told.get("model name") or platform.machine()
    if "flags" not in told:
        return kind
    return f"{kind} {'with' if 'avx512f' in told['flags'].split() else 'without'} AVX-512"


@cache
def _packages() -> Mapping[str, str]:
    """What is installed, by name."""
    found = {item.name: item.version for item in metadata.distributions() if item.name}
    return dict(sorted(found.items()))


def provenance() -> dict[str, Any]:
    """Version, commit, packages, command, machine and time."""
    return {
        "visionthink": version(),
        "commit": commit(),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "started": f"{datetime.now().astimezone():%Y-%m-%dT%H:%M:%S%z}",
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "processor": processor(),
        "packages": dict(_packages()),
    }
