"""Records as demonstrations: which are taken, how errors name them, and what becomes of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from agents.backends import GenerationBackend, Sampling
from agents.errors import TrainingError
from agents.rollouts import Pass, Trajectory, play_passes, retrace
from agents.sft import read_demonstrations
from agents.sft.demonstrations import Demonstration, Retracer
from judges import make_judge
from tests.agents.helpers import a_record, world_episodes
from vt_env import DataError, VisionThinkEnv

GREEDY = Sampling(temperature=0.0, max_new_tokens=16)
ANSWER = "<think>red</think><answer>red</answer>"


def line(**changes: Any) -> str:
    """A record of an episode that went well."""
    record = json.loads(a_record().to_line())
    turns = [{"action": ANSWER, "feedback": "", "reward_terms": {}}]
    good = {"sample_id": "s-1", "correct": True, "well_formed": True, "turns": turns}
    return json.dumps(record | good | changes) + "\n"


def test_only_what_went_well_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    wrong = [line(correct=False), line(correct=None), line(well_formed=False), line(turns=[])]
    path.write_text("".join([*wrong, "\n", line(sample_id="s-9")]))
    assert read_demonstrations(path) == [Demonstration("s-9", (ANSWER,), False, 6)]
    path.write_text("".join(wrong))
    with pytest.raises(TrainingError, match="none of its 4 episodes"):
        read_demonstrations(path)


@pytest.mark.parametrize(
    ("text", "field", "said"),
    [
        ("{", None, "is no JSON"),
        ("[1]", None, "is no JSON object"),
        (line(sample_id=3), "sample_id", "must be a str"),
        (line(correct="yes"), "correct", "must be a bool"),
        (line(requested=None), "requested", "must be a bool"),
        (line(turns="none"), "turns", "must be a list"),
        (line(turns=["answer"]), "turns.0", "must be an object"),
        (line(turns=[{"action": None}]), "turns.0.action", "must be a str"),
    ],
)
def test_a_line_that_is_no_record(text: str, field: str | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(line() + text)
    with pytest.raises(DataError, match=said) as caught:
        read_demonstrations(path)
    assert (caught.value.file, caught.value.line, caught.value.field) == (str(path), 2, field)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_demonstrations(tmp_path / "none.jsonl")


def played(backend: GenerationBackend) -> list[list[Trajectory]]:
    factory = VisionThinkEnv(split="validation").factory
    passes = [Pass(GREEDY, "answer"), Pass(GREEDY, "request"), Pass(GREEDY)]
    return play_passes(backend, factory, make_judge("rule"), range(6), passes)


def test_a_retraced_episode_is_the_one_that_was_played(hf_backend: GenerationBackend) -> None:
    factory = VisionThinkEnv(split="validation").factory
    low, high, free = played(hf_backend)
    for way, decision in ((low, "answer"), (high, "request"), (free, None)):
        for index, before in enumerate(way):
            turns = tuple(turn.action for turn in before.record.turns)
            again = retrace(hf_backend.encoder, factory.episode(index), turns)
            assert again.ids == before.ids
            assert again.image_tokens == before.image_tokens
            assert again.outcome.requested == before.outcome.requested
            assert len(again.turns) == len(turns) and sum(again.turns) == sum(again.mask)
            if decision is None:
                assert again.mask == before.mask
            else:  # what was forced on the policy is learned too
                assert sum(again.mask) > sum(before.mask)


def test_turns_that_end_with_no_answer_are_told(hf_backend: GenerationBackend) -> None:
    (episode,) = world_episodes(1)
    with pytest.raises(TrainingError, match="its 1 turns do not end with an answer"):
        retrace(hf_backend.encoder, episode, [str(episode.forced_request)])
    (episode,) = world_episodes(1)
    with pytest.raises(TrainingError, match=r"answered after 1"):
        retrace(hf_backend.encoder, episode, [ANSWER, ANSWER])
    (episode,) = world_episodes(1)
    with pytest.raises(TrainingError, match="malformed after 1"):
        retrace(hf_backend.encoder, episode, ["red"])


def test_episodes_on_a_sample_share_its_views(hf_backend: GenerationBackend) -> None:
    factory = VisionThinkEnv(split="validation").factory
    path = Path("a.jsonl")
    trace = Retracer(factory, hf_backend.encoder, path)
    request = str(factory.episode(1).forced_request)
    name, other = factory.dataset[1].sample_id, factory.dataset[2].sample_id
    some = [
        Demonstration(name, (ANSWER,), False, 1),
        Demonstration(other, (ANSWER,), False, 2),
        Demonstration(name, (request, ANSWER), True, 3),
    ]
    first, second = trace(some)
    assert [len(first), len(second)] == [2, 1]
    assert first[0].images[0] is first[1].images[0]
    assert [len(t.images) for t in first] == [1, 2]
    with pytest.raises(DataError, match="no sample 'nobody'") as caught:
        trace([Demonstration("nobody", (ANSWER,), False, 7)])
    assert (caught.value.line, caught.value.field) == (7, "sample_id")
