"""NeMo Gym's JSON: what it sends and is sent has the form of its contract, and earns the same."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from vt_env import ConfigError, VisionThinkEnv
from vt_env.adapters import nemo_gym
from vt_env.adapters.nemo_gym import input_items, reset, response_text, row, step, verify

ASK = (
    '<think>unclear</think><tool_call>{"name": "resize_image", "arguments": '
    '{"action": "resize"}}</tool_call>'
)


@pytest.fixture(scope="module")
def env() -> VisionThinkEnv:
    return VisionThinkEnv(split="test")


def said(text: str, number: int = 0) -> dict[str, Any]:
    """A turn of the policy as an item of a response's output."""
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"id": f"msg_{number}", "type": "message", "role": "assistant",
            "status": "completed", "content": content}  # fmt: skip


def response(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What a model server answers."""
    return {"id": "resp", "object": "response", "created_at": 0, "model": "m", "tools": [],
            "tool_choice": "auto", "parallel_tool_calls": True, "output": list(items),
            **more}  # fmt: skip


def plays(env: VisionThinkEnv) -> Iterator[tuple[int, list[str]]]:
    for index in range(8):
        answer = f"<think>x</think><answer>{env.dataset[index].answers[0]}</answer>"
        yield index, [[answer], [ASK, answer], [ASK, ASK], ["just words"]][index % 4]


def test_a_row_is_a_request_of_the_responses_api(env: VisionThinkEnv) -> None:
    line = json.loads(json.dumps(row(env, 3, agent="mine")))
    assert line["agent_ref"] == {"type": "responses_api_agents", "name": "mine"}
    assert (line["index"], line["sample_id"]) == (3, "test-0-3")
    system, user = line["responses_create_params"]["input"]
    assert (system["role"], user["role"]) == ("system", "user")
    assert isinstance(system["content"], str)
    assert [part["type"] for part in user["content"]] == ["input_image", "input_text"]
    assert user["content"][0]["image_url"].startswith("data:image/png;base64,")
    assert user["content"][0]["detail"] == "auto"


def test_the_forms_are_those_of_the_api_that_it_extends(env: VisionThinkEnv) -> None:
    types = pytest.importorskip("openai.types.responses")
    pydantic = pytest.importorskip("pydantic")
    items = row(env, 0)["responses_create_params"]["input"]
    told = pydantic.TypeAdapter(types.EasyInputMessageParam)
    shown = step(env, reset(env, {"index": 0}).state, response(said(ASK)))
    for item in [*items, *shown.info["input"]]:
        told.validate_python(item, strict=False)
    types.Response.model_validate(response(said(ASK)))


def test_steps_earn_what_the_environment_pays(env: VisionThinkEnv) -> None:
    for index, turns in plays(env):
        session = reset(env, {"index": index, "sample_id": f"test-0-{index}"})
        assert session.answer()["observation"] is None and session.info["input"] == []
        env.reset(options={"index": index})
        for number, text in enumerate(turns):
            state = json.loads(json.dumps(session.state))  # as a checkpoint keeps it
            session = step(env, state, response(said(text, number)))
            _, reward, done, truncated, info = env.step(text)
            body = json.loads(json.dumps(session.answer()))
            assert abs(body["reward"] - reward) < 1e-12
            assert (body["terminated"], body["truncated"]) == (done, truncated)
            assert body["info"]["ending"] == info["ending"]
            assert body["info"]["visual_tokens"] == info["visual_tokens"]
            assert (body["observation"] is None) == done
            kinds = [p["type"] for item in body["info"]["input"] for p in item["content"]]
            assert kinds == ([] if done else ["input_text", "input_image", "input_text"])
        with pytest.raises(RuntimeError, match="over"):
            step(env, session.state, response(said("more")))


def test_a_whole_rollout_is_verified_like_its_steps(env: VisionThinkEnv) -> None:
    for index, turns in plays(env):
        body: dict[str, Any] = row(env, index)
        output: list[dict[str, Any]] = []
        session, earned = reset(env, body), 0.0
        for number, text in enumerate(turns):
            session = step(env, session.state, response(said(text, number)))
            output += [said(text, number), *session.info["input"]]
            earned += session.reward
        scored = verify(env, {**body, "response": response(*output)})
        assert abs(scored["reward"] - earned) < 1e-12
        assert abs(sum(scored["reward_terms"].values()) - scored["reward"]) < 1e-12
        assert scored["ending"] == session.info["ending"]
        assert scored.items() >= body.items()


def test_a_rollout_that_was_given_up_or_cut_off(env: VisionThinkEnv) -> None:
    body = row(env, 1)
    assert verify(env, {**body, "response": response(said(ASK))})["ending"] == "turn_limit"
    cut = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    answer = said("<think>x</think><answer>yes</answer>")
    scored = verify(env, {**body, "response": response(answer, **cut)})
    assert (scored["ending"], scored["correct"]) == ("cut_off", 0.0)
    filtered = {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}
    assert not nemo_gym.was_cut_off(response(answer, **filtered))
    with pytest.raises(ConfigError, match="has 2 turns, but was over after 1"):
        verify(env, {**body, "response": response(answer, answer)})


def test_a_row_of_other_data_is_told(env: VisionThinkEnv) -> None:
    with pytest.raises(ConfigError, match="Sample 3 is 'test-0-3', but the row says 'test-1-3'"):
        reset(env, {"index": 3, "sample_id": "test-1-3"})
    for index in (-1, 100_000, "3", True, None):
        with pytest.raises(ConfigError, match=r"index must be a whole number in \[0, 99999\]"):
            reset(env, {"index": index})


def test_only_what_the_policy_wrote_is_its_text(env: VisionThinkEnv) -> None:
    thought = {"type": "reasoning", "id": "r", "summary": []}
    shown = input_items(env.new_episode(0).messages)
    refusal = {"type": "refusal", "refusal": "no"}
    mixed = {**said("b"), "content": [*said("b")["content"], refusal]}
    assert response_text(response(thought, said("a"), *shown, mixed)) == "ab"
    assert response_text(response({"role": "assistant", "content": "easy"})) == "easy"
