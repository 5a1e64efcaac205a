"""An exporter that writes lines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import EXPORTERS, ExportedRun, Exporter, Shown


@EXPORTERS.register("acme_lines")
class Lines(Exporter):
    def begin(self, run: ExportedRun) -> None:
        self.file: Path = run.folder / "acme_lines.jsonl"
        told = {"name": run.name, "project": run.project, "resumed": run.resumed}
        self.write({**told, "preset": run.settings["rewards.preset"]})

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        self.write({"iteration": iteration, "metrics": dict(metrics)})

    def show(self, iteration: int, episodes: Sequence[Shown]) -> None:
        self.write({"episodes": [(shown.image.size, shown.caption) for shown in episodes]})

    def finish(self, summary: Mapping[str, Any] | None) -> None:
        self.write({"accuracy": (summary or {}).get("accuracy")})

    def write(self, line: object) -> None:
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
