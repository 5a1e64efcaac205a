"""A ladder that cannot be climbed is told, once, and nothing else is."""

import warnings
from pathlib import Path
from typing import Any

import gymnasium
import pytest

import vt_env
from tests.vt_env.helpers import REQUEST, ListDataset, memory_sample
from vt_env.config import EpisodeConfig
from vt_env.errors import LadderWarning
from vt_env.images.ladder import FIRST, check_ladder
from vt_env.images.urls import UrlImage
from vt_env.tasks import World

SMALL, LARGE = (30, 30), (168, 168)
FLAT = ("qwen3_vl", "internvl", "llava_onevision")
ENOUGH = {
    "qwen2_vl": 112,
    "qwen2_5_vl": 112,
    "qwen3_vl": 512,
    "internvl": 640,
    "llava_onevision": 392,
}
"""Canvas from which on docs/environment.md says that the world can be asked for."""
PAGE = Path(__file__).resolve().parents[3] / "docs" / "environment.md"


def data(*shapes: tuple[int, int]) -> ListDataset:
    return ListDataset(
        tuple(memory_sample(*size, sample_id=f"{n}") for n, size in enumerate(shapes))
    )


@pytest.mark.parametrize("family", FLAT)
@pytest.mark.parametrize("env_id", [vt_env.ENV_ID, vt_env.DISCRETE_ENV_ID])
def test_the_world_under_a_family_of_large_views_is_told(family: str, env_id: str) -> None:
    with pytest.warns(LadderWarning, match=r"0 of the first 8 samples \(0%\).*168x168") as caught:
        env = vt_env.make(env_id, token_family=family)
    assert len(caught) == 1
    env.close()


@pytest.mark.parametrize("family", FLAT)
def test_what_is_told_is_so(family: str) -> None:
    with pytest.warns(LadderWarning):
        env = vt_env.make(token_family=family)
    env.reset(seed=0)
    info = env.step(REQUEST)[-1]
    assert info["problems"] == ("no_higher_resolution",)


@pytest.mark.parametrize(("family", "canvas"), ENOUGH.items())
def test_a_canvas_of_the_docs_can_be_asked_for(family: str, canvas: int) -> None:
    env = vt_env.make(token_family=family, canvas=canvas)  # a warning would be an error
    env.reset(seed=0)
    info = env.step(REQUEST)[-1]
    assert info["requested"]
    assert f"| `{family}` | {canvas}" in PAGE.read_text(encoding="utf-8")


def test_large_images_of_which_no_tile_is_spared_are_told() -> None:
    with pytest.warns(LadderWarning, match=r"0 of the first 8 .*2048x2048"):
        vt_env.make(token_family="llava_onevision", canvas=2048)
    vt_env.make(token_family="llava_onevision", canvas=1536)


def test_the_share_is_that_of_the_first_samples() -> None:
    few = data(*[LARGE] * 3, *[SMALL] * 5, *[LARGE] * 100)
    with pytest.warns(LadderWarning, match=r"3 of the first 8 samples \(38%\).*30x30"):
        vt_env.make(data=few)
    vt_env.make(data=data(*[LARGE] * 4, *[SMALL] * 4))
    found = check_ladder(few, EpisodeConfig(), 1000)
    assert (found.climbable, found.samples, found.largest) == (103, 108, SMALL)
    assert not found.poor


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"tools": ("crop",)},
        {"resolutions": (1.0,)},
        {"max_turns": 1},
        {"resolutions": (0.1, 1.0)},
    ],
)
def test_nothing_is_said_where_there_is_nothing_to_say(settings: dict[str, Any]) -> None:
    vt_env.make(**settings)
    flat = {key: settings[key] for key in settings if settings[key] != (0.1, 1.0)}
    if flat:
        vt_env.make(data=data(SMALL), **flat)


def test_many_environments_warn_once() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gymnasium.make_vec("VisionThink-v0", num_envs=4, token_family="internvl").close()
        assert [w.category for w in caught] == [LadderWarning]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        gymnasium.make_vec(
            "VisionThink-v0", num_envs=4, vectorization_mode="sync", token_family="internvl"
        ).close()
        assert [w.category for w in caught] == [LadderWarning]


def test_images_that_are_not_there_do_not_count_and_none_is_fetched() -> None:
    base = memory_sample(*LARGE)

    class Mixed(ListDataset):
        def __getitem__(self, index: int) -> vt_env.Sample:
            if index == 0:
                raise vt_env.DataError("f", 1, None, "is bad.")
            if index == 1:
                return vt_env.Sample("1", "?", ("a",), UrlImage("http://127.0.0.1:9/a.png"))
            return base

    found = check_ladder(Mixed((base,) * 5), EpisodeConfig(), FIRST)
    assert (found.climbable, found.samples) == (3, 3)
    assert check_ladder(data(), EpisodeConfig(), FIRST).share is None


def test_the_worlds_sizes_are_known_without_a_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a scene was drawn")

    monkeypatch.setattr(World, "__getitem__", refuse)
    assert check_ladder(World("test"), EpisodeConfig(), 1000).climbable == 1000
    vt_env.make()
