"""Sheets, lettering, legibility and hatching: what every family draws with."""

import numpy as np
import pytest
from PIL import Image

from vt_env.images.views import resample
from vt_env.tasks.composing import write_middle
from vt_env.tasks.hatching import MARGIN, PATTERNS, even, lost_in_halving, soft_edge, wave
from vt_env.tasks.legibility import LARGE, SIZES, SMALL, draw_size, need_of_type
from vt_env.tasks.lettering import FACES, NOVEL_FACES, lettering
from vt_env.tasks.sheet import Sheet
from vt_env.tasks.style import COLORS, JITTER, NOVEL_COLORS, draw_style


def sheet(seed: int = 0, canvas: int = 168) -> Sheet:
    rng = np.random.default_rng(seed)
    return Sheet(canvas, draw_style(rng, novel=False), rng)


@pytest.mark.parametrize("pattern", PATTERNS[:-1])
@pytest.mark.parametrize("size", [(24, 24), (40, 62), (100, 30)])
def test_a_projected_wave_is_lost_in_halving(pattern: str, size: tuple[int, int]) -> None:
    signal = np.pad(wave(*size, pattern, 2), MARGIN) * soft_edge(*size)
    lost = lost_in_halving(signal)
    assert np.abs(lost).max() > 0.9
    image = Image.fromarray((128 + 100 * lost).astype(np.float32))
    halved = image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)
    assert np.abs(np.asarray(halved) - 128).max() < 0.1  # a thousandth of the wave


def test_a_coarse_wave_survives_halving() -> None:
    image = Image.fromarray((128 + 100 * wave(64, 64, "vertical", 8)).astype(np.uint8))
    assert np.asarray(resample(image, (32, 32))).std() > 80


def test_boxes_move_inwards_to_even_pixels() -> None:
    assert even((13, 14, 51, 52)) == (14, 14, 50, 52)


def test_swapping_a_pattern_changes_its_area_alone() -> None:
    page = sheet()
    page.draw.rectangle((40, 40, 99, 99), fill=page.style.colors["blue"])
    area = page.hatch((40, 40, 100, 100), pattern="horizontal", fine=True)
    one, two = (np.asarray(page.finish(s)).astype(int) for s in (None, {area: "vertical"}))
    changed = np.argwhere(np.abs(one - two).max(axis=2) > 0)
    assert changed.min() >= 40 - MARGIN
    assert changed.max() < 100 + MARGIN


@pytest.mark.parametrize("box", [(4, 40, 60, 80), (40, 40, 162, 80), (41, 40, 61, 80)])
def test_hatching_too_near_the_edge_or_at_odd_pixels_is_refused(
    box: tuple[int, int, int, int],
) -> None:
    with pytest.raises(ValueError, match="hatched area"):
        sheet().hatch(box)


def test_what_looks_plain_at_low_resolution_needs_high_resolution() -> None:
    page = sheet()
    question = page.pattern_question("What pattern?", page.hatch((20, 20, 60, 60), pattern="plain"))
    assert question.need.high_res is True
    assert set(question.twins) == set(PATTERNS) - {"plain"}


def test_patterns_may_mean_yes_and_no() -> None:
    page = sheet()
    area = page.hatch((20, 20, 60, 60), pattern="vertical", fine=True)
    answers = dict.fromkeys(PATTERNS, "no") | {"vertical": "yes"}
    question = page.pattern_question("Are the lines vertical?", area, answers)
    assert (question.answer, question.kind) == ("yes", "yes_no")
    assert set(question.twins.values()) == {"no"}


def test_text_stays_on_the_sheet() -> None:
    page = sheet()
    box = page.write(84, 40, "47", 20, anchor="m")
    assert abs((box[0] + box[2]) / 2 - 84) <= 2
    assert page.written[-1].box == box
    with pytest.raises(ValueError, match="leaves the sheet"):
        page.write(150, 40, "Milk", 20)


@pytest.mark.parametrize("face", [*dict.fromkeys(FACES), *NOVEL_FACES])
def test_every_face_draws_ink(face: object) -> None:
    for size in (10, 20, 40):
        mask, (x, y) = lettering("47", size, face)  # type: ignore[arg-type]
        assert mask.getextrema()[1] > 100
        assert 0 <= x <= size
        assert 0 <= y <= size


def test_novel_styles_share_neither_face_nor_shade() -> None:
    assert not set(FACES) & set(NOVEL_FACES)
    for name, shade in COLORS.items():
        assert max(abs(a - b) for a, b in zip(shade, NOVEL_COLORS[name], strict=True)) > 2 * JITTER


def test_need_follows_the_size_of_type() -> None:
    assert need_of_type(SMALL).high_res is True
    assert need_of_type(LARGE).high_res is False
    assert need_of_type((SMALL + LARGE) // 2).high_res is None
    assert need_of_type(SMALL).scale > 0.5 >= need_of_type(LARGE).scale


def test_sizes_come_from_the_bands_that_fit() -> None:
    rng = np.random.default_rng(0)
    for largest in (10, 20, 32, 60, 300):
        sizes = {draw_size(rng, largest) for _ in range(300)}
        assert max(sizes) <= largest
        assert min(sizes) >= SIZES["need"][0]
    assert not {12, 13, 14, 15, 27, 30} & {draw_size(rng, 60) for _ in range(300)}


@pytest.mark.parametrize("size", [10, 15, 16, 40])
@pytest.mark.parametrize("seed", range(6))
def test_what_is_measured_is_what_is_written(seed: int, size: int) -> None:
    page = sheet(seed)
    mask, _ = page.lettering("47", size)
    left, top, right, bottom = page.write(60, 60, "47", size)
    assert (right - left, bottom - top) == mask.size
    left, top, right, bottom = write_middle(page, (84, 120), "47", size)
    assert abs((left + right) / 2 - 84) <= 1.5  # ink starts at even pixels
    assert abs((top + bottom) / 2 - 120) <= 1.5
