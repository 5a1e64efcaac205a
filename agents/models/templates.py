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

SECONDS_VARIABLE = "VISIONTHINK_TEMPLATE_SECONDS"
"""Environment variable: seconds of processor time that the try may take, compiling included."""
SECONDS = 10
MEMORY = 2**29
"""Bytes of memory that it may take."""
MAX_CHARS = 2**20
"""Characters that it may make of a conversation of a few words."""
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
        ConfigError: If the environment variable for the seconds holds no whole number above 0.
    """
    plain = {name: str(token) for name, token in tokens.items() if isinstance(token, str)}
    asked = {
        "template": template,
        "tokens": plain,
        "conversations": _conversations(),
        "memory": MEMORY,
    }
    key = hashlib.sha256(json.dumps([template, plain]).encode("utf-8", "surrogatepass")).digest()
    if key not in _SOUND:
        problem = _problem({**asked, "seconds": _seconds()})
        if problem is not None:
            raise BackendError(f"{folder}: its chat template {problem}; {_ADVICE} it.")
        _SOUND.add(key)


def _problem(asked: Mapping[str, Any]) -> str | None:
    seconds = asked["seconds"]
    late = f"does not end within {seconds} s ({SECONDS_VARIABLE})"
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(_WORKER)],
            input=json.dumps(asked).encode(),
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
        return f"takes more than {MEMORY // 2**20} MiB of memory"
    if longest > MAX_CHARS:
        return f"makes {longest} characters of a few words, over {MAX_CHARS}"
    return None


def _seconds() -> int:
    told = os.environ.get(SECONDS_VARIABLE, str(SECONDS))
    if not told.isdecimal() or not 0 < int(told) < 10_000:
        raise ConfigError(f"{SECONDS_VARIABLE} must be a whole number above 0, got {told[:80]!r}.")
    return int(told)


def _conversations() -> list[list[dict[str, Any]]]:
    """Conversations as an episode makes them: short, with a system's turn, with many turns."""
    text, image = {"type": "text", "text": "What is it?"}, {"type": "image"}
    asks = [{"role": "user", "content": [image, text]}, {"role": "assistant", "content": [text]}]
    system = {"role": "system", "content": [text]}
    return [asks[:1], [system, *asks, asks[0]], asks * 6 + asks[:1]]
