"""Text of strangers in the terminal: escape codes and overrides are shown, not obeyed."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from benchmarks.report.terminal import PlainConsole, family_table, metrics_table

CLEAR, TURN = "\x1b[2J", "\u202e"
ROW = {"accuracy": 1.0, "resize_call_ratio": 0.0, "visual_tokens/share_of_full": 0.25,
       "episodes": 3}  # fmt: skip


def shown(*things: object, **options: object) -> str:
    file = io.StringIO()
    PlainConsole(file=file, width=200, highlight=False, **options).print(*things, soft_wrap=True)  # type: ignore[arg-type]
    return file.getvalue()


def test_texts_tables_and_markup_are_plain() -> None:
    hostile = f"{CLEAR}name{TURN}"
    table = Table(title=hostile, caption=hostile)
    table.add_column(hostile)
    table.add_row(hostile)
    table.add_row(Text(hostile))
    for thing in (hostile, escape(hostile), Text(hostile), table, metrics_table({hostile: {}}, "t"),
                  family_table({hostile: ROW})):  # fmt: skip
        text = shown(thing)
        assert r"\x1b[2Jname\u202e" in text
        assert "\x1b" not in text and TURN not in text
    rows = [line for line in shown(table).splitlines() if "name" in line]
    assert len(rows) == 5


def test_names_are_no_markup() -> None:
    text = shown(family_table({"[/red] [bold]x": ROW})) + shown(metrics_table({"[/b]": {}}, "t"))
    assert "[/red] [bold]x" in text and "[/b]" in text


def test_colours_of_ours_stay() -> None:
    text = shown("[red]a[/red]" + CLEAR, force_terminal=True, color_system="standard")
    assert text.startswith("\x1b[31ma\x1b[0m")
    assert r"\x1b[2J" in text and CLEAR not in text


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Rows whose ids, questions, families, answers and file names hold codes."""
    rows = []
    for number in range(4):
        name = f"{CLEAR}{number}{TURN}.png"
        Image.new("RGB", (300, 300), "red").save(tmp_path / name)
        codes = f"{CLEAR}{TURN}"
        rows.append({"id": f"id{number}{codes}", "image": name, "answer": f"red{codes}",
                     "question": f"Which{codes}?", "family": f"f{number % 2}{codes}"})  # fmt: skip
    rows.append({**rows[0], "id": f"{CLEAR}bad", "image": f"{CLEAR}none{TURN}.png"})
    file = tmp_path / f"{CLEAR}rows{TURN}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    good = tmp_path / f"{CLEAR}good{TURN}.jsonl"
    good.write_text("".join(json.dumps(row) + "\n" for row in rows[:4]))
    return tmp_path


def command(folder: Path, *words: str, said: str = "") -> tuple[int, str]:
    """The real command in a process of its own; its output, and what it says of errors."""
    run = [sys.executable, "-m", "benchmarks.cli.main", *words]
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        run, cwd=folder, capture_output=True, input=said.encode(), check=False,
        env={**os.environ, "PYTHONPATH": root, "PYTHONIOENCODING": "utf-8", "COLUMNS": "200"},
    )  # fmt: skip
    return done.returncode, (done.stdout + done.stderr).decode()


GOOD, BAD = f"{CLEAR}good{TURN}.jsonl", f"{CLEAR}rows{TURN}.jsonl"


@pytest.mark.parametrize(
    ("words", "code", "mark"),
    [
        (("data", "check", BAD), 2, r"\x1b[2Jnone\u202e.png"),
        (("data", "check", GOOD), 0, r"\x1b[2Jgood\u202e"),
        (("data", "check", f"missing{CLEAR}.jsonl"), 2, r"missing\x1b[2J.jsonl"),
        (("eval", "--data", BAD, "--model", "none", "--agent", "oracle"), 2, r"\x1b[2Jnone"),
        (("eval", "--data", GOOD, "--model", "none", "--agent", "oracle", "--samples", "4"), 0,
         r"id0\x1b[2J\u202e"),
        (("show", f"no{CLEAR}where{TURN}"), 2, r"no\x1b[2Jwhere\u202e"),
        (("eval", f"--{CLEAR}{TURN}"), 2, r"\x1b[2J\u202e"),
        (("play", "--terminal", "--data", GOOD, "--model", "none", "--samples", "2"), 0,
         r"Which\x1b[2J\u202e?"),
    ],
)  # fmt: skip
def test_no_command_lets_a_dataset_steer_the_terminal(
    dataset: Path, words: tuple[str, ...], code: int, mark: str
) -> None:
    found, text = command(dataset, *words, said=f"no{CLEAR}{TURN}\n/none{CLEAR}\nred\nred\n")
    assert found == code, text
    assert mark in text
    assert "\x1b" not in text and TURN not in text
