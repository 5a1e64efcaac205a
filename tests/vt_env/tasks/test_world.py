"""`World`: a dataset with exact answers, known need, splits that never meet, and the same bytes."""

import hashlib
import pickle

import numpy as np
import pytest

from vt_env.errors import ConfigError, RegistryError, UnknownNameError
from vt_env.samples import Dataset
from vt_env.tasks import CANVAS, SPLITS, SUITES, TASKS, SceneImage, World
from vt_env.tasks.families.textures import TexturesTask
from vt_env.tasks.style import NOVEL_COLORS


def test_samples_are_a_dataset_and_survive_pickling() -> None:
    world = World("train", suite="mixed")
    assert isinstance(world, Dataset)
    sample = pickle.loads(pickle.dumps(world[7]))
    assert sample == world[7]
    assert np.array_equal(np.asarray(sample.image.load()), np.asarray(world[7].image.load()))
    assert sample.image.size() == sample.image.load().size == (CANVAS, CANVAS)


def test_same_seed_same_bytes() -> None:
    """A digest: the world may change only on purpose, never from machine to machine."""
    digest = hashlib.sha256()
    for split in ("validation", "generalisation"):
        for index in range(60):
            sample = World(split, seed=3, suite="mixed")[index]
            digest.update(sample.image.load().tobytes())
            digest.update(f"{sample.question}|{sample.answers}|{sample.needs_high_res}".encode())
    assert digest.hexdigest() == DIGEST


DIGEST = "e66049b79c096f29b0a7ac00fbce402ae3c5d7620417cf9ffe44ceadba6add8b"


def test_splits_and_seeds_differ() -> None:
    images = {
        (split, seed, index): World(split, seed=seed, suite="mixed")[index].image.load().tobytes()
        for split in SPLITS
        for seed in (0, 1)
        for index in range(5)
    }
    assert len(set(images.values())) == len(images)


def test_the_generalisation_split_alone_is_novel() -> None:
    for split in SPLITS:
        image = World(split, suite="mixed")[0].image
        assert isinstance(image, SceneImage)
        assert image.scene().sheet.style.novel is (split == "generalisation")
    style = World("generalisation", suite="mixed")[1].image.scene().sheet.style  # type: ignore[attr-defined]
    for name, shade in style.colors.items():
        assert max(abs(a - b) for a, b in zip(shade, NOVEL_COLORS[name], strict=True)) <= 8


@pytest.mark.parametrize("suite", sorted(SUITES))
def test_a_suite_draws_its_groups_alike_often(suite: str) -> None:
    samples = [World("validation", suite=suite)[i] for i in range(800)]
    for group in SUITES[suite]:
        share = np.mean([sample.family in group for sample in samples])
        assert abs(share - 1 / len(SUITES[suite])) < 0.06
        for family in group:
            expected = 1 / len(SUITES[suite]) / len(group)
            assert abs(np.mean([s.family == family for s in samples]) - expected) < 0.05


def test_need_is_balanced_and_explained() -> None:
    samples = [World("validation", suite="mixed")[i] for i in range(600)]
    needs = [sample.needs_high_res for sample in samples]
    assert 0.35 < np.mean([need is True for need in needs]) < 0.55
    assert 0.35 < np.mean([need is False for need in needs]) < 0.6
    assert 0 < np.mean([need is None for need in needs]) < 0.2
    for sample in samples:
        assert sample.meta["proof"] in ("plain", "legibility", "counterfactual")
        assert sample.meta["why"]
        assert (sample.meta["proof"] == "counterfactual") <= (sample.needs_high_res is True)
        scale = sample.meta["scale"]
        assert isinstance(scale, float)
        if sample.needs_high_res is not None:
            assert (scale > 0.5) is sample.needs_high_res


def test_the_box_that_suffices_holds_what_is_read() -> None:
    """A crop at full resolution to the box shows the same pixels as the image does."""
    for index in range(60):
        sample = World("validation", suite="mixed")[index]
        box = sample.meta["box"]
        assert isinstance(box, tuple)
        assert sample.image.load().crop(box).size == (box[2] - box[0], box[3] - box[1])


def test_ids_are_found_and_wrong_ones_are_not() -> None:
    world = World("test", seed=4, suite="mixed")
    assert world.index_of(world[17].sample_id) == 17
    for wrong in ("", "test-4-", "test-4-017", "test-4-100000", "test-3-17", "train-4-17", "17"):
        assert world.index_of(wrong) is None


def test_families_can_be_chosen() -> None:
    world = World("train", suite="mixed", families=("maps",))
    assert {world[i].family for i in range(20)} == {"maps"}


def test_canvases_for_both_sizes_of_visual_tokens() -> None:
    for canvas in (112, 168, 192, 448, 2048):
        assert World(canvas=canvas, suite="mixed")[0].image.size() == (canvas, canvas)


def test_bad_settings_are_named() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'train'"):
        World("trian")
    with pytest.raises(UnknownNameError, match="Did you mean 'mixed'"):
        World(suite="mixd")
    with pytest.raises(UnknownNameError, match="Did you mean 'maps'"):
        World(suite="mixed", families=("map",))
    for canvas in (56, 150, 2072):
        with pytest.raises(ConfigError, match="multiple of 56 or 64"):
            World(canvas=canvas)
    with pytest.raises(ConfigError, match="seed"):
        World(seed=-1)
    with pytest.raises(IndexError):
        World()[-1]


def test_every_family_is_named_as_its_task() -> None:
    assert all(task.name == name for name, task in TASKS.items())


class Clocks(TexturesTask):
    """A family of one's own."""

    name = "clocks"


CLOCKS = Clocks()


def test_families_and_suites_of_ones_own_are_drawn() -> None:
    TASKS.register("clocks", Clocks())
    SUITES.register("by_the_clock", (("clocks",), ("maps",)))
    SUITES.register("misspelt", (("clock",),))
    try:
        world = World(suite="by_the_clock")
        assert {world[index].family for index in range(20)} == {"clocks", "maps"}
        assert World(families=("clocks",))[0].family == "clocks"
        assert World(families=(f"{__name__}:CLOCKS",))[0].family == "CLOCKS"
        with pytest.raises(UnknownNameError, match="Did you mean 'clocks'"):
            World(suite="misspelt")
    finally:
        TASKS.remove("clocks")
        for name in ("by_the_clock", "misspelt"):
            SUITES.remove(name)
    with pytest.raises(RegistryError, match="a Task, with draw"):
        TASKS.register("clocks", Clocks)
    for entry in ((), ("clocks",), ((),), "clocks"):
        with pytest.raises(RegistryError, match="groups of families"):
            SUITES.register("other", entry)


def test_need_is_as_rare_as_it_is_told_to_be() -> None:
    shares = {}
    for need in (0.0, 0.1, 0.45, 0.9):
        found = [World("train", need=need)[index].needs_high_res for index in range(200)]
        shares[need] = found.count(True) / len(found)
    assert shares[0.0] < 0.06 < shares[0.1] < 0.2
    assert 0.35 < shares[0.45] < 0.55
    assert shares[0.9] > 0.85
    usual, told = World("train"), World("train", need=0.45)
    assert usual[3] == told[3]
    assert usual[3].image.load().tobytes() == told[3].image.load().tobytes()
    with pytest.raises(ConfigError, match="need"):
        World(need=0.95)
