"""The picture of two trainings."""

from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.parity.picture import draw
from tests.benchmarks.parity.test_points import COURSE


def colours(path: Path) -> set[tuple[int, ...]]:
    return set(map(tuple, np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3).tolist()))


def test_each_trainer_has_a_curve_of_its_colour(tmp_path: Path) -> None:
    path = tmp_path / "parity.png"
    blue, orange = (0x33, 0x66, 0xCC), (0xDC, 0x7A, 0x1E)
    draw({"ours": COURSE}, path)
    assert blue in colours(path)
    assert orange not in colours(path)
    draw({"ours": COURSE, "trl": COURSE[:2]}, path)
    assert {blue, orange} <= colours(path)
    assert list(tmp_path.iterdir()) == [path]
