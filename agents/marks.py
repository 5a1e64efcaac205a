"""Whether a checkpoint was written by this user on this machine, told by a mark that others lack.

RLlib keeps its state in pickles, and a pickle runs what is in it when it is read. So a folder that
is gone on with is trusted as a program is. A mark is a keyed hash of the checkpoint's list of files
(`agents.manifest`); the key lies in the user's cache and never in a run. A folder without the mark
may be sound, copied from another machine of yours; it is for you to know.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agents.errors import ForeignCheckpointWarning

KEY_BYTES = 32
PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".bin")
"""Endings of files that run what is in them when they are read, or may."""
_TOLD: set[Path] = set()


def key_file() -> Path:
    """Where the key of this user on this machine is."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "visionthink" / "checkpoint-key"


def mark_of(files: Mapping[str, Any], about: Mapping[str, Any]) -> str | None:
    """The mark of a list of files; None where there is no key and none can be written.

    Args:
        files: Sizes and hashes by name, as JSON has them.
        about: What else the list says.
    """
    key = _key()
    if key is None:
        return None
    text = json.dumps([files, about], sort_keys=True)
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def foreign(path: Path, names: Mapping[str, Any], own: bool) -> str | None:
    """What is to be said before a checkpoint is read; None where it has no pickles or is one's own.

    Args:
        path: The checkpoint.
        names: Its files.
        own: Whether it has this user's mark.
    """
    pickles = [name for name in names if name.endswith(PICKLES)]
    if own or not pickles:
        return None
    return (
        f"{path}: was not written by this user on this machine, and reading it runs what its "
        f"{len(pickles)} pickled files hold ({pickles[0]}, …). Go on only if you trust where it "
        "comes from, as you would with a program."
    )


def warn_once(path: Path, said: str | None) -> None:
    """Gives the warning, unless it was said of this folder before."""
    if said is not None and path.resolve() not in _TOLD:
        warnings.warn(said, ForeignCheckpointWarning, stacklevel=3)
    told(path)


def told(path: Path) -> None:
    """Notes that a person was told of a folder, or needs not be."""
    _TOLD.add(path.resolve())


def _key() -> bytes | None:
    file = key_file()
    try:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            draft = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as to:
                to.write(secrets.token_bytes(KEY_BYTES))
            try:
                os.link(draft, file)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        key = file.read_bytes()
    except OSError:
        return None
    return key if len(key) == KEY_BYTES else None
