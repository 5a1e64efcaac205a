from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.reference import Reference
from benchmarks.reference.compare import compare
from benchmarks.reference.picture import BAND, OUT, draw
from benchmarks.report.html.runs import read_run
from tests.benchmarks.reference.made import made_run
from vt_env import ConfigError


def pixels(path: Path, colour: str) -> int:
    """How many pixels have exactly this colour."""
    wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return int((np.asarray(Image.open(path).convert("RGB")) == wanted).all(axis=-1).sum())


def test_the_band_is_drawn_and_what_lies_outside_is_red(
    reference: Reference, tmp_path: Path
) -> None:
    counts = []
    for name, shift in (("in", 0.0), ("out", 0.4)):
        run = read_run(made_run(tmp_path / name, 11, shift=shift), name)
        picture = tmp_path / "pictures" / f"{name}.png"
        draw(run, reference, compare(run, reference), picture)
        assert pixels(picture, BAND) > 5000
        counts.append(pixels(picture, OUT))
    assert counts[1] > counts[0] + 100  # the legend has some
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == ["in.png", "out.png"]


def test_a_place_that_cannot_be_written(reference: Reference, tmp_path: Path) -> None:
    run = read_run(made_run(tmp_path / "run", 11), "run")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="choose another --out"):
        draw(run, reference, compare(run, reference), tmp_path / "file" / "a.png")
