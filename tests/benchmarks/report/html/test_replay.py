import base64
import io
import shutil
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.report.html.replay import (
    SIDE,
    Pictures,
    encoded,
    opened,
    replayed,
    sample_at,
    true_box,
    within,
)
from benchmarks.report.html.runs import find_runs
from tests.benchmarks.report.html.made import made_run
from vt_env import ConfigError, MemoryImage, Sample


def test_what_was_seen_is_seen_again(sweep: Path) -> None:
    (run, *_) = find_runs([sweep])
    with opened(run, training=False) as factory:
        for record, start in zip(run.episodes(), run.before().values(), strict=True):
            sample = sample_at(factory, start["index"], record["sample_id"])
            seen = replayed(factory, sample, record)
            assert [one.image.size for one in seen] == [(56, 56), (112, 112)][: len(seen)]
            assert len(seen) == 1 + record["requested"]
            assert all(one.box is not None for one in seen)
            fresh = factory.on(factory.dataset[start["index"]]).observation.image
            assert seen[0].image.tobytes() == fresh.tobytes()
    with opened(run, training=True) as factory:
        row = run.rollouts()[0]
        assert replayed(factory, sample_at(factory, row["index"], row["sample_id"]), row["record"])


def test_a_crop_has_the_part_of_the_true_box_that_is_in_it(tmp_path: Path) -> None:
    path = made_run(tmp_path, "crops", 1, 1, env__tools=["crop"], env__max_turns=3)
    (run,) = find_runs([path])
    call = '{{"name": "crop_image", "arguments": {{"box": {}}}}}'
    call = f"<think>u</think><tool_call>{call}</tool_call>"
    (record,) = run.episodes()
    with opened(run, training=False) as factory:
        sample = sample_at(factory, 0, record["sample_id"])
        left, top, right, bottom = true_box(sample, sample.image.size()) or (0, 0, 0, 0)
        middle = [56 * left, 56 * top, 56 * right, 56 * bottom]
        turns = [{"action": call.format(middle), "tool": "crop"}, {"action": "", "tool": None}]
        low, crop = replayed(factory, sample, {"turns": turns})
    assert low.box == pytest.approx((left, top, right, bottom))
    assert crop.box is not None
    assert crop.box[2] - crop.box[0] > 0.85 and crop.box[3] - crop.box[1] > 0.85


def test_another_sample_at_its_place_is_told(sweep: Path) -> None:
    (run, *_) = find_runs([sweep])
    with opened(run, training=False) as factory:
        with pytest.raises(ConfigError, match=r"has no sample 'gone' at 0 any more"):
            sample_at(factory, 0, "gone")
        with pytest.raises(ConfigError, match="any more"):
            sample_at(factory, -1, "gone")


def test_a_run_whose_checkpoint_is_gone_is_told(sweep: Path, tmp_path: Path) -> None:
    path = tmp_path / "run"
    shutil.copytree(sweep / "trials/dear/0", path)
    text = (path / "settings.json").read_text()
    (path / "settings.json").write_text(text.replace('"model_dir": "', '"model_dir": "/gone'))
    (run,) = find_runs([path])
    with pytest.raises(ConfigError, match="gone"), opened(run, training=False):
        pass


@pytest.mark.parametrize("box", [None, "1,2,3,4", [1, 2, 3], [1, 2, 3, "x"]])
def test_samples_without_a_box(box: object) -> None:
    image = MemoryImage(Image.new("RGB", (100, 50)))
    assert true_box(Sample("a", "Q?", ("b",), image, meta={"box": box}), (100, 50)) is None


def test_boxes_within_regions() -> None:
    image = MemoryImage(Image.new("RGB", (100, 50)))
    box = true_box(Sample("a", "Q?", ("b",), image, meta={"box": (10, 10, 60, 30)}), (100, 50))
    assert box == (0.1, 0.2, 0.6, 0.6)
    assert within(box, (0.0, 0.0, 1.0, 1.0)) == box
    assert within(box, (0.35, 0.4, 0.85, 1.0)) == pytest.approx((0.0, 0.0, 0.5, 1 / 3))
    assert within(box, (0.7, 0.0, 1.0, 1.0)) is None


def test_pictures_are_kept_once_and_up_to_a_bound() -> None:
    red, blue = (Image.new("RGB", (64, 64), color) for color in ("red", "blue"))
    pictures = Pictures(len(encoded(red)) + 10)
    name = pictures.add(red)
    assert name is not None and pictures.add(red.copy()) == name
    assert pictures.add(blue) is None
    assert (list(pictures.found), pictures.left_out) == ([name], 1)


def test_large_images_are_reduced() -> None:
    address = encoded(Image.linear_gradient("L").resize((2000, 500)).convert("RGB"))
    kind, _, data = address.partition(",")
    assert kind == "data:image/webp;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert image.size == (SIDE, SIDE // 4)
