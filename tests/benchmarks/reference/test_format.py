import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.reference import Reference, read_reference, reference_names, shipped
from benchmarks.reference.format import CURVES, DIGITS, write_reference
from vt_env import DataError, UnknownNameError


def test_what_is_written_is_read(reference: Reference, tmp_path: Path) -> None:
    path = tmp_path / "default.json"
    write_reference(reference, path)
    assert read_reference(path) == reference
    assert [file.name for file in tmp_path.iterdir()] == ["default.json"]
    lines = path.read_text().splitlines()
    assert sum(line.startswith('   "0": [') for line in lines) == len(CURVES)
    assert max(map(len, lines)) < 5000
    assert len(path.read_bytes()) < 12_000


def test_iterations_without_a_value_are_null(reference: Reference, tmp_path: Path) -> None:
    curves = {name: dict.fromkeys(reference.seeds, (None, 0.5)) for name in CURVES}
    path = tmp_path / "a.json"
    write_reference(dataclasses.replace(reference, curves=curves), path)
    assert "[null,0.5]" in path.read_text()
    assert read_reference(path).curves == curves


@pytest.mark.parametrize("name", reference_names())
def test_what_is_shipped_can_be_read_and_is_called_as_its_file(name: str) -> None:
    found = shipped(name)
    assert found.name == name
    assert len(found.seeds) >= 3
    values = [v for seeds in found.curves.values() for curve in seeds.values() for v in curve]
    assert all(value is None or round(value, DIGITS) == value for value in values)
    for text in ("/work", "/root", "/home", "/tmp"):
        assert text not in json.dumps(dict(found.settings)) + found.command + found.made.machine


def test_one_that_is_not_there_suggests_the_closest() -> None:
    with pytest.raises(UnknownNameError, match="default"):
        shipped("defualt")


def changed(path: Path, field: str, value: Any) -> None:
    """Sets a field, by its path, of a file."""
    table = found = json.loads(path.read_text())
    *above, name = field.split(">")
    for each in above:
        table = table[each]
    table[name] = value
    path.write_text(json.dumps(found))


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("name", "a/b", "field 'name': must be letters"),
        ("command", "", "field 'command': must be a text that is not empty"),
        ("varied", [], "field 'varied': must be an object"),
        ("digest", "0" * 16, "field 'digest': is not that of settings"),
        ("settings>grpo.lr", 1, "field 'digest': is not that of settings"),
        ("made>commits", "abc", r"field 'made.commits': must be a list"),
        ("made>date", 3, r"field 'made.date': must be a text"),
        ("made>more", 3, r"field 'made': must have visionthink"),
        ("ends>x", {}, "field 'ends': must be named by seeds, got x"),
        ("ends", {}, "field 'ends': must be named by seeds, got none"),
        ("ends>0>accuracy", "high", r"field 'ends.0.accuracy': must be finite numbers"),
        ("curves>reward>0", 3, r"field 'curves.reward.0': must be a list"),
        ("curves>reward>0", [True], r"field 'curves.reward.0': must be finite numbers"),
        ("curves>reward", {"0": [1]}, r"field 'curves.reward': must have the seeds of ends"),
        ("curves>loss", {}, "field 'curves': must have request_rate_need"),
        ("more", 1, "must have name, command"),
    ],
)
def test_a_fault_is_told_by_file_and_field(
    reference: Reference, tmp_path: Path, field: str, value: Any, told: str
) -> None:
    path = tmp_path / "bad.json"
    write_reference(reference, path)
    changed(path, field, value)
    with pytest.raises(DataError, match=told) as raised:
        read_reference(path)
    assert raised.value.file == str(path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{\n"name": }', r"bad.json:2: is no JSON"),
        ("[]", "must be an object"),
        ('{"name": NaN}', "must have name"),
    ],
)
def test_a_file_that_is_no_reference(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(DataError, match=told):
        read_reference(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_reference(tmp_path / "none.json")
