"""Episodes that a home and our environment play alike: the same turns on the same samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from PIL import Image

from vt_env import Answer, Request, VisionThinkEnv, make, to_text

EPISODES = 100
BAD_CALL = (
    '<think>x</think><tool_call>{"name": "resize_image", "arguments": {"action": "up"}}</tool_call>'
)


def our_env(**settings: Any) -> VisionThinkEnv:
    env = make("VisionThink-v0", **settings).unwrapped
    assert isinstance(env, VisionThinkEnv)
    return env


def turns_of(env: VisionThinkEnv, index: int) -> list[str]:
    """Turns of every kind: right, wrong, asked, asked badly, asked twice, neither."""
    right = to_text(Answer(env.dataset[index].answers[0], "x"))
    ask = to_text(Request(thought="x"))
    kinds = (
        [right], [ask, right], [to_text(Answer("a guess", "x"))], [BAD_CALL, right], [ask, ask],
        ["neither an answer nor a call"], [ask, to_text(Answer("", "x"))],
    )  # fmt: skip
    return list(kinds[index % len(kinds)])


def our_episode(env: VisionThinkEnv, index: int) -> dict[str, Any]:
    """An episode as our environment plays it: what each turn earned, what was shown, how it ended.

    Images are those of the conversation: one that is shown again after a fault is not a new one.
    """
    env.reset(options={"index": index})
    rewards, dones = [], []
    for turn in turns_of(env, index):
        _, reward, done, _, _ = env.step(turn)
        rewards.append(reward)
        dones.append(done)
    assert env.episode is not None
    shown = [p for m in env.episode.messages for p in m.content if isinstance(p, Image.Image)]
    return {
        "rewards": rewards,
        "dones": dones,
        "images": [image.tobytes() for image in shown],
        "texts": [p for m in env.episode.messages for p in m.content if isinstance(p, str)],
        "ending": str(env.episode.ending),
    }


def numbered(env: VisionThinkEnv) -> Iterator[tuple[int, list[str]]]:
    for index in range(EPISODES):
        yield index, turns_of(env, index)
