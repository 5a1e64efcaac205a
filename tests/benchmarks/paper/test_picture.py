"""Table 2 as a picture, with routers and without."""

from dataclasses import replace
from pathlib import Path

from PIL import Image

from benchmarks.paper.material import Material
from benchmarks.paper.picture import draw
from tests.benchmarks.paper.test_router import SAMPLES


def test_it_is_drawn_with_routers_and_without(tmp_path: Path, penalty: Material) -> None:
    found = [vars(one) for one in SAMPLES]
    measured = {"ours": [0.75], "validation": found, "reported": found}
    sizes = []
    for name, made in (("a", penalty), ("b", replace(penalty, measured=measured))):
        draw(made, tmp_path / f"{name}.png")
        with Image.open(tmp_path / f"{name}.png") as image:
            sizes.append(image.size)
    assert sizes[0] == sizes[1] and sizes[0][0] > 1000
    one, other = ((tmp_path / f"{name}.png").read_bytes() for name in "ab")
    assert one != other
