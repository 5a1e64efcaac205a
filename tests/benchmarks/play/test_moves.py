"""What can be asked for, and how it is written."""

import json
from typing import Any

import pytest

from benchmarks.play.moves import Move, MoveError, call_of, call_text, moves
from tests.benchmarks.play.games import NEEDS, env_of
from vt_env import Crop, Request, parse, to_text
from vt_env.tools import TOOLS, Call, Refusal, Scene, Target, Tool


class Look(Call):
    tool = "mirror"

    def __init__(self) -> None:
        self.thought, self.problem = "", None


class Mirror(Tool):
    """A tool of one's own, in no registry."""

    name, function, description = "mirror", "mirror_image", "Shows it again."
    parameters: Any = {"type": "object"}  # noqa: RUF012
    example = "{}"

    def parse(self, arguments: dict[str, Any], thought: str, problem: str | None) -> Look:
        return Look()

    def arguments(self, call: Look) -> dict[str, Any]:
        return {}

    def aim(self, call: Look, scene: Scene) -> Target | Refusal:
        return Target(scene.whole, scene.size)


MIRROR = Mirror()
OWN = f"{__name__}:MIRROR"


def test_what_asking_costs_is_what_is_paid() -> None:
    for cost, price in (("share", 0.2), ("flops", 0.2), ("tokens", 0.001)):
        episode = env_of(rewards={"price": price, "cost": cost}).new_episode(NEEDS)
        (move,) = moves(episode)
        assert (move.tool, move.takes_box) == ("resize", False)
        episode.step(to_text(Request()))
        episode.step("<think></think><answer>x</answer>")
        low = env_of(rewards={"price": price, "cost": cost}).new_episode(NEEDS)
        low.step("<think></think><answer>x</answer>")
        more = low.reward_terms["token_cost"] - episode.reward_terms["token_cost"]
        assert move.price == pytest.approx(more)


def test_nothing_is_to_be_had_in_the_last_turn_or_where_nothing_is_sharper() -> None:
    episode = env_of(max_turns=3).new_episode(NEEDS)
    assert len(moves(episode)) == 1
    episode.step(to_text(Request()))
    assert moves(episode) == (), "it is sharp already"
    assert moves(env_of(max_turns=1).new_episode(NEEDS)) == ()


def test_crops_take_a_box_and_own_tools_their_example() -> None:
    found = moves(env_of(tools=("crop", OWN)).new_episode(NEEDS))
    assert found == (
        Move("crop", TOOLS.find("crop").description, True, None),
        Move("mirror", "Shows it again.", False, pytest.approx(0.025)),
    )


def test_calls_are_read_back() -> None:
    crop = call_of(TOOLS.find("crop"), [1, 2, 30, 40.5])
    assert parse(call_text(TOOLS.find("crop"), crop)) == Crop((1.0, 2.0, 30.0, 40.5))
    resize = call_of(TOOLS.find("resize"), None)
    assert call_text(TOOLS.find("resize"), resize) == to_text(Request())
    own = call_text(MIRROR, call_of(MIRROR, None))
    assert isinstance(parse(own, offered=[MIRROR]), Look)
    assert json.loads(own.split("<tool_call>")[1].split("<")[0])["name"] == "mirror_image"


@pytest.mark.parametrize("box", [[5, 5, 5, 9], [1, 2, 3], [1, 2, 3, None], ["a", 2, 3, 4], [9] * 4])
def test_a_box_that_is_none(box: Any) -> None:
    with pytest.raises(MoveError, match="not empty"):
        call_of(TOOLS.find("crop"), box)


@pytest.mark.parametrize("box", [None, []])
def test_no_box(box: Any) -> None:
    with pytest.raises(MoveError, match="first"):
        call_of(TOOLS.find("crop"), box)
