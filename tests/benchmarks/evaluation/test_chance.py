"""The blind guess: the most frequent answer, of those that are offered."""

import io
from dataclasses import replace

import pytest
from PIL import Image
from rich.console import Console

from benchmarks.evaluation.chance import BlindGuesses
from benchmarks.report import terminal as show
from vt_env.samples import Sample
from vt_env.tasks import World

PLAIN = Sample("a", "What colour is it?", ("red",), Image.new("RGB", (8, 8)), needs_high_res=True)


def answered(*answers: str) -> list[Sample]:
    return [replace(PLAIN, answers=(answer,)) for answer in answers]


def offered(answer: str, *options: str) -> Sample:
    listed = ", ".join(f"{letter} {option}" for letter, option in zip("ABC", options, strict=False))
    question = f"What colour is it: {listed}?"
    return replace(PLAIN, question=question, answers=(answer,), choices=options, kind="choice")


def test_the_guess_is_the_most_frequent_answer() -> None:
    guesses = BlindGuesses(answered("red", "blue", "blue"), 3)
    assert guesses(PLAIN) == "blue"
    assert [guesses.right(s) for s in answered("red", "blue")] == [False, True]


def test_of_options_the_most_frequent_is_guessed() -> None:
    learned = [*answered("red", "red", "blue"), offered("B", "red", "green"), *answered("green")]
    guesses = BlindGuesses(learned, len(learned))
    case = offered("A", "blue", "green")
    assert guesses(case) == "green"
    assert not guesses.right(case)
    assert guesses.right(offered("B", "blue", "green"))


def test_a_question_never_met_has_no_guess_but_among_options() -> None:
    guesses = BlindGuesses([], 0)
    assert guesses(PLAIN) is None
    assert not guesses.right(PLAIN)
    assert guesses(offered("B", "blue", "green")) == "blue"


def test_only_what_needs_high_resolution_counts() -> None:
    seen = [replace(s, needs_high_res=False) for s in answered("red", "red")]
    assert BlindGuesses([*seen, *answered("blue")], 3)(PLAIN) == "blue"


def test_it_knows_every_question_of_the_world_it_has_met() -> None:
    world = World("train", suite="mixed")
    learned = [world[index] for index in range(400)]
    guesses = BlindGuesses(learned, len(learned))
    again = [sample for sample in learned if sample.needs_high_res]
    assert all(guesses(sample) is not None for sample in again)
    assert 0.1 < sum(map(guesses.right, again)) / len(again) < 0.9


def test_the_bar_can_be_drawn_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = io.StringIO()
    monkeypatch.setattr(show, "console", Console(file=drawn, force_terminal=True, width=100))
    BlindGuesses(answered("red", "blue"), 2)
    assert "blind guesses" in drawn.getvalue()
    assert "2/2" in drawn.getvalue()
