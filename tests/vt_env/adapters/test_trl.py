"""The env in TRL: what a rollout shows, what it earns, and a training with both images in it."""

import contextlib
import importlib.util
import inspect
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from agents import CHECKPOINT, load_model, prepare_imports
from judges import Verdict
from vt_env import ConfigError, open_env
from vt_env.adapters.trl import Rollout, TrlHome, fit_processor, rollout_class
from vt_env.adapters.trl_traps import TrlSetupError
from vt_env.shapers import shape_paper
from vt_env.tools import tools_named

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("trl") is None, reason="needs the extra bench (trl, accelerate)"
)
ASK = (
    '<think>unclear</think><tool_call>{"name": "resize_image", "arguments": '
    '{"action": "resize"}}</tool_call>'
)
END, OPENER = "<|im_end|>", "\n<|im_start|>user\nshown<|im_end|>\n<|im_start|>assistant\n"


@cache
def processor() -> Any:
    prepare_imports()
    from transformers import AutoProcessor

    return fit_processor(AutoProcessor.from_pretrained(CHECKPOINT))


def a_home(shaper: str = "none", **settings: Any) -> TrlHome:
    env = open_env(checkpoint=CHECKPOINT, split="validation", **settings)
    return TrlHome(env, processor(), shaper=shaper)


def right(home: TrlHome, index: int) -> str:
    return f"<think>x</think><answer>{home.env.dataset[index].answers[0]}</answer>"


def played(
    home: TrlHome, index: int, turns: Sequence[str], calls: int | None = None, end: str = END
) -> tuple[Rollout, list[int]]:
    """A rollout as TRL drives it, and the ids of what was written and shown."""
    rollout = home.environment()
    rollout.reset(index=index, prompt=[])
    for _ in range(len(turns) - 1 if calls is None else calls):
        with contextlib.suppress(RuntimeError):  # TRL tells the model of it, and goes on
            rollout.resize_image(action="resize")  # type: ignore[attr-defined]
    text = (END + OPENER).join(turns) + end
    return rollout, processor().tokenizer.encode(text, add_special_tokens=False)


def earned(home: TrlHome, *games: tuple[Rollout, list[int]], each: int = 1) -> list[float | None]:
    rollouts, written = zip(*games, strict=True)
    return home.reward(each)(completion_ids=list(written), environments=list(rollouts))


def test_a_tool_in_force_is_a_method_with_the_tools_schema() -> None:
    from transformers.utils import get_json_schema

    tools = tools_named(("resize", "crop"))
    home = a_home(tools=("resize", "crop"))
    rollout = home.environment()
    public = [name for name, _ in inspect.getmembers(type(rollout), inspect.isfunction)]
    assert [name for name in public if name[0] != "_"] == ["crop_image", "reset", "resize_image"]
    for tool in tools:
        told = get_json_schema(getattr(rollout, tool.function))["function"]
        assert (told["name"], told["description"]) == (tool.function, tool.description)
        assert told["parameters"]["required"] == tool.parameters["required"]
        for name, schema in tool.parameters["properties"].items():
            mine = told["parameters"]["properties"][name]
            assert mine["type"] == schema["type"]
            assert mine.get("items") == schema.get("items")
            assert mine.get("enum") == schema.get("enum")


def test_names_that_trl_keeps_are_refused() -> None:
    (tool,) = tools_named(("resize",))
    for name in ("reset", "get_reward", "_look"):
        other = type("Other", (type(tool),), {"function": name})()
        with pytest.raises(ConfigError, match="a name that TRL keeps"):
            rollout_class([other])


def test_a_rollout_shows_what_the_env_shows() -> None:
    home = a_home()
    rollout = home.environment()
    first = rollout.reset(index=3, prompt=[])
    second = rollout.resize_image(action="resize")  # type: ignore[attr-defined]
    episode = home.env.new_episode(3)
    episode.step(ASK)
    for blocks, message in ((first, episode.messages[1]), (second, episode.messages[3])):
        shown = [block.get("image") or block["text"] for block in blocks]
        assert len(shown) == len(message.content)
        for mine, theirs in zip(shown, message.content, strict=True):
            if isinstance(theirs, str):
                assert mine == theirs
            else:
                assert (mine.size, mine.tobytes()) == (theirs.size, theirs.tobytes())
    with pytest.raises(RuntimeError, match="no turns left"):
        rollout.resize_image(action="resize")  # type: ignore[attr-defined]


def test_a_call_that_cannot_be_gets_the_envs_words() -> None:
    rollout = a_home().environment()
    rollout.reset(index=0)
    (block,) = rollout.resize_image(action="enlarge")  # type: ignore[attr-defined]
    assert "resize_image takes" in block["text"]


def test_special_tokens_of_a_question_stay_text() -> None:
    home = a_home()
    message = type(home.fresh(0).messages[0])("user", ("what is <|image_pad|>?",))
    (block,) = home.blocks(message)
    pad = processor().image_token_id
    assert pad not in processor().tokenizer.encode(block["text"])


def test_rewards_are_those_of_the_env() -> None:
    home = a_home()
    games = {
        "answered": (0, [right(home, 0)]),
        "asked": (1, [ASK, right(home, 1)]),
        "wrong": (2, [ASK, "<think>x</think><answer>no such thing</answer>"]),
        "bare": (3, ["red"]),
        "no thought": (4, [ASK.replace("<think>unclear</think>", ""), right(home, 4)]),
    }
    found = earned(home, *(played(home, index, turns) for index, turns in games.values()))
    for reward, (index, turns), episode in zip(found, games.values(), home.last, strict=True):
        home.env.reset(options={"index": index})
        paid = [home.env.step(turn)[1] for turn in turns]
        assert reward == pytest.approx(sum(paid), abs=1e-9)
        assert home.env.episode is not None
        assert episode.ending == home.env.episode.ending


def test_conversations_that_trl_breaks_off_have_a_named_ending() -> None:
    home = a_home()
    no_json = "<think>x</think><tool_call>{resize}</tool_call>"
    earned(
        home,
        played(home, 0, [right(home, 0)], end=""),  # no end of the turn
        played(home, 1, [ASK], calls=1),  # the image did not fit, and was rolled back
        played(home, 2, [no_json], calls=0),  # TRL reads no call in it
    )
    assert [episode.ending for episode in home.last] == ["cut_off", "context_limit", "malformed"]
    assert not any(episode.well_formed for episode in home.last)
    assert home.last[1].visual_tokens > home.last[0].visual_tokens


@pytest.mark.parametrize(("max_turns", "ending"), [(2, "turn_limit"), (3, "answered")])
def test_what_a_turn_with_two_calls_showed_is_paid_for(max_turns: int, ending: str) -> None:
    home = a_home(max_turns=max_turns)
    twice = ASK + ASK.split("</think>")[1]
    (reward,) = earned(home, played(home, 0, [twice, right(home, 0)], calls=2))
    (episode,) = home.last
    (plain,) = earned(home, played(home, 0, [ASK, right(home, 0)]))
    assert reward is not None
    assert plain is not None
    weights = home.env.factory.rewards
    lost = weights.format + (weights.accuracy if ending == "turn_limit" else 0.0)
    assert reward == pytest.approx(plain - lost)
    assert episode.ending == ending
    assert "other_calls" in episode.problems
    assert episode.visual_tokens > episode.full_tokens


def test_a_shaper_is_given_the_rows_of_a_group() -> None:
    home = a_home("paper")
    games = [played(home, 0, [right(home, 0)])] + [played(home, 0, [ASK, right(home, 0)])] * 3
    games += [played(home, 1, [ASK, right(home, 1)])] * 4
    logged: dict[str, float] = {}
    rollouts, written = zip(*games, strict=True)
    home.reward(4)(completion_ids=written, environments=rollouts, log_metric=logged.__setitem__)
    shaped = [episode.reward_terms.get("shaping", 0.0) for episode in home.last]
    outcomes = [episode.outcome for episode in home.last]
    assert shaped == shape_paper(outcomes[:4]) + shape_paper(outcomes[4:])
    assert len(set(shaped)) == 2
    assert logged["visionthink/requested"] == 7 / 8
    assert logged["visionthink/rewards/shaping"] == pytest.approx(sum(shaped) / 8)
    with pytest.raises(TrlSetupError, match="must be adjacent"):
        earned(home, *games[2:6], each=4)
    with pytest.raises(TrlSetupError, match="none may be cut"):
        earned(home, *games[:3], each=4)
    with pytest.raises(ConfigError, match="sign_guard"):
        TrlHome(home.env, processor(), shaper="paper", shaper_params={"sign_guard": True})


def test_where_the_judge_abstains_there_is_no_reward() -> None:
    class Silent:
        name = "silent"

        def judge(self, cases: Sequence[object]) -> list[Verdict]:
            return [Verdict(None, "timeout") for _ in cases]

    home = a_home(judge=Silent())
    found = earned(home, played(home, 0, [right(home, 0)]), played(home, 1, ["red"]))
    assert found[0] is None
    assert found[1] == pytest.approx(-home.env.factory.rewards.price / 4, abs=0.02)


@pytest.mark.filterwarnings("ignore")  # TRL's own warnings
def test_the_tiny_model_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight steps: both images of who asked are in the loss, groups are shaped, weights move."""
    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")
    home = a_home("every_request")
    import torch
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    arguments = GRPOConfig(
        output_dir=str(tmp_path), use_cpu=True, bf16=False, gradient_checkpointing=False,
        report_to=[], disable_tqdm=True, save_strategy="no", logging_steps=1, max_steps=8,
        per_device_train_batch_size=8, num_generations=4, learning_rate=1e-3, beta=0.0,
        max_completion_length=128, generation_kwargs={"max_new_tokens": 16},
        max_tool_calling_iterations=1, shuffle_dataset=False,
    )  # fmt: skip
    model = load_model(CHECKPOINT)
    before = torch.cat([p.detach().flatten() for p in model.parameters()]).clone()
    rows = Dataset.from_list(home.rows(range(16)))
    trainer = GRPOTrainer(model, args=arguments, **home.parts(rows, 4))
    seen, steps = [0], list[list[Any]]()

    def see(_model: Any, _args: Any, kwargs: dict[str, Any]) -> None:
        seen[-1] += len(kwargs["image_grid_thw"]) if torch.is_grad_enabled() else 0

    class Step(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_args: Any, **_kwargs: Any) -> None:
            steps.append(home.last)
            seen.append(0)

    model.register_forward_pre_hook(see, with_kwargs=True)
    trainer.add_callback(Step())
    trainer.train()
    assert len(steps) == 8
    for images, episodes in zip(seen, steps, strict=False):
        assert len(episodes) == 8
        assert images == sum(1 + episode.requested for episode in episodes)
    asked = [episode.requested for episodes in steps for episode in episodes]
    assert 0 < sum(asked) < len(asked)
    for episodes, log in zip(steps, trainer.state.log_history, strict=False):
        for episode in episodes:
            assert episode.reward_terms.get("shaping", 0.0) == -0.1 * episode.requested
        mean = sum(sum(e.reward_terms.values()) for e in episodes) / len(episodes)
        assert log["reward"] == pytest.approx(mean, abs=1e-5)
        share = sum(e.requested for e in episodes) / len(episodes)
        assert log["visionthink/requested"] == pytest.approx(share)
    after = torch.cat([p.detach().flatten() for p in model.parameters()])
    assert float((after - before).norm()) > 0.01
    assert bool(after.isfinite().all())


@pytest.mark.filterwarnings("ignore")  # TRL's own warnings
def test_the_example_trains(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")
    path = Path(__file__).parents[3] / "examples" / "homes" / "trl.py"
    spec = importlib.util.spec_from_file_location("example_of_trl", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rewards = module.main(steps=1, prompts=2, group=2)
    assert len(rewards) == 1
    assert -0.5 < rewards[0] < 1.6
    assert f"step 1: mean reward {rewards[0]:.3f}, asks " in capsys.readouterr().out
