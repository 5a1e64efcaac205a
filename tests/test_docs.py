"""What README and the pages of docs/ say to type works: code, commands, make targets and links."""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tomllib
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^( *)```(.*)\n((?:.*\n)*?)\1```$", re.MULTILINE)
LANGUAGES = {"python", "python no-run", "sh", "json", "toml", ""}
"""What a block may be marked as: code that ran under another mark would not be tried."""


def blocks(page: Path, *languages: str) -> list[tuple[int, str]]:
    """Line number and contents of the blocks that are marked so."""
    text = page.read_text(encoding="utf-8")
    return [
        (text[: found.start()].count("\n") + 1, re.sub(f"(?m)^{found[1]}", "", found[3]))
        for found in FENCE.finditer(text)
        if found[2].strip() in languages
    ]


def cases(*languages: str) -> list[object]:
    return [
        pytest.param(page, line, text, id=f"{page.relative_to(ROOT)}:{line}")
        for page in PAGES
        for line, text in blocks(page, *languages)
    ]


@pytest.mark.parametrize(("page", "line", "code"), cases("python"))
def test_a_block_of_code_runs_on_its_own(page: Path, line: int, code: str, tmp_path: Path) -> None:
    source = tmp_path / f"{page.stem}_{line}.py"
    source.write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(source)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "print(" not in code or done.stdout


@pytest.mark.parametrize(("page", "line", "code"), cases("python no-run"))
def test_a_block_that_is_not_run_is_code_all_the_same(page: Path, line: int, code: str) -> None:
    compile(code, f"{page.name}:{line}", "exec")


def test_every_block_is_marked_as_something_that_is_looked_at() -> None:
    marks = {
        (page.name, found[2].strip())
        for page in PAGES
        for found in FENCE.finditer(page.read_text(encoding="utf-8"))
    }
    assert {("README.md", "python"), ("README.md", "sh")} <= marks
    assert {mark for mark in marks if mark[1] not in LANGUAGES} == set()
    for page in PAGES:  # every fence opens or closes one of the blocks that were found
        text = page.read_text(encoding="utf-8")
        assert len(re.findall(r"^ *```", text, re.MULTILINE)) == 2 * len(FENCE.findall(text))


def shell_lines(page: Path) -> list[str]:
    """Lines that are to be typed into a shell, and the commands that stand in the text."""
    typed = "\n".join(text for _, text in blocks(page, "sh")).replace("\\\n", " ")
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    inline = re.findall(r"`((?:visionthink|make) [^`]+)`", prose)
    return [*typed.splitlines(), *(" ".join(line.split()) for line in inline)]


def commands(program: str) -> list[object]:
    return [
        pytest.param(words[1:], id=f"{page.relative_to(ROOT)}: {' '.join(words)}")
        for page in PAGES
        for line in dict.fromkeys(shell_lines(page))
        if (words := shlex.split(line, comments=True)) and words[0] == program and len(words) > 1
    ]


@cache
def help_of(*words: str) -> str:
    """What ``visionthink WORDS --help`` prints, through the entry point that pip installs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, _, name = project["scripts"]["visionthink"].partition(":")
    main = getattr(import_module(module), name)
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out):
        patch.setattr("sys.argv", ["visionthink", *words, "--help"])
        for variable, value in {"COLUMNS": "250", "TERM": "dumb", "NO_COLOR": "1"}.items():
            patch.setenv(variable, value)
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code in (0, None), f"visionthink {' '.join(words)} is no command"
    return out.getvalue()


def check_options(words: list[str]) -> None:
    """Checks that the command exists and its help knows every option of a line."""
    number = 0
    while number < len(words) and re.fullmatch(r"[a-z][a-z-]*", words[number]):
        number += 1
    help_text = help_of(*words[:number])
    if "--help" in words and number:
        return
    given = words[: words.index("--")] if "--" in words else words
    options = [word.partition("=")[0] for word in given if re.match(r"-{1,2}[A-Za-z]", word)]
    tables = re.findall(r"(--[\w.]+)(?: -\S+)* NAME=VALUE", help_text)
    named = [next((table for table in tables if o.startswith(f"{table}.")), o) for o in options]
    unknown = [
        o for o in named if not re.search(rf"(?<![\w.-]){re.escape(o)}(?![\w.-])", help_text)
    ]
    assert unknown == [], help_text


@pytest.mark.parametrize("words", commands("visionthink"))
def test_a_visionthink_command_is_known_with_its_options(words: list[str]) -> None:
    check_options(words)


def test_an_unknown_command_or_option_is_found() -> None:
    with pytest.raises(AssertionError):
        check_options(["train", "--sed", "1"])
    with pytest.raises(AssertionError):
        check_options(["trian"])


@pytest.mark.parametrize("words", commands("make"))
def test_a_make_target_exists_and_its_settings_are_options(words: list[str]) -> None:
    done = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", *words],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        if "/visionthink " in line:
            check_options(shlex.split(line)[1:])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    lost = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith(("http://", "https://")):
            continue
        path, _, place = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (place and place not in places(target)):
            lost.append(link)
    assert lost == []


def places(page: Path) -> set[str]:
    """What can follow ``#`` in a link to a page: its headings, as they are shown on the web."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
