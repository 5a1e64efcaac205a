"""A dataset that is opened once, and shared."""

import copy
import pickle
from typing import Any

import pytest

from vt_env.data import opened
from vt_env.data.load import find_sample
from vt_env.data.opened import OpenedDataset
from vt_env.env import VisionThinkEnv
from vt_env.errors import UnknownNameError
from vt_env.tasks import World


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    calls: list[Any] = []
    load = opened.load_dataset

    def counted(data: Any, **settings: Any) -> Any:
        calls.append(data)
        return load(data, **settings)

    monkeypatch.setattr(opened, "load_dataset", counted)
    return calls


def test_it_is_opened_on_use_and_shared_by_copies(count: list[Any]) -> None:
    data = OpenedDataset("world", split="test")
    assert count == []
    env = VisionThinkEnv(copy.deepcopy(data))
    again = VisionThinkEnv({"data": data}["data"])
    assert env.dataset is again.dataset is data
    assert count == ["world"]
    assert data.name == World("test").name
    assert data[5].sample_id == World("test")[5].sample_id
    assert len(data) == len(World("test"))


def test_a_pickle_holds_how_to_open_it_and_no_data(count: list[Any]) -> None:
    data = OpenedDataset("world", split="test")
    data.open()
    stored = pickle.dumps(data)
    assert len(stored) < 300
    other = pickle.loads(stored)
    assert other == data
    assert other != OpenedDataset("world", split="train")
    assert count == ["world"]
    assert other[0].sample_id == data[0].sample_id
    assert count == ["world", "world"]


def test_what_a_dataset_may_have_besides_is_passed_on() -> None:
    data = OpenedDataset("world", split="test")
    assert find_sample(data, data[7].sample_id) == 7
    assert hasattr(data, "image_size") == hasattr(data.open(), "image_size")
    assert not hasattr(data, "nonsense")


def test_bad_names_are_told_when_it_is_opened() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'world'"):
        len(OpenedDataset("wrld"))
