"""The command from the base install: what is in an extra is not needed for help, version, check."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BASE = {
    "gymnasium", "numpy", "PIL", "cyclopts", "rich", "filelock",
    # What these bring themselves.
    "cloudpickle", "farama_notifications", "typing_extensions", "attr", "attrs",
    "docstring_parser", "rich_rst", "docutils", "pygments", "markdown_it", "mdurl",
    # Ours.
    "vt_env", "judges", "agents", "benchmarks",
}  # fmt: skip
ONLY_BASE = f"""
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in {BASE!r} and top not in sys.stdlib_module_names:
            raise ModuleNotFoundError(f"No module named {{top!r}}", name=top)

sys.meta_path.insert(0, Refuse())
from benchmarks.cli.main import main
main(sys.argv[1:])
"""


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", ONLY_BASE, *words],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--help"], "train"),
        (["train", "--help"], "--rewards.price"),
        (["data", "check", "--help"], "--data.root"),
        (["--version"], "."),
        (["train", "--print-settings", "--env.max_turns", "3"], '"max_turns": 3'),
        (["data", "check", "world", "--split", "test"], "all usable"),
        (["play", "--terminal", "--model", "none", "--out", "{out}"], "How many displays"),
    ],
)
def test_what_needs_no_extra(words: list[str], said: str, tmp_path: Path) -> None:
    done = run(*(word.format(out=tmp_path) for word in words))
    assert done.returncode == 0, done.stdout + done.stderr
    assert said in done.stdout
    assert not done.stderr


def test_a_file_is_checked(tmp_path: Path) -> None:
    data = tmp_path / "d.jsonl"
    data.write_text('{"image": "a.png", "question": "Color?", "answer": "red"}\n')
    done = run("data", "check", str(data))
    assert done.returncode == 2
    assert "d.jsonl:1: field 'image'" in done.stdout


@pytest.mark.parametrize(
    "words", [["train", "--iterations", "1"], ["eval"], ["pretrain"], ["play"]]
)
def test_what_needs_an_extra_says_which(words: list[str], tmp_path: Path) -> None:
    done = run(*words, "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert "pip install -e '.[cpu]'" in " ".join(done.stdout.split())
    assert "Traceback" not in done.stdout + done.stderr


def test_install_commands_work_from_a_clone() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    for layer in ("judges", "vt_env", "agents", "benchmarks"):
        for file in (ROOT / layer).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            for told in re.findall(r"pip install ([^`\n]*)", text):
                assert told.startswith("-e '.["), f"{file}: {told}"
            assert set(re.findall(r"'\.\[([a-z]+)\]'", text)) <= set(extras)
