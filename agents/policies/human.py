"""`HumanAgent`: a person at the terminal, as one agent among others."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from PIL import Image

from agents.policies.base import Agent, AgentError, View
from agents.policies.scripted import said

ASK = "?"


class HumanAgent(Agent):
    """Shows each view as a file and a line, and reads an answer; ``?`` asks to see more.

    ``visionthink play`` is the comfortable way: a page with the images in it. This is the same
    person as an agent that is compared with others.

    Args:
        read: Asks for a line; None: the terminal.
    """

    has_baselines: ClassVar[bool] = False

    def __init__(self, read: Callable[[str], str] | None = None) -> None:
        if read is None and not sys.stdin.isatty():
            raise AgentError("The agent human needs a terminal to read from.")
        self._read = read or input
        self._folder = tempfile.TemporaryDirectory(prefix="visionthink-human-")

    def act(self, views: Sequence[View]) -> list[str]:
        """Asks the person for one view after the other."""
        return [self._ask(view) for view in views]

    def _ask(self, view: View) -> str:
        file = Path(self._folder.name) / f"{view['episode']}-{view['turn']}.png"
        Image.fromarray(view["image"]).save(file)
        more = f" ({ASK} shows more)" if view["request"] else ""
        prompt = f"\n{view['question']}\n{file}{more}\n> "
        while True:
            line = self._read(prompt).strip()
            if line == ASK and view["request"]:
                return str(view["request"])
            if line and line != ASK:
                return said(line, view)

    def close(self) -> None:
        """Removes the images."""
        self._folder.cleanup()
