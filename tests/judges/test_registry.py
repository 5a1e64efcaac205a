"""Registries: names, `module:attribute`, and parameters by signature."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from judges.errors import (
    ConfigError,
    ParameterError,
    PluginError,
    RegistryError,
    UnknownNameError,
)
from judges.registry import Registry, check_parameters, short_name


def double(value: float, times: int = 2) -> float:
    return value * times


def triple(value: float) -> float:
    return value * 3


class Halve:
    """A callable object."""

    def __call__(self, value: float, *, by: float = 2.0) -> float:
        return value / by


class Box:
    def __init__(self, value: float, lid: bool = False) -> None:
        self.value, self.lid = value, lid


HALVE = Halve()
NUMBER = 7


@pytest.fixture
def registry() -> Registry[Callable[..., float]]:
    registry = Registry[Callable[..., float]]("operation")
    registry.register("double", double)
    return registry


def test_a_registry_is_a_mapping_in_order(registry: Registry[Callable[..., float]]) -> None:
    @registry.register("quadruple")
    def quadruple(value: float) -> float:
        return 4 * value

    assert quadruple(1.0) == 4.0, "the decorator gives the function back"
    assert list(registry) == ["double", "quadruple"]
    assert len(registry) == 2
    assert "double" in registry and "single" not in registry
    assert registry["double"] is registry.find("double") is double
    registry.remove("quadruple")
    assert list(registry) == ["double"]
    with pytest.raises(UnknownNameError, match="Unknown operation 'quadruple'"):
        registry.remove("quadruple")


def test_an_unknown_name_says_kind_name_and_what_there_is(
    registry: Registry[Callable[..., float]],
) -> None:
    with pytest.raises(UnknownNameError) as caught:
        registry.find("duoble")
    assert str(caught.value) == "Unknown operation 'duoble'. Did you mean 'double'? Known: double."
    for name in (None, 3, ["double"], ""):
        with pytest.raises(UnknownNameError, match="Unknown operation"):
            registry.find(name)  # type: ignore[arg-type]


def test_a_name_is_taken_once(registry: Registry[Callable[..., float]]) -> None:
    with pytest.raises(RegistryError, match="'double' is registered already"):
        registry.register("double", triple)
    with pytest.raises(RegistryError, match="registered already"):
        registry.register("double", functools.partial(double, times=3))
    assert registry["double"] is double
    with pytest.raises(RegistryError, match="registered already"):
        registry.register("double", "tests.judges.test_registry:triple")


def test_the_same_definition_may_run_twice(registry: Registry[Callable[..., float]]) -> None:
    """As a cell of a notebook does; the newer one counts."""
    code = "def cube(value): return value ** 3"
    first: dict[str, Any] = {"__name__": "notebook"}
    exec(code, first)
    second: dict[str, Any] = {"__name__": "notebook"}
    exec(code, second)
    registry.register("cube", first["cube"])
    registry.register("cube", second["cube"])
    assert registry["cube"] is second["cube"]
    registry.register("lambda", lambda value: value)
    with pytest.raises(RegistryError):
        registry.register("lambda", lambda value: -value)


@pytest.mark.parametrize("name", ["", " ", "a:b", None, 3])
def test_what_cannot_be_a_name(name: Any, registry: Registry[Callable[..., float]]) -> None:
    with pytest.raises(RegistryError, match="text without colons"):
        registry.register(name, double)


@pytest.mark.parametrize("entry", [3, None, "double", "no:such thing"])
def test_what_is_of_another_kind(entry: Any, registry: Registry[Callable[..., float]]) -> None:
    with pytest.raises(RegistryError, match="must be something that can be called"):
        registry.register("other", entry)
    assert "other" not in registry


def test_what_is_not_registered_is_named_by_where_it_is(
    registry: Registry[Callable[..., float]],
) -> None:
    assert registry.find(f"{__name__}:triple") is triple
    assert registry.find(f"{__name__}:Halve.__call__") is Halve.__call__
    assert f"{__name__}:triple" not in registry, "it is not registered by being found"
    with pytest.raises(UnknownNameError, match=r"module tests\.judges.*'tripel'.*'triple'"):
        registry.find(f"{__name__}:tripel")
    with pytest.raises(RegistryError, match="must be something that can be called, got int"):
        registry.find(f"{__name__}:NUMBER")
    with pytest.raises(PluginError, match=r"No module named 'tests\.judges\.nowhere'") as caught:
        registry.find("tests.judges.nowhere:triple")
    assert caught.value.module == "tests.judges.nowhere"


def test_an_entry_is_imported_when_it_is_asked_for(
    registry: Registry[Callable[..., float]],
) -> None:
    registry.register("triple", f"{__name__}:triple")
    registry.register("broken", "tests.judges.nowhere:triple")
    assert list(registry) == ["triple", "broken", "double"]
    assert registry.find("triple") is triple
    with pytest.raises(PluginError, match="nowhere"):
        registry.find("broken")


@pytest.mark.parametrize(
    ("function", "taken"),
    [
        (double, "times"),
        (functools.partial(double, times=3), "times"),
        (functools.partial(functools.partial(double), times=3), "times"),
        (HALVE, "by"),
        (Box, "lid"),
        (HALVE.__call__, "by"),
        (lambda value, *, by=1.0: value, "by"),
    ],
)
def test_parameters_are_checked_by_signature(function: Any, taken: str) -> None:
    check_parameters("operation 'x'", function, [taken], positional=1)
    check_parameters("operation 'x'", function, [], positional=1)
    with pytest.raises(ParameterError, match=f"The operation 'x' takes {taken}; not 'tmies'"):
        check_parameters("operation 'x'", function, ["tmies"], positional=1)
    with pytest.raises(ParameterError, match="not 'value'"):
        check_parameters("operation 'x'", function, ["value"], positional=1)
    with pytest.raises(ParameterError, match=f"Did you mean '{taken}'"):
        check_parameters("operation 'x'", function, [f"{taken}s"], positional=1)


def test_parameters_that_are_needed_are_named() -> None:
    def needy(value: float, *, by: float) -> float:
        return value / by

    check_parameters("operation 'x'", needy, ["by"], positional=1)
    check_parameters("operation 'x'", functools.partial(needy, by=2.0), [], positional=1)
    with pytest.raises(ParameterError, match="needs the setting 'by'") as caught:
        check_parameters("operation 'x'", needy, [], positional=1)
    assert caught.value.missing
    with pytest.raises(ParameterError, match="needs the setting 'value'"):
        check_parameters("operation 'x'", double, [])
    with pytest.raises(RegistryError, match="must take 3 argument"):
        check_parameters("operation 'x'", double, [], positional=3)


def test_what_takes_anything_is_given_anything() -> None:
    def open_to_all(value: float, **settings: float) -> float:
        return value

    check_parameters("operation 'x'", open_to_all, ["a", "b"], positional=1)
    with pytest.raises(ParameterError):
        check_parameters("operation 'x'", open_to_all, ["value"], positional=1)
    check_parameters("operation 'x'", max, ["key"], positional=1)  # has no signature


@pytest.mark.parametrize(
    "error",
    [
        ParameterError("judge 'x'", "modle", ["model"], missing=False),
        PluginError("my_package", "ImportError: no"),
        UnknownNameError("judge", "x", ["y"]),
    ],
)
def test_errors_cross_processes(error: Exception) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert isinstance(error, ConfigError | UnknownNameError)


def test_names_in_records_are_short() -> None:
    assert short_name("my_package.terms:brevity") == "brevity"
    assert short_name("brevity") == "brevity"
