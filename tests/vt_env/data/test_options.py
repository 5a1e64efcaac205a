"""Options: read in every form that people have, and shown to the policy with letters."""

from typing import Any

import pytest

from tests.vt_env.helpers import ListDataset, answer, memory_sample
from vt_env.data.options import asked, check_order, lists_options, read_options
from vt_env.data.schemas import RowError
from vt_env.env import VisionThinkEnv
from vt_env.episode import Episode, EpisodeConfig
from vt_env.errors import ConfigError
from vt_env.rewards import RewardConfig
from vt_env.tasks import World
from vt_env.templates import load_template
from vt_env.vector import VisionThinkVectorEnv

ANIMALS = ("cat", "dog", "bird")
ASKED = "Which animal is this?\nA. cat\nB. dog\nC. bird"


@pytest.mark.parametrize(
    "columns",
    [
        {"choices": ["cat", "dog", "bird"]},
        {"options": ["cat", "dog", "bird"]},
        {"options": '["cat", "dog", "bird"]'},
        {"options": "['cat', 'dog', 'bird']"},
        {"options": {"A": "cat", "B": "dog", "C": "bird", "D": None}},
        {"options": {"b": "dog", "a": "cat", "c": "bird"}},
        {"options": "{'A': 'cat', 'B': 'dog', 'C': 'bird'}"},
        {"options": {"label": ["A", "B", "C"], "text": ["cat", "dog", "bird"]}},
        {"options": "(A) cat (B) dog (C) bird"},
        {"options": ["A. cat", "B. dog", "C. bird"]},
        {"options": ["(A) cat", "(B) dog", "(C) bird"]},
        {"choices": ["cat", "dog", "bird"], "options": ["cat", "dog", "bird"]},
        {"A": "cat", "B": "dog", "C": "bird"},
        {"A": "cat", "B": "dog", "C": "bird", "D": float("nan"), "E": " "},
        {"choices": float("nan"), "A": "cat", "B": "dog", "C": "bird"},
    ],
)
def test_every_form_of_options(columns: dict[str, Any]) -> None:
    options, used = read_options({"question": "Which?", **columns})
    assert options == ANIMALS
    assert set(columns) <= used


@pytest.mark.parametrize("columns", [{}, {"options": "[]"}, {"choices": []}, {"A": "cat"}])
def test_questions_without_options(columns: dict[str, Any]) -> None:
    assert read_options(columns)[0] is None


def test_numbers_and_latex_are_options_too() -> None:
    assert read_options({"options": [1, 2.5]})[0] == ("1", "2.5")
    assert read_options({"A": 1, "B": 2})[0] == ("1", "2")
    assert read_options({"options": r"['$\pi$', '$\theta \sum$']"})[0] == (
        r"$\pi$",
        "$\theta \\sum$",
    )


@pytest.mark.parametrize(
    ("columns", "field", "problem"),
    [
        ({"options": "cat, dog"}, "options", "expected a list of texts, got 'cat, dog'"),
        ({"options": 3}, "options", "expected a list of texts"),
        ({"options": "['cat' 'dog']"}, "options", "at least two options"),
        ({"options": ["cat", None, "dog"]}, "options", "expected a list of texts"),
        ({"options": ["cat", " ", "dog"]}, "options", "an empty option"),
        ({"options": {"A": "cat", "C": "dog"}}, "options", "without a gap, got 'A, C'"),
        ({"options": {"1": "cat", "2": "dog"}}, "options", "without a gap"),
        ({"A": "cat", "B": "dog", "D": "bird"}, "A", "without a gap"),
        ({"options": ["x"] * 27}, "options", "at most 26"),
        ({"choices": ["a", "b"], "options": ["b", "a"]}, "options", "differ from choices"),
    ],
)
def test_options_that_cannot_be_used(columns: dict[str, Any], field: str, problem: str) -> None:
    with pytest.raises(RowError) as caught:
        read_options(columns)
    assert caught.value.field == field
    assert problem in caught.value.problem


@pytest.mark.parametrize(
    "question",
    [
        ASKED,
        "Which? A: cat, B: dog, C: bird",
        "Which? (A) cat (B) dog (C) bird",
        "Which?\nA．cat\nB．dog\nC．bird",
        "Which animal is this: A cat, B dog or C bird?",
        "Which? (A) Cat. (B) Dog. (C) Bird.",
    ],
)
def test_a_question_that_lists_its_options_is_left_as_it_is(question: str) -> None:
    assert asked(question, ANIMALS) == question


@pytest.mark.parametrize(
    "question",
    ["Which animal is this?", "Is it a cat, a dog or a bird?", "Which? (A) cat (B) dog", "A cat?"],
)
def test_other_questions_get_them(question: str) -> None:
    assert asked(question, ANIMALS) == f"{question}\nA. cat\nB. dog\nC. bird"


def test_letters_of_their_own_are_not_said_twice() -> None:
    own = ("A. cat", "B. dog")
    assert asked("Which?", own) == "Which?\nA. cat\nB. dog"
    assert asked("Which?\nA. cat\nB. dog", own) == "Which?\nA. cat\nB. dog"


def test_a_choice_has_the_options_that_its_question_lists() -> None:
    row = {"question": "Which? (A) cat (B) dog", "kind": "choice"}
    assert read_options(row)[0] == ("cat", "dog")
    assert read_options({**row, "kind": None})[0] is None
    assert read_options({**row, "question": "Which is it?"})[0] is None


def test_letters_of_a_figure_are_no_options() -> None:
    assert not lists_options("Is A 1 cm and B 2 cm long?", ("1", "2"))


def test_another_order_is_refused() -> None:
    with pytest.raises(RowError, match="another order"):
        check_order("Which? (A) dog (B) cat", ("cat", "dog"))
    check_order("Which? (A) cat (B) dog", ("cat", "dog"))
    check_order("Ask A. Smith or B. Jones.", ("cat", "dog"))


@pytest.mark.parametrize("suite", ["mixed", "ocr", "general"])
def test_the_questions_of_the_world_list_their_options(suite: str) -> None:
    world = World(suite=suite)
    samples = [world[index] for index in range(150)]
    assert any(sample.choices for sample in samples)
    assert all(asked(s.question, s.choices) == s.question for s in samples)


def test_the_options_reach_the_policy_and_the_judge() -> None:
    sample = memory_sample(
        question="Which animal is this?", choices=ANIMALS, answers=("B",), kind="choice"
    )
    episode = Episode(sample, EpisodeConfig(), RewardConfig(), load_template("agent"))
    said = [part for m in episode.messages for part in m.content if isinstance(part, str)]
    assert any(ASKED in text for text in said)
    case = episode.step(answer("dog")).case
    assert case is not None
    assert (case.question, case.choices) == ("Which animal is this?", ANIMALS)
    env = VisionThinkEnv(ListDataset((sample,)))
    observation, _ = env.reset(seed=0)
    assert observation["question"] == ASKED
    *_, info = env.step(answer("B"))
    assert info["verdict"].score == 1.0
    vector = VisionThinkVectorEnv(2, data=ListDataset((sample,)))
    assert vector.reset(seed=0)[0]["question"] == (ASKED, ASKED)


def test_more_options_than_letters_are_refused() -> None:
    with pytest.raises(ConfigError, match="more than 26 choices"):
        memory_sample(choices=tuple(map(str, range(27))))
