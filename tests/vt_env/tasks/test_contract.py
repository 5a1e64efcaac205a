"""What every family of the world keeps to: proven need, honest questions, the same bytes."""

import itertools

import numpy as np
import pytest
from PIL import Image

from vt_env.images.views import ImageLimits, resample, shown_size
from vt_env.tasks import SUITES, TASKS, Scene, draw_scene
from vt_env.tasks.hatching import PATTERNS
from vt_env.tasks.legibility import LARGE, SMALL
from vt_env.tasks.lettering import FACES, NOVEL_FACES

LIMITS = ImageLimits("qwen2_5_vl")
FAMILIES = sorted(TASKS)
CANVASES = [112, 168, 336, 448]


def scenes(family: str, canvas: int, count: int, novel: bool = False) -> list[Scene]:
    return [
        draw_scene(np.random.default_rng([11, i]), canvas, ((family,),), novel)
        for i in range(count)
    ]


def low(image: Image.Image) -> np.ndarray:
    """The low-resolution view, by the very resize that the environment uses."""
    return np.asarray(resample(image, shown_size(image.size, 0.5, LIMITS))).astype(int)


def test_every_family_belongs_to_exactly_one_group() -> None:
    grouped = [family for group in SUITES["mixed"] for family in group]
    assert sorted(grouped) == FAMILIES
    assert set(SUITES["ocr"][0]) | set(SUITES["general"][0]) == set(FAMILIES)


@pytest.mark.parametrize("canvas", CANVASES)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_counterfactual_looks_the_same_at_low_resolution(family: str, canvas: int) -> None:
    pairs, worst, drift = 0, 0, []
    for scene in scenes(family, canvas, 40 if canvas < 300 else 10):
        image = scene.image()
        for question in scene.questions:
            if question.need.proof != "counterfactual":
                assert question.hatch is None
                continue
            assert question.hatch is not None
            assert question.twins
            for pattern, answer in question.twins.items():
                assert answer != question.answer
                twin = scene.image({question.hatch: pattern})
                full = np.abs(np.asarray(image).astype(int) - np.asarray(twin))
                assert full.max() > 30  # plain to see at full resolution
                difference = low(image) - low(twin)
                worst, pairs = max(worst, int(np.abs(difference).max())), pairs + 1
                drift.append(abs(difference.mean()))
    assert pairs
    assert worst <= 2  # what rounding leaves, of 255
    assert np.mean(drift) < 0.02


@pytest.mark.parametrize("family", FAMILIES)
def test_questions_with_and_without_need_share_their_wording(family: str) -> None:
    texts: dict[bool | None, set[str]] = {True: set(), False: set(), None: set()}
    for scene in scenes(family, 168, 250):
        for question in scene.questions:
            texts[question.need.high_res].add(question.text)
    assert texts[True]
    assert texts[False]
    assert texts[True] & texts[False]  # the policy has to look; the words do not say


@pytest.mark.parametrize("family", FAMILIES)
def test_asked_questions_are_balanced(family: str) -> None:
    drawn = scenes(family, 168, 400)
    needs = [scene.question.need.high_res for scene in drawn]
    assert 0.3 < np.mean([need is True for need in needs]) < 0.6
    assert 0.3 < np.mean([need is False for need in needs]) < 0.65
    lost = [scene.question for scene in drawn if scene.question.need.high_res]
    for text in {question.text for question in lost}:
        answers = [question.answer for question in lost if question.text == text]
        if len(answers) > 20:  # no answer can be guessed
            most = max(answers.count(answer) for answer in set(answers)) / len(answers)
            assert most < 0.75, text


@pytest.mark.parametrize("novel", [False, True])
@pytest.mark.parametrize("canvas", CANVASES)
@pytest.mark.parametrize("family", FAMILIES)
def test_scenes_are_sound(family: str, canvas: int, novel: bool) -> None:
    for scene in scenes(family, canvas, 40 if canvas < 300 else 10, novel):
        assert scene.sheet.style.face in (NOVEL_FACES if novel else FACES)
        assert scene.image().size == (canvas, canvas)
        assert len({question.text for question in scene.questions}) == len(scene.questions)
        for question in scene.questions:
            left, top, right, bottom = question.box
            assert 0 <= left < right <= canvas
            assert 0 <= top < bottom <= canvas
            assert question.answer == question.answer.strip() != ""
            assert question.text[0].isupper()
            assert question.text.endswith("?")
            assert 0 < question.need.scale <= 1
            if question.kind == "choice":
                assert question.choices
                assert question.answer in "ABCDE"[: len(question.choices)]
                assert all(option in question.text for option in question.choices)
            if question.need.proof == "legibility":
                assert_legibility(scene, question.need.high_res, question.box)


def assert_legibility(scene: Scene, need: bool | None, box: tuple[int, ...]) -> None:
    """The type in the box that suffices is of the band that the need was graded by."""
    sizes = [
        written.size
        for written in scene.sheet.written
        if box[0] <= written.box[0]
        and box[1] <= written.box[1]
        and written.box[2] <= box[2]
        and written.box[3] <= box[3]
    ]
    assert sizes
    if need is True:
        assert min(sizes) <= SMALL
    elif need is False:
        assert max(sizes) >= LARGE


@pytest.mark.parametrize("novel", [False, True])
@pytest.mark.parametrize("canvas", [*CANVASES, 224, 1008])
@pytest.mark.parametrize("family", FAMILIES)
def test_texts_and_hatching_do_not_overlap(family: str, canvas: int, novel: bool) -> None:
    for scene in scenes(family, canvas, 30 if canvas < 300 else 5, novel):
        boxes = [written.box for written in scene.sheet.written]
        # A mask may leave room inside of its box; texts keep clear of whole areas alone.
        boxes += [area.box for area in scene.sheet.hatched if area.mask is None]
        for one, other in itertools.combinations(boxes, 2):
            across = min(one[2], other[2]) - max(one[0], other[0])
            assert across <= 0 or min(one[3], other[3]) <= max(one[1], other[1])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_scene_is_drawn_the_same_twice_and_finished_the_same_twice(family: str) -> None:
    for one, two in zip(scenes(family, 168, 10), scenes(family, 168, 10), strict=True):
        assert one.image().tobytes() == two.image().tobytes() == one.image().tobytes()
        assert one.questions == two.questions


def test_every_pattern_comes_up() -> None:
    found = {
        area.pattern
        for family in FAMILIES
        for scene in scenes(family, 168, 40)
        for area in scene.sheet.hatched
    }
    assert found == set(PATTERNS)
