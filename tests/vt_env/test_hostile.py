"""Ten thousand turns that no sane model writes: nothing raises, everything has a named outcome."""

import json
import math
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.vt_env.helpers import BAD_CALL, CALL, REQUEST, ListDataset, answer, memory_sample
from vt_env.env import VisionThinkEnv
from vt_env.episode import Ending
from vt_env.protocol import Answer, Crop, Malformed, Request, parse
from vt_env.rewards import Outcome
from vt_env.vector import VisionThinkVectorEnv
from vt_env.wrappers import RecordTrajectories

COUNT = 10_000
LIMIT = 100_000  # the default of max_action_chars
TAGS = [f"<{slash}{tag}>" for slash in ("", "/") for tag in ("think", "answer", "tool_call", "x")]
PIECES = [
    *TAGS, CALL, REQUEST, BAD_CALL, answer("A"), answer("1e999999"), '{"name": ', "[" * 50,
    '"arguments": {"action": "resize", "scale": 0.5}}', "\x00", "\ud800\udfff", "\u202e", "🦉",
    "1" * 5000, "NaN", "\\boxed{", "}" * 9, "١٢٣", "½", "Ⅻ", "²", "\n" * 20, "yes", "red",
    "\x1b[2J", "-0.0e-0", "<|im_end|>", "<|vision_start|><|image_pad|><|vision_end|>",
    "9" * 400 + "/0", "</tool_call", "<answer", "\ufeff", "\u2028", "\udcff", "%s%n{0}{question}",
    "＜answer＞",
]  # fmt: skip
NUMBERS = ["0", "-0.0", "1", "1e309", "-1e309", "1e-400", "NaN", "Infinity", "-Infinity", "true",
           "null", '"1"', "[]", "{}", "9" * 4000, "0." + "3" * 3000, "1E5", "-7", ".5",
           "0.5"]  # fmt: skip
CALLS = [
    "[" * 3900, '{"a":' * 700, "{" * 3000 + "}" * 1000, '{"name": "resize_image"',
    '{"name": "resize_image", "arguments": null}', '{"name": ["resize_image"], "arguments": {}}',
    '{"name": "resize_image", "name": "crop_image", "arguments": {"box": 1}, "arguments": {}}',
    '{"name": "resize_image", "arguments": {"action": "resize", "action": "x"}}',
    '{"name": "\\ud800", "arguments": {"\\u0000": "\\udfff"}}', "'", "\x00", '"\\', "\ufeff{}",
    '{"name": "resize_image", "arguments": {"action": "resize"}} {}', "[]", "1", "null", "NaN",
]  # fmt: skip


def fragments(rng: random.Random) -> str:
    return "".join(rng.choices(PIECES, k=rng.randint(0, 8)))


def wrapped(rng: random.Random) -> str:
    return answer("".join(rng.choices(PIECES, k=rng.randint(1, 4))))


def unicode(rng: random.Random) -> str:
    text = "".join(chr(rng.randrange(0x110000)) for _ in range(rng.randint(0, 60)))
    return answer(text) if rng.random() < 0.3 else text


def called(rng: random.Random) -> str:
    return f"<think>x</think><tool_call>{rng.choice(CALLS)}</tool_call>"


def scaled(rng: random.Random) -> str:
    arguments = f'{{"action": "resize", "scale": {rng.choice(NUMBERS)}}}'
    return f'<tool_call>{{"name": "resize_image", "arguments": {arguments}}}</tool_call>'


def cropped(rng: random.Random) -> str:
    box = ", ".join(rng.choices(NUMBERS, k=rng.choice((4, 4, 4, 4, 3, 5))))
    return f'<tool_call>{{"name": "crop_image", "arguments": {{"box": [{box}]}}}}</tool_call>'


def nested(rng: random.Random) -> str:
    tags = [rng.choice(("think", "answer", "tool_call")) for _ in range(rng.randint(2, 200))]
    return "".join(f"<{tag}>" for tag in tags) + "".join(f"</{tag}>" for tag in reversed(tags))


def huge(rng: random.Random) -> str:
    """About as long as a turn may be: a little less, exactly, a little more, ten times as long."""
    length = rng.choice((LIMIT - 40, LIMIT, LIMIT + 1, 10 * LIMIT))
    piece = rng.choice(PIECES)
    text = (piece * (length // len(piece) + 1))[:length]
    return answer(text[:-40]) if rng.random() < 0.5 else text


KINDS: dict[Callable[[random.Random], str], int] = {
    fragments: 3000, wrapped: 2000, unicode: 2000, called: 900, scaled: 700, cropped: 900,
    nested: 480, huge: 20,
}  # fmt: skip


def hostile_actions() -> list[str]:
    rng = random.Random(0)
    actions = [kind(rng) for kind, count in KINDS.items() for _ in range(count)]
    rng.shuffle(actions)
    return actions


def settled(info: dict[str, Any]) -> str:
    """The name of what a turn led to."""
    if info["ending"] is not None:
        assert isinstance(info["outcome"], Outcome)
        return str(Ending(info["ending"]))
    assert info["requested"] or info["problems"]
    return info["problems"][-1] if info["problems"] else "requested"


@pytest.mark.parametrize("rule", ["feedback", "end"])
def test_ten_thousand_hostile_turns_have_named_outcomes(rule: str) -> None:
    data = ListDataset((memory_sample(168, 168), memory_sample(30, 30)))
    env = VisionThinkEnv(
        data, tools=("resize", "crop"), max_turns=3, invalid_call=rule, render_mode="ansi"
    )
    seen: Counter[str] = Counter()
    env.reset(seed=0)
    actions = hostile_actions()
    assert len(actions) == COUNT
    for number, action in enumerate(actions):
        assert action in env.action_space
        observation, reward, done, truncated, info = env.step(action)
        assert observation in env.observation_space
        assert math.isfinite(reward)
        assert not truncated
        assert done == (info["ending"] is not None)
        seen[settled(info)] += 1
        if number % 50 == 0:
            env.render().encode("utf-8")
        if done:
            env.reset()
    assert {"answered", "malformed", "too_long"} <= set(seen)
    if rule == "feedback":
        assert {"turn_limit", "bad_json", "bad_arguments", "bad_call", "answer_and_call"} <= set(
            seen
        )
        assert {"several_calls", "call_tags", "unknown_tool", "call_too_long"} <= set(seen)


def test_every_hostile_turn_means_something_to_the_parser() -> None:
    for action in hostile_actions():
        parsed = parse(action)
        assert isinstance(parsed, Answer | Request | Crop | Malformed)
        if isinstance(parsed, Crop):
            assert all(math.isfinite(side) for side in parsed.box)
        if isinstance(parsed, Malformed):
            assert parsed.reason
            assert parsed.detail


def test_hostile_turns_together_come_to_what_they_come_to_alone() -> None:
    data = ListDataset((memory_sample(168, 168),))
    lanes = 20
    vector = VisionThinkVectorEnv(lanes, data=data, max_turns=1, autoreset_mode="SameStep")
    single = VisionThinkEnv(data, max_turns=1)
    vector.reset(seed=0)
    actions = hostile_actions()[:1000]
    for start in range(0, len(actions), lanes):
        batch = actions[start : start + lanes]
        _, rewards, terminated, _, infos = vector.step(batch)
        assert terminated.all()
        for lane, action in enumerate(batch):
            single.reset(seed=0)
            _, reward, _, _, info = single.step(action)
            assert infos["final_info"]["ending"][lane] == info["ending"]
            assert infos["final_info"]["problems"][lane] == info["problems"]
            assert np.isclose(rewards[lane], reward)


def test_deep_nesting_is_bad_json_even_where_the_stack_is_nearly_full() -> None:
    text = "<tool_call>" + "[" * 4000 + "</tool_call>"

    def deeper(levels: int) -> object:
        return deeper(levels - 1) if levels else parse(text)

    parsed = deeper(700)
    assert isinstance(parsed, Malformed)
    assert parsed.reason == "bad_json"


def test_hostile_turns_can_be_written_to_disk(tmp_path: Path) -> None:
    data = ListDataset((memory_sample(60, 60),))
    env = RecordTrajectories(VisionThinkEnv(data, max_turns=1), tmp_path)
    actions = [action for action in hostile_actions()[:300] if len(action) < LIMIT]
    for action in actions:
        env.reset(seed=0)
        env.step(action)
    records = [json.loads(line) for line in env.path.read_bytes().split(b"\n") if line]
    assert len(records) == len(actions)
    assert all(Ending(record["ending"]) for record in records)
