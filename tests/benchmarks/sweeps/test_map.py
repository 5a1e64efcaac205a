"""The map of a sweep over two things: a cell a point, coloured by where it ends."""

from dataclasses import replace
from pathlib import Path

from benchmarks.sweeps import SWEEPS, Point, Sweep
from benchmarks.sweeps.ends import ALWAYS, BETWEEN, NEVER
from benchmarks.sweeps.grid import grid_sweep
from benchmarks.sweeps.map import draw_map, has_map, label, region
from benchmarks.sweeps.results import results
from tests.benchmarks.sweeps.made import SWEEP, made

PLACES = {"free": ("all", "free"), "dear": ("all", "dear")}
MAPPED = Sweep(
    SWEEP.name, SWEEP.question, tuple(replace(p, place=PLACES[p.name]) for p in SWEEP.points)
)


def test_sweeps_over_two_things_have_one() -> None:
    assert has_map(SWEEPS["collapse"]) and has_map(SWEEPS["collapse-remedies"])
    assert not has_map(SWEEPS["penalty"])
    pair = ["rewards.price=0,0.1", "grpo.num_generations=4,8"]
    assert has_map(grid_sweep(pair)) and not has_map(grid_sweep(pair[:1]))
    assert grid_sweep(pair).points[1].place == ("price=0", "num_generations=8")


def test_the_map_of_collapse_has_a_cell_each() -> None:
    places = [point.place for point in SWEEPS["collapse"].points]
    assert len(set(places)) == len(places) == 16
    assert ("need 0.02", "every0.3") in places


def test_a_cell_says_where_it_ends(tmp_path: Path) -> None:
    folder, planned = made(tmp_path)
    free, dear = results(SWEEP, planned, folder)
    assert (region(free), region(dear)) == (ALWAYS, NEVER)
    assert label(free) == "always\n100% / 100%\nfrom iteration 1"
    assert label(replace(dear, settled=(None, 7, 3))) == "never\n0% / 0%\nfrom iteration 7"
    assert label(replace(dear, settled=(None,) * 3)).endswith("greedily only")
    mixed = replace(dear, ends=("never", "always", "never"), settled=(None, 7, 3))
    assert (region(mixed), label(mixed)) == (BETWEEN, "2/3 never, 1/3 always\n0% / 0%")


def test_it_is_drawn_with_cells_that_are_not_done(tmp_path: Path) -> None:
    folder, planned = made(tmp_path, seeds=1)
    more = (*MAPPED.points, Point("dearer", {"grpo.shaper": "none"}, ("all", "dearer")))
    sweep = Sweep(SWEEP.name, SWEEP.question, more)
    draw_map(sweep, results(SWEEP, planned, folder), tmp_path / "map.png")
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
    assert not list(tmp_path.glob(".draft*"))
