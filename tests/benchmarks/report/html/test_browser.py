"""The page in headless Chromium: what a person does with mouse, keyboard and screen reader.

``make test-browser`` runs it. It is skipped where there is no Chromium (``apt-get install
chromium``, or its path in ``CHROMIUM``); axe-core comes from the npm registry.
"""

import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.report.html.gallery import Bounds
from benchmarks.report.html.page import write_report
from tests.benchmarks.report.html.chromium import Browser, executable
from tests.benchmarks.report.html.made import made_run

AXE = "axe-core@4.10.3"
SIZES = [(390, False), (390, True), (1440, False), (1440, True)]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(executable() is None, reason="no Chromium here: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    found = Browser(tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def page(sweep: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report([sweep], tmp_path_factory.mktemp("page") / "report.html", Bounds())


@pytest.fixture(scope="session")
def axe(request: pytest.FixtureRequest) -> str:
    """The script of axe-core, kept between test runs."""
    folder = request.config.cache.mkdir(AXE.replace("@", "-"))
    script = folder / "package" / "axe.min.js"
    if not script.is_file():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("no npm here, which brings axe-core")
        done = subprocess.run(
            [npm, "pack", "--silent", "--fetch-retries=0", "--fetch-timeout=30000", AXE],
            cwd=folder, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        if done.returncode:
            pytest.skip(f"the npm registry does not give {AXE}: {done.stderr.strip()[:200]}")
        with tarfile.open(folder / done.stdout.split()[-1]) as archive:
            archive.extract("package/axe.min.js", folder, filter="data")
    return script.read_text(encoding="utf-8")


def set_filter(browser: Browser, **values: Any) -> None:
    """Chooses as a person does: the value, then the event that a choice is."""
    for name, value in values.items():
        browser.run(
            f"(() => {{ const one = document.getElementById('filters').elements[{name!r}];"
            f"if (one.type === 'checkbox') one.checked = {json.dumps(value)};"
            f"else one.value = {json.dumps(str(value))};"
            "one.dispatchEvent(new Event('change', { bubbles: true })); })()"
        )


def texts(browser: Browser, selector: str) -> list[str]:
    found: list[str] = browser.run(
        f"[...document.querySelectorAll({selector!r})].map((one) => one.textContent)"
    )
    return found


def test_it_opens_quietly_and_asks_for_nothing(browser: Browser, page: Path) -> None:
    browser.open(page)
    assert len(texts(browser, "article")) == 10
    assert browser.asked_for() == [page.as_uri()]
    assert browser.said() == []


@pytest.mark.parametrize(("width", "dark"), SIZES)
def test_it_fits_and_follows_the_scheme(
    width: int, dark: bool, browser: Browser, page: Path
) -> None:
    browser.open(page, width, dark)
    for kind in ("evaluation", "training"):
        set_filter(browser, kind=kind, beside="1")
        assert browser.run("document.documentElement.scrollWidth") <= width
    red = browser.run("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
    assert (int(red) < 80) is dark
    loaded = "[...document.images].every((one) => one.complete && one.naturalWidth)"
    browser.run("document.images.forEach; for (const i of document.images) i.loading = 'eager'")
    browser.until(lambda: bool(browser.run(loaded)))


def test_filters(browser: Browser, page: Path) -> None:
    browser.open(page)
    data = browser.run("JSON.parse(document.getElementById('data').textContent)")
    entries = [e for e in data["entries"] if e["kind"] == "evaluation"]

    def expect(wanted: list[dict[str, Any]]) -> None:
        (count,) = texts(browser, "#count")
        assert count.startswith(f"{len(wanted)} episodes" if wanted else "No episodes")

    expect(entries)
    set_filter(browser, outcome="wrong")
    expect([e for e in entries if e["members"][0]["correct"] is False])
    set_filter(browser, outcome="", request="asked", run="2")
    expect([e for e in entries if e["members"][0]["asked"] and e["run"] == 2])
    set_filter(browser, request="", run="", disagrees=True)
    expect([e for e in entries if e["members"][0]["disagrees"]])
    set_filter(browser, disagrees=False, need="true")
    expect([e for e in entries if data["samples"][e["sample"]]["needs_high_res"] is True])
    family = data["samples"][entries[0]["sample"]]["family"]
    set_filter(browser, need="", family=family)
    expect([e for e in entries if data["samples"][e["sample"]]["family"] == family])
    browser.run("document.querySelector('#filters button').click()")
    browser.until(lambda: texts(browser, "#count")[0].startswith(f"{len(entries)} episodes"))
    set_filter(browser, sort="regret")
    worst = max(e["members"][0]["regret"] for e in entries)
    assert f"regret {worst:g}" in texts(browser, "article .badges")[1]
    assert browser.said() == []


def test_tokens_are_coloured_three_ways_and_members_are_shown_in_turn(
    browser: Browser, page: Path
) -> None:
    browser.open(page)
    set_filter(browser, kind="training")
    classes = "[...document.querySelectorAll('article .tokens')][0].innerHTML"
    seen = set()
    for color in ("advantage", "logprob", "loss_mask"):
        set_filter(browser, color=color)
        seen.add(browser.run(classes))
    assert len(seen) == 3
    assert "asked" in texts(browser, "article caption")[0]
    before = texts(browser, "article .wrote")[0]
    browser.run("document.querySelectorAll('article .members button')[3].click()")
    assert texts(browser, "article .wrote")[0] != before
    pressed = "[...document.querySelectorAll('article .members button')].slice(0, 4)"
    assert browser.run(f"{pressed}.map((b) => b.getAttribute('aria-pressed'))") == [
        "false", "false", "false", "true",
    ]  # fmt: skip


def test_two_runs_side_by_side(browser: Browser, page: Path) -> None:
    browser.open(page)
    set_filter(browser, run="0", beside="2")
    first = "document.querySelector('article')"
    assert browser.run(f"[...{first}.querySelectorAll('h4')].map((h) => h.textContent)") == [
        "cheap/0", "dear/0",
    ]  # fmt: skip


def test_the_keyboard_alone_is_enough(browser: Browser, page: Path) -> None:
    browser.open(page)
    active = "document.activeElement.textContent.trim().slice(0, 40)"
    browser.press("Tab")
    assert browser.run(active) == "Skip to the gallery"
    browser.press("Enter")
    browser.until(lambda: browser.run("location.hash") == "#gallery")
    names = []
    for _ in range(11):
        browser.press("Tab")
        names.append(browser.run("document.activeElement.name || document.activeElement.type"))
    assert names[:10] == [
        "kind", "run", "beside", "family", "need", "outcome", "request", "sort", "color",
        "disagrees",
    ]  # fmt: skip
    browser.run("document.getElementById('next').focus()")
    browser.press("Enter")
    assert texts(browser, "#place") == ["Page 2 of 2"]
    assert browser.run("document.activeElement.id") == "h-gallery"


@pytest.mark.parametrize(("width", "dark"), SIZES)
def test_axe_finds_nothing_serious(
    width: int, dark: bool, browser: Browser, page: Path, axe: str
) -> None:
    browser.open(page, width, dark)
    browser.run("for (const one of document.querySelectorAll('figure details')) one.open = true")
    browser.run(axe + "; 0")
    options = "{ resultTypes: ['violations'] }"
    for kind, color, part in (("evaluation", "advantage", "document"),
                              ("training", "logprob", "'#cards'"),
                              ("training", "advantage", "'#cards'"),
                              ("training", "loss_mask", "'#cards'")):  # fmt: skip
        set_filter(browser, kind=kind, color=color, beside="1")
        browser.run("[...document.querySelectorAll('#cards > li')].slice(3).map((l) => l.remove())")
        found = browser.run(f"axe.run({part}, {options}).then((r) => JSON.stringify(r.violations))")
        serious = [
            (rule["id"], rule["nodes"][0]["html"][:200], rule["nodes"][0]["failureSummary"])
            for rule in json.loads(found) if rule["impact"] in ("serious", "critical")
        ]  # fmt: skip
        assert serious == []


def test_500_episodes_open_in_two_seconds(browser: Browser, tmp_path: Path) -> None:
    run = made_run(tmp_path, "large", episodes=500, iterations=50, world__canvas=168)
    out = write_report([run], tmp_path / "report.html", Bounds())
    assert out.stat().st_size <= 15e6
    seconds = [3600.0]
    for _ in range(6):  # a busy machine is slow now and then
        if min(seconds) < 2:
            break
        browser.open(out)
        seconds.append(browser.run("performance.getEntriesByType('navigation')[0].duration") / 1000)
        assert texts(browser, "#count")[0].startswith("500 episodes")
    print(f"{out.stat().st_size / 1e6:.1f} MB, opened in {min(seconds):.2f} s")
    assert min(seconds) < 2
