"""The page on data says what is so."""

import re
import shlex
from pathlib import Path

from benchmarks.cli.commands import TREES, option_names
from benchmarks.labelling.labels import LABELS
from tests.benchmarks.runner import invoke
from vt_env.settings.tree import leaves
from vt_env.tasks import SPLITS, SUITES

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")


def test_every_command_on_the_page_exists_with_its_options() -> None:
    shown = set()
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL):
        for line in block.splitlines():
            _, *words = shlex.split(line.replace("<id>", "id"))
            done = invoke(*words, "--print-settings")
            assert done.exit_code == 0, (line, done.exception)
            shown.add(" ".join(words[:2]))
    commands = {words for words in TREES if words.startswith("data ")}
    assert shown | {"data check"} == commands
    known = {"--out"} | {
        name
        for words in commands
        for leaf in leaves(TREES[words])
        for name in option_names(leaf.path)
    }
    assert set(re.findall(r"--[a-z][a-z._-]+[a-z]", PAGE)) <= known


def test_every_name_is_on_the_page() -> None:
    families = {family for suite in SUITES.values() for group in suite for family in group}
    names = [*SUITES, *SPLITS, *LABELS, *families, "plain", "legibility", "counterfactual"]
    assert [name for name in names if f"`{name}`" not in PAGE] == []
