"""What a project carries for those who take it up: its license, how to cite it, commit hooks."""

import hashlib
import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LICENSE_SHA256 = "0ffddef9e48f8a09aed5caf2d44f7ba1c1be2d9b8e0a6f693b1635b2d5566645"
"""Of the words of the standard text, with one space between any two."""


def loaded(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_the_license_is_apaches_word_for_word() -> None:
    words = " ".join((ROOT / "LICENSE").read_text(encoding="utf-8").split())
    assert words.startswith("Apache License Version 2.0, January 2004")
    assert hashlib.sha256(words.encode()).hexdigest() == LICENSE_SHA256
    assert PROJECT["license"] == "Apache-2.0"
    assert PROJECT["license-files"] == ["LICENSE"]


def test_the_citation_is_of_this_version_and_of_the_paper() -> None:
    citation = loaded("CITATION.cff")
    assert set(citation) >= {"cff-version", "message", "title", "authors"}  # the form requires them
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    (paper,) = citation["references"]
    assert {"type", "title", "authors"} <= set(paper)
    assert paper["url"] == "https://arxiv.org/abs/2507.13348"
    assert paper["title"].startswith("VisionThink: ")
    assert [person["family-names"] for person in paper["authors"]] == [
        "Yang",
        "Li",
        "Lai",
        "Yu",
        "Zhao",
        "Jia",
    ]


def test_the_hooks_run_what_make_lint_types_runs() -> None:
    (repo,) = loaded(".pre-commit-config.yaml")["repos"]
    assert repo["repo"] == "local"
    entries = [hook["entry"] for hook in repo["hooks"]]
    assert entries == ["make lint", "make types"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for hook in repo["hooks"]:
        assert {"id", "name", "language"} <= set(hook)
        assert hook["language"] == "system"
        assert not hook["pass_filenames"]
        assert re.search(rf"^{hook['entry'].removeprefix('make ')}:", makefile, re.MULTILINE)
        for name in ("agents/grpo/losses/base.py", "pyproject.toml"):
            assert re.search(hook["files"], name)
