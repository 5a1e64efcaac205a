"""The page on data says what is so."""

import re
import shlex
from pathlib import Path
from typing import Any

import typer

from benchmarks.cli.main import app
from benchmarks.labelling.rule import LABELS
from vt_env.tasks import SPLITS, SUITES

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")


def test_every_command_on_the_page_exists_with_its_options() -> None:
    root: Any = typer.main.get_command(app)
    data = root.commands["data"]
    shown = set()
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL):
        for line in block.splitlines():
            _, group, name, *arguments = shlex.split(line.replace("<id>", "id"))
            assert group == "data"
            data.commands[name].make_context(name, list(arguments)).close()
            shown.add(name)
    assert shown | {"check"} == set(data.commands)
    known = {
        option for command in data.commands.values() for p in command.params for option in p.opts
    }
    assert set(re.findall(r"--[a-z][a-z-]+", PAGE)) <= known


def test_every_name_is_on_the_page() -> None:
    families = {family for suite in SUITES.values() for group in suite for family in group}
    names = [*SUITES, *SPLITS, *LABELS, *families, "plain", "legibility", "counterfactual"]
    assert [name for name in names if f"`{name}`" not in PAGE] == []
