"""Methods are found by name."""

import pytest

from benchmarks.sweeps.catalogue.definitions import TREES
from benchmarks.training.method import METHODS, method_named
from vt_env import UnknownNameError


def test_every_method_is_there_with_the_tree_that_sweeps_know() -> None:
    assert {name: method_named(name).tree for name in METHODS} == TREES
    assert [method_named(name).name for name in METHODS] == ["GRPO", "SFT"]


def test_an_unknown_one_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="'sft'"):
        method_named("stf")
