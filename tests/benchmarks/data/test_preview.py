"""``visionthink data preview``: nothing clipped, nothing overlapping, every family there."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from benchmarks.data.preview import card, choose
from benchmarks.report import contact_sheet as sheets
from benchmarks.report.contact_sheet import (
    BADGES,
    CARD,
    PADDING,
    Card,
    contact_sheet,
    draw_card,
    fitted,
    fitted_size,
    font,
    wrap,
)
from tests.benchmarks.runner import Result, invoke
from vt_env.errors import VisionThinkError
from vt_env.tasks import World

FAMILIES = ("textures", "objects")


def run(*arguments: str) -> Result:
    return invoke("data", "preview", *arguments)


def test_a_sheet_of_the_world(tmp_path: Path) -> None:
    out = tmp_path / "new" / "sheet.png"
    done = run(
        "--world.suite",
        "mixed",
        "--world.families",
        ",".join(FAMILIES),
        "--samples",
        "6",
        "--out",
        str(out),
    )
    assert done.exit_code == 0, done.output
    assert "6 samples" in done.output
    with Image.open(out) as sheet:
        assert sheet.format == "PNG"
        # Three samples a family side by side, each two pictures of 336 pixels wide.
        assert sheet.width == 3 * (2 * 336 + 38) + 4 * sheets.MARGIN


def test_a_sheet_of_ones_own_images(tmp_path: Path) -> None:
    rows = []
    for number, size in enumerate([(700, 40), (40, 700), (9, 5), (500, 400)]):
        Image.new("RGB", size, "teal").save(tmp_path / f"{number}.png")
        question = "Who wrote the very long word below? " + "x" * 2000
        rows.append({"image": f"{number}.png", "question": question, "answer": ["é", "b" * 900]})
    rows[0] |= {"choices": ["one", "two"], "answer": "two"}
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = tmp_path / "sheet.png"
    done = run("--data", str(data), "--out", str(out), "--side", "200", "--columns", "2")
    assert done.exit_code == 0, done.output
    with Image.open(out) as sheet:
        assert sheet.width == 2 * (2 * 200 + 38) + 3 * sheets.MARGIN


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--samples", "0"], r"samples must lie in"),
        (["--columns", "99"], r"columns must lie in"),
        (["--side", "3"], r"side must lie in"),
        (["--out", "sheet.txt"], "ends in .png"),
    ],
)
def test_bad_settings_are_told(arguments: list[str], said: str) -> None:
    done = run("--world.suite", "mixed", "--world.families", "textures", *arguments)
    assert isinstance(done.exception, VisionThinkError)
    assert said in str(done.exception)


def test_families_are_alike_often_and_in_order() -> None:
    chosen = choose(World(suite="mixed", families=FAMILIES), 7)
    families = [sample.family for sample in chosen]
    assert sorted(families.count(name) for name in FAMILIES) == [3, 4]
    assert families == sorted(families)
    assert len({sample.sample_id for sample in chosen}) == 7


def test_a_card_says_what_the_sample_says() -> None:
    world = World(suite="mixed", families=("textures",), canvas=224)
    for index in range(8):
        sample = world[index]
        made = card(sample)
        texts = " ".join(text for text, _ in made.lines)
        assert sample.question in texts
        assert sample.answers[0] in texts
        assert (made.full.size, made.low.size) == ((224, 224), (112, 112))
        assert made.badge in BADGES
        assert str(sample.meta["why"]) in made.why


@given(st.text(max_size=400), st.integers(40, 400), st.integers(1, 4))
def test_wrapped_text_fits_and_is_complete_or_says_so(text: str, width: int, most: int) -> None:
    lines = wrap(text, 16, width, most)
    assert len(lines) <= most
    for line in lines:
        assert font(16).getlength(line) <= width
        assert line.isprintable()
    wanted = "".join("".join(c if c.isprintable() else " " for c in text).split())
    shown = "".join("".join(lines).split())
    assert shown == wanted or (shown.endswith("…") and wanted.startswith(shown[:-1]))


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_pictures_fit_their_square(width: int, height: int) -> None:
    size = fitted_size((width, height), 336)
    assert max(size) <= 336
    assert max(size) > 168 or max(width, height) <= 336
    assert min(size) >= 1


def test_small_pictures_keep_their_pixels_visible() -> None:
    image = Image.fromarray(
        np.arange(84 * 84 * 3, dtype=np.uint32).astype(np.uint8).reshape(84, 84, 3)
    )
    large = np.asarray(fitted(image, 336))
    assert large.shape == (336, 336, 3)
    assert np.array_equal(large[::4, ::4], np.asarray(image))
    assert np.array_equal(large[3::4, 2::4], np.asarray(image))


@pytest.mark.parametrize("words", ["w" * 3000, "a long question " * 90, "short"])
def test_nothing_of_a_card_touches_its_edge(words: str) -> None:
    made = Card(
        full=Image.new("RGB", (50, 80), "black"),
        low=Image.new("RGB", (28, 42), "black"),
        captions=(words, words),
        lines=((words, 3), (words, 2)),
        badge="low resolution is enough",
        why=words,
        label=words,
    )
    pixels = np.asarray(draw_card(made, 100, sheets.NARROWEST))
    inside = pixels[1:-1, 1:-1]
    for edge in (
        inside[: PADDING - 2],
        inside[-PADDING + 4 :],
        inside[:, : PADDING - 2],
        inside[:, -PADDING + 2 :],
    ):
        assert (edge == CARD).all()


def test_cards_of_a_sheet_do_not_overlap() -> None:
    def made(height: int) -> Card:
        image = Image.new("RGB", (100, height), "black")
        return Card(image, image, ("a", "b"), (("c", 1),), "need not known", "", "d")

    groups = {"one": [made(100), made(60), made(90)], "two": [made(40)]}
    sheet = np.asarray(contact_sheet("title", "legend", groups, 100, 2))
    white = (sheet == CARD).all(axis=-1)
    drawn = [draw_card(m, 100, sheets.NARROWEST) for cards in groups.values() for m in cards]
    expected = sum(int((np.asarray(d) == CARD).all(axis=-1).sum()) for d in drawn)
    assert int(white.sum()) == expected
