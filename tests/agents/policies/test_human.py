"""A person at a terminal, whose lines are given."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from agents.policies import AgentError, make_agent
from agents.policies.human import HumanAgent
from agents.policies.play import play_agent
from vt_env import make


def test_a_person_asks_and_answers() -> None:
    lines: Iterator[str] = iter(["", "?", "?", " yes "])
    shown: list[tuple[str, tuple[int, int]]] = []

    def read(prompt: str) -> str:
        _, question, image, _ = prompt.split("\n")
        with Image.open(image.split(" (")[0]) as opened:
            shown.append((question, opened.size))
        return next(lines)

    env = make("VisionThink-v0").unwrapped
    agent = HumanAgent(read)
    (played,) = play_agent(agent, [env.new_episode(0)], env.judge, [0])
    assert (played.answer, played.outcome.requested) == ("yes", True)
    sizes = [size for _, size in shown]
    assert sizes == [sizes[0]] * 2 + [sizes[2]] * 2 and sizes[2][0] > sizes[0][0]
    assert {question for question, _ in shown} == {env.dataset[0].question}
    folder = Path(agent._folder.name)
    agent.close()
    assert not folder.exists()


def test_without_a_terminal_there_is_nobody() -> None:
    with pytest.raises(AgentError, match="terminal"):
        make_agent("human")
