"""The page as a file: whole, its data readable, nothing of a run's text taken for markup."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from benchmarks.report.html.gallery import Bounds
from benchmarks.report.html.lines import as_lines
from benchmarks.report.html.page import embedded, settings, summary, versions, write_report
from benchmarks.report.html.runs import find_runs
from tests.benchmarks.runner import invoke

VOID = {"meta", "link", "input", "br", "img"}


class Checker(HTMLParser):
    """Finds out whether elements are closed in order, and names are given once."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids += [given["id"] or ""] if "id" in given else []
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def element(text: str, name: str) -> Any:
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', text, re.S)
    assert found is not None
    return json.loads(found[1])


def test_the_page_is_whole_and_stands_alone(sweep: Path, tmp_path: Path) -> None:
    out = write_report([sweep], tmp_path / "pages" / "report.html", Bounds())
    text = out.read_text(encoding="utf-8")
    assert [file.name for file in out.parent.iterdir()] == ["report.html"]
    checker = Checker()
    checker.feed(text)
    assert checker.open == []
    assert len(set(checker.ids)) == len(checker.ids)
    assert all(link.startswith(("#", "data:")) for link in checker.links)
    assert {link[1:] for link in checker.links if link.startswith("#")} <= set(checker.ids)
    data, images = element(text, "data"), element(text, "images")
    assert len(data["entries"]) == 3 * (6 + 4)
    assert all(address.startswith("data:image/webp;base64,") for address in images.values())
    assert "95% of samples &lt;b&gt;without&lt;/b&gt; need." in text
    again = write_report([sweep], tmp_path / "again.html", Bounds())
    assert again.read_bytes() == out.read_bytes()


def test_text_of_a_run_stays_text() -> None:
    text = embedded({"a": "</script><script>alert(1)</script>\u2028<!--"})
    assert "<" not in text and "\u2028" not in text
    assert json.loads(text) == {"a": "</script><script>alert(1)</script>\u2028<!--"}


def test_settings_that_differ_and_the_command_that_makes_it_again(sweep: Path) -> None:
    runs = find_runs([sweep])
    differ, whole = settings(as_lines(runs)).split("<details>")
    assert re.findall(r'<th scope="row">(.*?)</th>', differ) == ["rewards.price"]
    assert "grpo.lr" in whole
    assert "All settings are alike" in settings(as_lines(runs[:2]))
    text = versions(runs[:1])
    assert "visionthink train --config" in text and "numpy" in text


def test_a_single_run_stands_beside_its_baselines(sweep: Path) -> None:
    (one, *_) = runs = find_runs([sweep])
    assert "always high" in summary(as_lines([one]))
    assert "always high" not in summary(as_lines(runs))


def test_the_command_writes_into_the_run(sweep: Path) -> None:
    run = sweep / "trials/dear/0"
    done = invoke("report", str(run), "--episodes", "2", "--groups", "1")
    assert done.exit_code == 0, done.exception
    assert "report.html" in done.output
    assert len(element((run / "report.html").read_text(), "data")["entries"]) == 3
    (run / "report.html").unlink()


@pytest.mark.parametrize("command", ["report", "show"])
def test_commands_ask_for_a_run(command: str, tmp_path: Path) -> None:
    assert "Name a run folder" in str(invoke(command).exception)
    assert "is no run folder" in str(invoke(command, str(tmp_path)).exception)
