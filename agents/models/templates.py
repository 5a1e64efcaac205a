"""Whether a chat template ends: it is a program of a model's folder, and is run at every turn.

Jinja's sandbox keeps templates from files and the network, not from loops in loops or from texts
that double. So a template is tried once, on conversations like ours, in a child process whose time
and memory are bounded. What passed is remembered for as long as the process runs.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agents.errors import BackendError
from vt_env import ConfigError

PREFIX = "VISIONTHINK_TEMPLATE_"
LIMITS = {
    "SECONDS": (10, 10_000),  # of processor time that the try may take, compiling included
    "MEGABYTES": (512, 1_000_000),  # of memory (MiB) that it may take
    "CHARACTERS": (2**20, 2**30),  # that it may make of a conversation of a few words
}
"""By environment variable, without `PREFIX`: a limit, and the most that it may be set to."""
_WAIT = 12
"""Times as long as its processor time the child may live: the machine may be busy."""
_ADVICE = "its template would run at every turn. Take the model from where you trust it, or mend"
_WORKER = Path(__file__).with_name("template_worker.py")
_SOUND: set[bytes] = set()


def check_template(template: str, tokens: Mapping[str, Any], folder: str) -> None:
    """Refuses a chat template that runs too long or makes too much.

    Args:
        template: In Jinja's language.
        tokens: Special tokens that the template is given, by name.
        folder: The model's, for errors.

    Raises:
        BackendError: Naming the folder and the limit.
        ConfigError: If an environment variable for a limit holds no whole number above 0.
    """
    plain = {name: str(token) for name, token in tokens.items() if isinstance(token, str)}
    limits = {name: _limit(name) for name in LIMITS}
    asked = {"template": template, "tokens": plain, "conversations": _conversations()}
    key = hashlib.sha256(json.dumps([template, plain, limits]).encode("utf-8", "surrogatepass"))
    if key.digest() not in _SOUND:
        problem = _problem(asked, limits)
        if problem is not None:
            raise BackendError(f"{folder}: its chat template {problem}; {_ADVICE} it.")
        _SOUND.add(key.digest())


def _problem(asked: Mapping[str, Any], limits: Mapping[str, int]) -> str | None:
    seconds, megabytes, most = limits["SECONDS"], limits["MEGABYTES"], limits["CHARACTERS"]
    late = f"does not end within {seconds} s ({PREFIX}SECONDS)"
    bounds = {"seconds": seconds, "memory": megabytes * 2**20}
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(_WORKER)],
            input=json.dumps({**asked, **bounds}).encode(),
            capture_output=True,
            timeout=_WAIT * seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return late
    if done.returncode < 0:
        return late
    text = done.stdout.decode()
    longest = int(text) if done.returncode == 0 and text else -1
    if longest < 0:
        return f"takes more than {megabytes} MiB of memory ({PREFIX}MEGABYTES)"
    if longest > most:
        return f"makes {longest} characters of a few words, over {most} ({PREFIX}CHARACTERS)"
    return None


def _limit(name: str) -> int:
    default, most = LIMITS[name]
    told = os.environ.get(PREFIX + name, str(default))
    if not told.isdecimal() or not 0 < int(told) <= most:
        raise ConfigError(
            f"{PREFIX}{name} must be a whole number from 1 to {most}, got {told[:80]!r}."
        )
    return int(told)


def _conversations() -> list[list[dict[str, Any]]]:
    """Conversations as an episode makes them: short, with a system's turn, with many turns."""
    text, image = {"type": "text", "text": "What is it?"}, {"type": "image"}
    asks = [{"role": "user", "content": [image, text]}, {"role": "assistant", "content": [text]}]
    system = {"role": "system", "content": [text]}
    return [asks[:1], [system, *asks, asks[0]], asks * 6 + asks[:1]]
