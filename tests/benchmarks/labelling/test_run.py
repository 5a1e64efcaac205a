"""``visionthink data label`` from end to end, with the shipped checkpoint and a real engine."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from rich.console import Console

from benchmarks.labelling.labels import Labelled, LabelRule, Tally, label_of
from benchmarks.labelling.run import agreement_table, shares_table
from benchmarks.safety.writer import sole_writer
from tests.benchmarks.runner import Result, invoke
from vt_env.errors import ConfigError, DataError, VisionThinkError

SHORT = ["--backend", "transformers", "--rule.rollouts", "2", "--batch", "2"]
WORLD = [
    "--world.suite",
    "mixed",
    "--world.families",
    "textures",
    "--split",
    "test",
    "--canvas",
    "112",
]


def label(*arguments: str) -> Result:
    usual = [word for n in range(0, len(SHORT), 2) for word in SHORT[n : n + 2]
             if SHORT[n] not in arguments]  # fmt: skip
    return invoke("data", "label", *usual, *arguments)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("labels") / "labels.jsonl"
    done = label(*WORLD, "--samples", "3", "--out", str(out))
    assert done.exit_code == 0, done.output
    return out, done.output


def test_every_sample_is_labelled_by_the_rule(unbroken: tuple[Path, str]) -> None:
    found = rows(unbroken[0])
    assert [row["sample_id"] for row in found] == [f"test-0-{n}" for n in range(3)]
    for row in found:
        low, high = Tally(**row["low"]), Tally(**row["high"])
        assert low.right + low.wrong + low.abstained == 2
        assert high.right + high.wrong + high.abstained == 2
        assert row["label"] == label_of(low, high, LabelRule(2, 2, 2))
        assert row["settings"]["gap"] == 2


def test_the_tables_say_what_it_came_to(unbroken: tuple[Path, str]) -> None:
    for said in ("textures", "undecided", "abstained on 0 of 12", "Labels and the truth", "margin"):
        assert said in unbroken[1]


@pytest.mark.parametrize("torn", [False, True])
def test_a_killed_run_goes_on_to_the_same_labels(
    torn: bool, unbroken: tuple[Path, str], tmp_path: Path
) -> None:
    lines = unbroken[0].read_text().splitlines(keepends=True)
    out = tmp_path / "labels.jsonl"
    out.write_text("".join(lines[:2]) + (lines[2][:50] if torn else ""))
    done = label(*WORLD, "--samples", "3", "--out", str(out))
    assert done.exit_code == 0, done.output
    assert out.read_text() == unbroken[0].read_text()


def test_nothing_is_played_when_all_is_there(
    unbroken: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the engine was started")

    monkeypatch.setattr("benchmarks.evaluation.play.make_backend", refuse)
    before = unbroken[0].read_bytes()
    done = label(*WORLD, "--samples", "3", "--out", str(unbroken[0]))
    assert done.exit_code == 0, done.output
    assert unbroken[0].read_bytes() == before


def test_other_settings_are_not_mixed_in(unbroken: tuple[Path, str]) -> None:
    before = unbroken[0].read_bytes()
    for change in (["--temperature", "0.5"], ["--seed", "3"], ["--rule.low_correct", "1"]):
        done = label(*WORLD, *change, "--out", str(unbroken[0]))
        assert isinstance(done.exception, ConfigError)
        name = {"--seed": "sampling_seed"}.get(change[0], change[0].lstrip("-").rpartition(".")[2])
        assert f"labels made with {name}" in str(done.exception)
    assert unbroken[0].read_bytes() == before


@pytest.mark.parametrize("text", ["notes, without an end", '{"sample": 1', "\n\n{"])
def test_a_foreign_file_whose_last_line_has_no_end_is_left_alone(text: str, tmp_path: Path) -> None:
    out = tmp_path / "notes.txt"
    out.write_text(text)
    done = label(*WORLD, "--out", str(out))
    assert isinstance(done.exception, DataError)
    assert f"notes.txt:{text.count(chr(10)) + 1}: is no label" in str(done.exception)
    assert out.read_text() == text


def test_two_of_them_never_write_into_one_file(unbroken: tuple[Path, str]) -> None:
    with sole_writer(unbroken[0]):
        done = label(*WORLD, "--samples", "3", "--out", str(unbroken[0]))
    assert isinstance(done.exception, ConfigError)
    assert "another process writes there" in str(done.exception)


@pytest.mark.parametrize("line", ["no json", "[]", '{"sample_id": "a"}'])
def test_a_file_of_something_else_is_left_alone(line: str, tmp_path: Path) -> None:
    out = tmp_path / "labels.jsonl"
    out.write_text(line + "\n")
    done = label(*WORLD, "--out", str(out))
    assert isinstance(done.exception, DataError)
    assert "labels.jsonl:1: is no label" in str(done.exception)
    assert out.read_text() == line + "\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rule.rollouts", "8", "--rule.low_correct", "2"], "must together exceed"),
        (["--batch", "0"], "batch must be at least 1"),
        (["--seed", "-1"], "seed must be at least 0"),
        (["--temperature", "3"], "temperature must lie in"),
        (["--backend", "vlm"], "Did you mean 'vllm'"),
        (["--samples", "-1"], "samples must be at least 0"),
        (["--model", "nowhere"], "not a checkpoint directory"),
    ],
)
def test_bad_settings_are_told_and_nothing_is_written(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    out = tmp_path / "labels.jsonl"
    done = label(*WORLD, *arguments, "--out", str(out))
    assert isinstance(done.exception, VisionThinkError)
    assert said in str(done.exception)
    assert not out.exists()


def test_a_file_of_unknown_need_has_no_table_of_agreement(tmp_path: Path) -> None:
    Image.new("RGB", (112, 112), "red").save(tmp_path / "a.png")
    data = tmp_path / "data.jsonl"
    data.write_text(json.dumps({"image": "a.png", "question": "Color?", "answer": "red"}) + "\n")
    out = tmp_path / "labels.jsonl"
    done = label("--data", str(data), "--out", str(out))
    assert done.exit_code == 0, done.output
    assert "Labels and the truth" not in done.output
    assert rows(out)[0]["needs_high_res"] is None


def test_tables_fit_a_usual_terminal() -> None:
    samples = [
        Labelled(str(n), family, truth, Tally(8, 0), Tally(7, 0, 1), "low_enough")
        for n, family in enumerate(("instruments", "documents of a long name"))
        for truth in (True, False, None)
    ]
    usual = Console(width=80)
    with usual.capture() as captured:
        usual.print(shares_table(samples), agreement_table(samples))
    rows = [line.split() for line in captured.get().splitlines() if line.strip()]
    samples_of = {row[0]: row[-1] for row in rows if row[-1] in ("3", "6")}
    assert samples_of == {"instruments": "3", "documents": "3", "all": "6"}
    assert "…" not in captured.get()
    assert "abstained on 6 of 96" in captured.get()
    assert "known need: 0.500" in captured.get()
