"""``visionthink judge``: compares judges, and serves a judging model on this machine."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from benchmarks.cli.commands import command, option
from benchmarks.report.terminal import console
from benchmarks.safety.stopping import stoppable
from judges import audit as compare
from judges import check_judge, close_all, format_agreement, make_judge, read_cases
from judges.llm.server import serve as start_server
from vt_env.config import JudgeSettings
from vt_env.settings.fields import PLUGINS, check_fields, setting
from vt_env.settings.ranges import Numbers

app = App(name="judge", help="Compare judges, and serve one on this machine.")


@dataclass(frozen=True)
class AuditSettings:
    """Which judges are compared."""

    plugins: tuple[str, ...] = PLUGINS
    first: JudgeSettings = field(default_factory=JudgeSettings)
    second: JudgeSettings = field(default_factory=lambda: JudgeSettings("llm"))
    limit: int = setting(20, "Disagreements listed at most.", Numbers(0))

    def __post_init__(self) -> None:
        check_fields(self)


@command(app, AuditSettings, "judge audit")
def audit(
    settings: AuditSettings,
    records: Annotated[Path, option("episodes.jsonl, or any lines with the same fields.")],
    *,
    out: Annotated[Path | None, option("JSON file for the whole report.")] = None,
) -> None:
    """Say how far two judges agree over a file of records, and list where they differ.

    The key of an endpoint is read from OPENAI_API_KEY.
    """
    cases = read_cases(records)
    judges = [make_judge(settings.first.given()), make_judge(settings.second.given())]
    try:
        for judge in judges:
            check_judge(judge)
        report = compare(cases, *judges)
    finally:
        close_all(judges)
    text = format_agreement(report, settings.first.name, settings.second.name, settings.limit)
    console.print(text, markup=False, soft_wrap=True)
    if out is not None:
        out.write_text(json.dumps(report.to_dict(), indent=1) + "\n", encoding="utf-8")


@app.command
def serve(
    *server_args: Annotated[
        str, Parameter(help="Arguments of vLLM's server, after --.", allow_leading_hyphen=True)
    ],
    model: Annotated[Path, option("Checkpoint directory of a text model.")],
    port: Annotated[int, option("Port on loopback; 0 picks a free one.")] = 0,
    log: Annotated[Path | None, option("File for the server's output.")] = None,
) -> None:
    """Serve a judging model with vLLM on loopback until Ctrl-C or SIGTERM."""
    try:
        with (
            stoppable(),
            _import_patch() as environment,
            start_server(
                model, port=port, log=log, env=environment, extra_args=server_args
            ) as server,
        ):
            console.print(f"Judge ready at {server.base_url}, model {server.model!r}.")
            console.print(f"export OPENAI_API_KEY={server.api_key}", markup=False, soft_wrap=True)
            console.print("Ctrl-C stops it.")
            server.wait()
    except KeyboardInterrupt:
        console.print("Stopped.")


@contextmanager
def _import_patch() -> Iterator[dict[str, str]]:
    """Environment in which the server's own processes import vLLM beside a CPU torch."""
    root = str(Path(__file__).parents[2])
    with tempfile.TemporaryDirectory(prefix="visionthink-site-") as folder:
        code = "from agents.models.compat import prepare_imports\nprepare_imports()\n"
        (Path(folder) / "sitecustomize.py").write_text(code, encoding="utf-8")
        parts = [folder, root, os.environ.get("PYTHONPATH", "")]
        yield {"PYTHONPATH": os.pathsep.join(part for part in parts if part)}
