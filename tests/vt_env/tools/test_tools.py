"""Tools: what prompts say of them, how calls are read, what they show and cost."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

from tests.vt_env.helpers import REQUEST, answer, memory_sample, new_episode, play
from vt_env.config import EpisodeConfig
from vt_env.env import VisionThinkEnv
from vt_env.episode import Episode
from vt_env.errors import UnknownNameError
from vt_env.images.limits import ImageLimits
from vt_env.protocol import Crop, Malformed, Request, parse, to_text
from vt_env.rewards import RewardConfig
from vt_env.templates import load_template, shipped_templates
from vt_env.tools import TOOLS, Call, Refusal, Scene, Target, Tool, tools_named

NAMES = sorted(shipped_templates())
SETS = [(), ("resize",), ("crop",), ("resize", "crop"), ("crop", "resize")]
BEFORE = {
    "agent": "23d27a9eb8bb71e3",
    "brief": "2369e156fc719109",
    "simple": "03e27f8e6919a599",
    "think": "7e5272a2c935059d",
}
"""Digests of the prompts of the paper's setting, which figures hang on."""


@dataclass(frozen=True)
class Turn(Call):
    tool: ClassVar[str] = "turn"
    thought: str = ""
    problem: str | None = None


class TurnTool(Tool):
    """Somebody's own: the whole image upside down, for the price of nothing."""

    name = "turn"
    function = "turn_image"
    description = "Turns the image upside down."
    parameters: ClassVar = {"type": "object", "properties": {}}
    example = "{}"

    def parse(self, arguments: dict[str, Any], thought: str, problem: str | None) -> Turn:
        return Turn(thought, problem)

    def arguments(self, call: Turn) -> dict[str, Any]:
        return {}

    def aim(self, call: Turn, scene: Scene) -> Target | Refusal:
        if scene.original[0] < 100:
            return Refusal("too_small_to_turn", "It is too small.")
        return Target(scene.whole, scene.size)

    def run(self, target: Target, scene: Scene) -> Image.Image:
        return super().run(target, scene).transpose(Image.Transpose.ROTATE_180)

    def price(self, target: Target, limits: ImageLimits) -> int:
        return 0


@pytest.fixture
def own_tool() -> Iterator[None]:
    TOOLS.register("turn", TurnTool())
    yield
    TOOLS.remove("turn")


def said(prompt: str, tools: tuple[str, ...]) -> str:
    """System and first user text of an episode's conversation."""
    config = EpisodeConfig(tools=tools)
    episode = Episode(memory_sample(), config, RewardConfig(), load_template(prompt))
    parts = [part for message in episode.messages for part in message.content]
    return "\n".join(part for part in parts if isinstance(part, str))


@pytest.mark.parametrize("name", NAMES)
def test_the_papers_prompts_are_what_they_were(name: str) -> None:
    template = load_template(name)
    text = f"{template.system_text()}\0{template.question_text('Q?')}"
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == BEFORE[name]
    resize = tools_named(("resize",))
    assert template.system_text(resize) == template.system_text()
    assert template.question_text("Q?", resize) == template.question_text("Q?")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("tools", SETS, ids=str)
def test_the_prompt_names_the_tools_that_are_on_and_no_other(
    name: str, tools: tuple[str, ...]
) -> None:
    text = said(name, tools)
    named = {tool.name for tool in TOOLS.values() if tool.function in text}
    if (name, tools) == ("brief", ("resize",)):  # learned in training, not read
        assert "ask for the sharp image" in text
        tools = ()
    assert named == set(tools)
    assert ("tool" in text or "ask" in text) == bool(tools or text == said("brief", ("resize",)))
    assert not re.search(r"\{(tools|names|schemas|calls|phrases|call|json|question)\}", text)


@pytest.mark.parametrize("name", NAMES)
def test_a_tool_of_ones_own_is_in_every_prompt(name: str, own_tool: None) -> None:
    for tools in (("turn",), ("resize", "turn")):
        assert "turn_image" in said(name, tools)
        assert ("resize_image" in said(name, tools)) == ("resize" in tools)
    assert "turn_image" not in said(name, ("resize", "crop"))


def test_the_env_tells_the_model() -> None:
    env = VisionThinkEnv(tools=("resize", "crop"), prompt="agent")
    system = env.new_episode(0).messages[0].content[0]
    assert isinstance(system, str)
    schemas = re.findall(r"^\{\"type\": \"function\".*\}$", system, re.MULTILINE)
    declared = [json.loads(schema)["function"]["name"] for schema in schemas]
    assert declared == ["resize_image", "crop_image"]


@pytest.mark.parametrize("action", [Request(), Request(0.5), Crop((0.0, 1.0, 2.5, 3.0))])
def test_a_call_is_written_as_it_is_read(action: Request | Crop) -> None:
    assert parse(to_text(action)) == action


@pytest.mark.parametrize("tool", TOOLS.values(), ids=lambda tool: tool.name)
def test_the_example_in_the_prompt_becomes_a_call_with_numbers(tool: Tool) -> None:
    example = tool.call_example()
    for number, name in enumerate(("left", "top", "right", "bottom")):
        example = re.sub(rf"\b{name}\b", str(number), example)
    action = parse(f"<think></think><tool_call>{example}</tool_call>")
    assert isinstance(action, Call)
    assert action.tool == tool.name
    assert TOOLS[action.tool] is tool


def test_the_error_of_an_unknown_tool_names_those_on() -> None:
    zoom = '<think></think><tool_call>{"name": "zoom", "arguments": {}}</tool_call>'
    for tools in SETS:
        episode = new_episode(tools=tools)
        play(episode, zoom)
        feedback = episode.observation.feedback
        assert {n for n in TOOLS if TOOLS[n].function in feedback} == set(tools)
    everything = parse(zoom)
    assert isinstance(everything, Malformed)
    assert "resize_image, crop_image" in everything.detail


def test_a_tool_of_ones_own_is_called_runs_and_is_priced(own_tool: None) -> None:
    episode = new_episode(memory_sample(168, 168), tools=("turn", "resize"), max_turns=3)
    before, tokens = np.asarray(episode.observation.image), episode.visual_tokens
    (terms,) = play(episode, to_text(Turn()))
    assert np.array_equal(np.asarray(episode.observation.image), before[::-1, ::-1])
    assert (episode.visual_tokens, episode.requested) == (tokens, True)
    assert terms == {"token_cost": pytest.approx(-0.1 * tokens / episode.full_tokens)}
    play(episode, REQUEST)
    assert episode.observation.image.size == (168, 168)
    play(episode, answer("x"))
    assert episode.well_formed
    assert not episode.refused


def test_what_a_tool_refuses_is_told_and_counted(own_tool: None) -> None:
    episode = new_episode(memory_sample(84, 84), tools=("turn",), max_turns=3)
    play(episode, to_text(Turn()))
    assert episode.problems == ["too_small_to_turn"]
    assert episode.refused
    assert "It is too small." in episode.observation.feedback
    off = new_episode()
    play(off, to_text(Turn()))
    assert off.problems == ["turn_not_offered"]
    assert off.refused


def test_a_malformed_call_is_no_refusal() -> None:
    episode = new_episode()
    play(episode, '<think></think><tool_call>{"name": "zoom", "arguments": {}}</tool_call>')
    assert episode.problems == ["unknown_tool"]
    assert not episode.refused


def test_unknown_tools_are_suggested() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'crop'"):
        EpisodeConfig(tools=("resize", "corp"))


@pytest.mark.parametrize("prompt", NAMES)
@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize(
    ("tools", "called"),
    [(("resize",), "resize"), (("crop",), "crop"), (("crop", "resize"), "resize")],
)
def test_the_forced_request_is_a_call_of_a_tool_in_force(
    prompt: str, opened: bool, tools: tuple[str, ...], called: str
) -> None:
    template = load_template(prompt)
    template = template.opened() if opened else template
    config = EpisodeConfig(tools=tools)
    episode = Episode(memory_sample(400, 300), config, RewardConfig(), template)
    before = episode.observation.image.size
    turn = episode.forced_request
    assert turn is not None
    assert (turn == template.forced_request) == (called == "resize")
    assert not episode.step(turn).done
    assert episode.requested
    assert episode.well_formed
    assert episode.turn_records[0].tool == called
    assert episode.observation.image.size > before, "all of the image, sharper"


@pytest.mark.usefixtures("own_tool")
def test_a_tool_whose_example_is_whole_can_be_forced() -> None:
    episode = new_episode(tools=("turn",))
    turn = episode.forced_request
    assert turn is not None
    assert parse(turn, offered=episode.config.offered) == Turn("unclear")
    play(episode, turn)
    assert episode.requested


def test_without_a_tool_that_can_be_forced_there_is_no_forced_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert new_episode(tools=()).forced_request is None
    monkeypatch.setattr(TurnTool, "example", '{"angle": degrees}')
    assert TurnTool().forced(new_episode().scene) is None


class Sharper(type(TOOLS["resize"])):  # type: ignore[misc]
    """A tool of one's own that is called as `resize_image` is, and costs nothing."""

    name = "sharper"

    def parse(self, arguments: dict[str, Any], thought: str, problem: str | None) -> Call:
        return SharperCall(thought, problem)

    def arguments(self, call: Any) -> dict[str, Any]:
        return {"action": "resize"}

    def aim(self, call: Any, scene: Scene) -> Target | Refusal:
        return super().aim(Request(), scene)

    def price(self, target: Target, limits: ImageLimits) -> int:
        return 0


@dataclass(frozen=True)
class SharperCall(Call):
    tool: ClassVar[str] = "sharper"
    thought: str = ""
    problem: str | None = None


SHARPER = Sharper()


def test_of_tools_called_alike_the_one_in_force_runs() -> None:
    """Also a tool that is told by where it is, and registered nowhere."""
    episode = new_episode(tools=(f"{__name__}:SHARPER",))
    paid = episode.visual_tokens
    play(episode, REQUEST)
    assert episode.requested
    assert episode.visual_tokens == paid
    assert episode.turn_records[0].tool == "sharper"
    assert new_episode(tools=("resize",)).forced_request == load_template("brief").forced_request
