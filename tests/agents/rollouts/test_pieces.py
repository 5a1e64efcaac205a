from collections.abc import Sequence

import pytest

from agents.rollouts.pieces import Piece, columns, pieces
from tests.agents.helpers import trajectory

PAD = 9
WORDS = {1: b"ask", 2: b" now", 3: b"<end>", 4: b"\xe2", 5: b"\x82", 6: b"\xac"}


def decode(ids: Sequence[int]) -> str:
    return b"".join(WORDS[i] for i in ids).decode("utf-8", "replace")


def test_each_sampled_token_is_a_piece_and_what_was_given_is_one() -> None:
    t = trajectory(
        ids=(1, 2, PAD, PAD, PAD, 1, 2, 3, 1, PAD, 3),
        mask=(0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1),
        logprobs=(0.0, 0.0, 0.0, 0.0, 0.0, -0.1, -0.2, -0.3, 0.0, 0.0, -0.4),
        image_tokens=(3, 1),
        turns=(3, 1),
        advantage=0.5,
        turn_advantages=(0.25, -1.0),
    )
    assert pieces(t, decode, PAD) == [
        Piece("ask now"),
        Piece("", image_tokens=3),
        Piece("ask", True, -0.1, 0.25),
        Piece(" now", True, -0.2, 0.25),
        Piece("<end>", True, -0.3, 0.25),
        Piece("ask"),
        Piece("", image_tokens=1),
        Piece("<end>", True, -0.4, -1.0),
    ]


def test_images_side_by_side_are_told_apart() -> None:
    t = trajectory(
        ids=(PAD,) * 5, mask=(0,) * 5, logprobs=(0.0,) * 5, image_tokens=(3, 2), turns=()
    )
    assert pieces(t, decode, PAD) == [Piece("", image_tokens=3), Piece("", image_tokens=2)]


def test_a_character_of_several_tokens_is_the_last_ones() -> None:
    t = trajectory(ids=(4, 5, 6, 1, 4), mask=(1,) * 5, logprobs=(-0.1,) * 5)
    assert [piece.text for piece in pieces(t, decode, PAD)] == ["", "", "€", "ask", "\ufffd"]


@pytest.mark.parametrize(("advantage", "told"), [(None, None), (1.5, 1.5)])
def test_an_abstention_has_no_advantage(advantage: float | None, told: float | None) -> None:
    (piece,) = pieces(trajectory(ids=(1,), mask=(1,), logprobs=(-0.5,), advantage=advantage),
                      decode, PAD)  # fmt: skip
    assert piece.advantage == told


def test_columns_are_short() -> None:
    found = columns([Piece("a"), Piece("", image_tokens=4), Piece("b", True, -0.1234567, 2.0)])
    assert found == {
        "text": ["a", "", "b"],
        "loss_mask": [0, 0, 1],
        "logprob": [None, None, -0.12346],
        "advantage": [None, None, 2.0],
        "image_tokens": [0, 4, 0],
    }
