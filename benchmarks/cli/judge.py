"""``visionthink judge``: compares judges, and serves a judging model on this machine."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.cli.options import Plugin
from benchmarks.report.terminal import console
from judges import check_judge, make_judge
from judges.audit import audit as compare
from judges.audit import format_agreement
from judges.combine import close_all
from judges.llm.server import serve as start_server
from judges.records import read_cases
from vt_env.errors import ConfigError

app = typer.Typer(no_args_is_help=True, help="Compare judges, and serve one on this machine.")
Opt = typer.Option


@app.command()
def audit(
    records: Annotated[
        Path, typer.Argument(help="episodes.jsonl, or any lines with the same fields.")
    ],
    first: Annotated[str, Opt(help="Name of a judge.")] = "rule",
    first_param: Annotated[
        list[str] | None, Opt(help="Its settings, as name=value; may be repeated.")
    ] = None,
    second: Annotated[str, Opt(help="Name of another.")] = "llm",
    second_param: Annotated[list[str] | None, Opt(help="Its settings.")] = None,
    limit: Annotated[int, Opt(help="Disagreements listed at most.")] = 20,
    plugin: Plugin = None,  # noqa: ARG001 - imported by now
    out: Annotated[Path | None, Opt(help="JSON file for the whole report.")] = None,
) -> None:
    """Say how far two judges agree over a file of records, and list where they differ.

    The key of an endpoint is read from OPENAI_API_KEY.
    """
    cases = read_cases(records)
    judges = [
        make_judge(first, **name_values(first_param or [])),
        make_judge(second, **name_values(second_param or [])),
    ]
    try:
        for judge in judges:
            check_judge(judge)
        report = compare(cases, *judges)
    finally:
        close_all(judges)
    text = format_agreement(report, first, second, limit)
    console.print(text, markup=False, soft_wrap=True)
    if out is not None:
        out.write_text(json.dumps(report.to_dict(), indent=1) + "\n", encoding="utf-8")


@app.command()
def serve(
    model: Annotated[Path, Opt(help="Checkpoint directory of a text model.")],
    server_args: Annotated[
        list[str] | None,
        typer.Argument(help="Arguments of vLLM's server, after --.", show_default=False),
    ] = None,
    port: Annotated[int, Opt(help="Port on loopback; 0 picks a free one.")] = 0,
    log: Annotated[Path | None, Opt(help="File for the server's output.")] = None,
) -> None:
    """Serve a judging model with vLLM on loopback until Ctrl-C or SIGTERM."""
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if sign != signal.SIGHUP or signal.getsignal(sign) != signal.SIG_IGN:  # nohup is honoured
            signal.signal(sign, _interrupt)
    arguments = server_args or ()
    try:
        with (
            _import_patch() as environment,
            start_server(
                model, port=port, log=log, env=environment, extra_args=arguments
            ) as server,
        ):
            console.print(f"Judge ready at {server.base_url}, model {server.model!r}.")
            console.print(f"export OPENAI_API_KEY={server.api_key}", markup=False, soft_wrap=True)
            console.print("Ctrl-C stops it.")
            server.wait()
    except KeyboardInterrupt:
        console.print("Stopped.")


def _interrupt(_signal: int, _frame: object) -> None:
    """Ends as Ctrl-C does, so that the server goes with its parent."""
    raise KeyboardInterrupt


def name_values(pairs: list[str]) -> dict[str, str]:
    """Reads ``name=value`` pairs; what uses a value says what it must be."""
    values: dict[str, str] = {}
    for pair in pairs:
        name, found, value = pair.partition("=")
        if not found or not name.strip():
            raise ConfigError(f"Expected name=value, got {pair!r}.")
        values[name.strip()] = value.strip()
    return values


@contextmanager
def _import_patch() -> Iterator[dict[str, str]]:
    """Environment in which the server's own processes import vLLM beside a CPU torch."""
    root = str(Path(__file__).parents[2])
    with tempfile.TemporaryDirectory(prefix="visionthink-site-") as folder:
        code = "from agents.models.compat import prepare_imports\nprepare_imports()\n"
        (Path(folder) / "sitecustomize.py").write_text(code, encoding="utf-8")
        parts = [folder, root, os.environ.get("PYTHONPATH", "")]
        yield {"PYTHONPATH": os.pathsep.join(part for part in parts if part)}
