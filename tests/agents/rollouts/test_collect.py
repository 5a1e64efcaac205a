import pickle
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agents.backends import Generation, GenerationBackend, GenerationRequest, Sampling
from agents.errors import AlignmentError
from agents.models.chat import ChatEncoder, expand_images, load_tokenizer
from agents.rollouts.collect import collect
from agents.rollouts.trajectory import Trajectory
from judges import JudgeCase, Verdict, make_judge
from tests.agents.helpers import trajectory, with_prompt_end, world_episodes
from vt_env.env import VisionThinkEnv
from vt_env.episode import Ending

RULE = make_judge("rule")


class Recorder:
    """Wraps a real engine and remembers what it sampled."""

    def __init__(self, engine: GenerationBackend) -> None:
        self.engine = engine
        self.encoder, self.context_length = engine.encoder, engine.context_length
        self.log: list[tuple[GenerationRequest, Generation]] = []

    def generate(self, requests: list[GenerationRequest], sampling: Sampling) -> list[Generation]:
        results = self.engine.generate(requests, sampling)
        self.log += zip(requests, results, strict=True)
        return results


def test_the_mask_covers_exactly_the_sampled_tokens(hf_backend: GenerationBackend) -> None:
    recorder = Recorder(hf_backend)
    played = collect(recorder, world_episodes(16), RULE, Sampling(seed=3, max_new_tokens=32))  # type: ignore[arg-type]
    assert {len(t.record.turns) for t in played} == {1, 2}
    for t in played:
        mine = [
            result
            for request, result in recorder.log
            if t.ids[: len(result.prompt_ids)] == result.prompt_ids
            and len(request.images) <= len(t.images)
            and t.ids[len(result.prompt_ids) :][: len(result.token_ids)] == result.token_ids
            and request.images[0] is t.images[0]
        ]
        turns = {len(result.prompt_ids): result for result in mine}
        expected = [0] * len(t.ids)
        for start, result in turns.items():
            expected[start : start + len(result.token_ids)] = [1] * len(result.token_ids)
        assert len(turns) == len(t.record.turns)
        assert list(t.mask) == expected
        sampled = [lp for lp, m in zip(t.logprobs, t.mask, strict=True) if m]
        reported = [lp for start in sorted(turns) for lp in turns[start].logprobs]
        assert sampled == reported


def test_placeholders_equal_image_tokens_at_every_turn(hf_backend: GenerationBackend) -> None:
    for t in collect(hf_backend, world_episodes(16), RULE, Sampling(seed=4, max_new_tokens=32)):
        assert t.ids.count(hf_backend.encoder.image_pad) == sum(t.image_tokens) == t.visual_tokens
        assert t.image_tokens in {(9,), (9, 36)}


@pytest.mark.parametrize(("decision", "images"), [("answer", 1), ("request", 2)])
def test_a_forced_decision_is_taken_and_not_trained_on(
    hf_backend: GenerationBackend, decision: str, images: int
) -> None:
    played = collect(
        hf_backend,
        world_episodes(8),
        RULE,
        Sampling(temperature=0.0, max_new_tokens=32),
        lambda _episode: decision,  # type: ignore[arg-type, return-value]
    )
    for t in played:
        assert len(t.images) == images
        assert t.outcome.requested is (decision == "request")
        assert t.ending == Ending.ANSWERED
        given = [token for token, m in zip(t.ids, t.mask, strict=True) if not m]
        prefix = "<think></think><answer>" if decision == "answer" else "<think>unclear</think>"
        assert prefix in hf_backend.encoder.tokenizer.decode(given)


def test_the_same_seed_gives_the_same_episodes(hf_backend: GenerationBackend) -> None:
    first, second = (
        collect(hf_backend, world_episodes(12), RULE, Sampling(seed=9, max_new_tokens=32))
        for _ in range(2)
    )
    assert [t.ids for t in first] == [t.ids for t in second]


class Scripted:
    """An engine that says what it is told to, turn by turn."""

    context_length = 4096

    def __init__(self, encoder: ChatEncoder, turns: list[str]) -> None:
        self.encoder, self.turns, self.prompts = encoder, turns, list[str]()

    def generate(self, requests: list[GenerationRequest], _: Sampling) -> list[Generation]:
        ids = (*self.encoder.encode(self.turns.pop(0)), self.encoder.eos)
        results = []
        for request in requests:
            self.prompts.append(self.encoder.decode(request.prompt_ids))
            counts = [image.width * image.height // 784 for image in request.images]
            seen = expand_images(request.prompt_ids, self.encoder.image_pad, counts)
            results.append(Generation(tuple(seen), ids, (0.0,) * len(ids), True))
        return results


@pytest.fixture(scope="module")
def thinking(checkpoint: Path) -> ChatEncoder:
    """The encoder of a checkpoint whose chat template opens the thought, as Qwen3-VL-Thinking."""
    tokenizer = load_tokenizer(checkpoint)
    tokenizer.chat_template = with_prompt_end(str(tokenizer.chat_template), "<think>\n")
    return ChatEncoder(tokenizer)


ASK = '{"name": "resize_image", "arguments": {"action": "resize"}}'


def test_turns_of_a_checkpoint_that_opens_the_thought_keep_the_format(
    thinking: ChatEncoder,
) -> None:
    episodes = world_episodes(1)
    said = [
        f"Shall I <tool_call>? Yes.\n</think>\n\n<tool_call>{ASK}</tool_call>",
        f"I see it.\n</think>\n\n<answer>{episodes[0].sample.answers[0]}</answer>",
    ]
    engine = Scripted(thinking, list(said))
    (played,) = collect(engine, episodes, RULE, Sampling(max_new_tokens=32))  # type: ignore[arg-type]
    assert all(prompt.endswith("<think>\n") for prompt in engine.prompts)
    assert ([t.action for t in played.record.turns], played.ending) == (said, Ending.ANSWERED)
    assert played.outcome.well_formed
    assert (played.outcome.correct, played.outcome.requested) == (True, True)
    sampled = [token for token, m in zip(played.ids, played.mask, strict=True) if m]
    assert thinking.decode(sampled) == "".join(said)


@pytest.mark.parametrize("decision", ["answer", "request"])
def test_forced_turns_do_not_open_the_thought_again(thinking: ChatEncoder, decision: str) -> None:
    episodes = world_episodes(1)
    right = episodes[0].sample.answers[0]
    said = f"{right}</answer>" if decision == "answer" else f"x</think><answer>{right}</answer>"
    engine = Scripted(thinking, [said])
    (played,) = collect(engine, episodes, RULE, Sampling(max_new_tokens=32), lambda _: decision)  # type: ignore[arg-type, return-value]
    assert played.outcome.requested is (decision == "request")
    assert (played.outcome.correct, played.outcome.well_formed) == (True, True)
    text = thinking.decode(played.ids)
    assert text.count("<think>") == text.count("<|im_start|>assistant") == text.count("</think>")


def test_a_cut_off_turn_has_a_name(hf_backend: GenerationBackend) -> None:
    played = collect(hf_backend, world_episodes(4), RULE, Sampling(max_new_tokens=2))
    assert {t.ending for t in played} == {Ending.CUT_OFF}
    assert all(t.outcome.correct is False and not t.outcome.well_formed for t in played)


def test_a_conversation_beyond_the_context_has_a_name(hf_backend: GenerationBackend) -> None:
    recorder = Recorder(hf_backend)
    recorder.context_length = 60
    played = collect(
        recorder,  # type: ignore[arg-type]
        world_episodes(6),
        RULE,
        Sampling(max_new_tokens=32),
        lambda _episode: "request",
    )
    assert {t.ending for t in played} == {Ending.CONTEXT_LIMIT}
    assert not recorder.log


class Unsure:
    """A judge that never decides."""

    name = "unsure"

    def judge(self, cases: list[JudgeCase]) -> list[Verdict]:
        return [Verdict(None, "timeout", self.name) for _ in cases]


def test_an_abstention_is_not_a_zero(hf_backend: GenerationBackend) -> None:
    played = collect(
        hf_backend, world_episodes(8), Unsure(), Sampling(temperature=0.0, max_new_tokens=32)
    )  # type: ignore[arg-type]
    answered = [t for t in played if t.answer is not None]
    assert answered
    for t in answered:
        assert t.ending == Ending.ABSTAINED
        assert t.outcome.correct is None
        assert "accuracy" not in t.reward_terms


def test_finished_episodes_are_judged_while_others_still_generate(
    hf_backend: GenerationBackend,
) -> None:
    called = threading.Event()

    class Announcing:
        name = "announcing"

        def judge(self, cases: Sequence[JudgeCase]) -> list[Verdict]:
            called.set()
            return RULE.judge(cases)

    class Waiting(Recorder):
        """An engine whose second turn ends only after the judge was called."""

        def generate(
            self, requests: list[GenerationRequest], sampling: Sampling
        ) -> list[Generation]:
            results = super().generate(requests, sampling)
            if any(len(request.images) > 1 for request in requests):
                assert called.wait(60), "the judge was not called during the generation"
            return results

    played = collect(
        Waiting(hf_backend), world_episodes(16), Announcing(), Sampling(seed=3, max_new_tokens=32)
    )  # type: ignore[arg-type]
    assert {len(t.record.turns) for t in played} == {1, 2}
    assert all(t.record.prediction == t.answer for t in played)


def test_an_engine_that_reads_other_tokens_is_caught(hf_backend: GenerationBackend) -> None:
    class Wrong(Recorder):
        def generate(
            self, requests: list[GenerationRequest], sampling: Sampling
        ) -> list[Generation]:
            results = super().generate(requests, sampling)
            return [replace(r, prompt_ids=r.prompt_ids[1:]) for r in results]

    with pytest.raises(AlignmentError, match="pixel limits"):
        collect(Wrong(hf_backend), world_episodes(2), RULE, Sampling(max_new_tokens=32))  # type: ignore[arg-type]


def test_a_trajectory_checks_itself() -> None:
    with pytest.raises(AlignmentError):
        trajectory(mask=(1,))
    whole: Trajectory = trajectory()
    assert (len(whole), whole.reward) == (1, 1.5)


def test_pixels_are_one_object_from_the_sample_to_the_trainer(
    hf_backend: GenerationBackend,
) -> None:
    recorder = Recorder(hf_backend)
    group = VisionThinkEnv(split="validation").factory.group(0, 4)
    shown = group[0].observation.image
    played = collect(
        recorder, group, RULE, Sampling(seed=1, max_new_tokens=32), lambda _: "request"
    )  # type: ignore[arg-type]
    assert all(t.images[0] is shown for t in played)
    assert len({id(t.images[1]) for t in played}) == 1
    assert all(request.images[0] is shown for request, _ in recorder.log)
    moved = pickle.loads(pickle.dumps(played))
    assert len({id(image) for t in moved for image in t.images}) == 2
    assert moved[0].images[0].tobytes() == shown.tobytes()


@pytest.mark.parametrize(("tools", "tool"), [(("resize",), "resize"), (("crop",), "crop")])
def test_the_request_is_forced_with_a_tool_in_force(
    tools: tuple[str, ...], tool: str, hf_backend: GenerationBackend
) -> None:
    factory = VisionThinkEnv(split="validation", seed=11, tools=tools).factory
    episodes = [factory.episode(index) for index in range(6)]
    played = collect(
        hf_backend,
        episodes,
        RULE,
        Sampling(temperature=0.0, max_new_tokens=32),
        lambda _: "request",
    )
    assert all(t.outcome.requested for t in played)
    assert {t.record.turns[0].tool for t in played} == {tool}
    assert all(t.visual_tokens > t.full_tokens for t in played)
    assert not any(t.problems for t in played if t.ending == Ending.ANSWERED)


def test_a_request_that_no_tool_can_carry_out_is_said_so(
    hf_backend: GenerationBackend, caplog: pytest.LogCaptureFixture
) -> None:
    factory = VisionThinkEnv(split="validation", seed=11, tools=()).factory
    (played,) = collect(
        hf_backend,
        [factory.episode(0)],
        RULE,
        Sampling(temperature=0.0, max_new_tokens=32),
        lambda _: "request",
    )
    assert not played.outcome.requested
    assert "resize_not_offered" in played.problems
    assert "none of the tools (none) has a call that can be forced" in caplog.text
