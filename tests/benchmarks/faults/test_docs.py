"""The page of what holds names limits as they are."""

import re
from pathlib import Path
from typing import Any

from agents.models.templates import LIMITS, PREFIX
from benchmarks.faults.table import BEGIN, END
from benchmarks.training.settings import TrainSettings
from judges.llm.bounds import ReplyBounds
from judges.llm.retry import RetryPolicy
from vt_env.settings.tree import flatten

PAGE = (Path(__file__).parents[3] / "docs" / "reliability.md").read_text(encoding="utf-8")
UNITS = {"MiB": 2**20, "GiB": 2**30}


def known() -> dict[str, Any]:
    judge = {**vars(ReplyBounds()), **vars(RetryPolicy())}
    own = {f"judge.params.{name}": value for name, value in judge.items()}
    templates = {PREFIX + name: default for name, (default, _) in LIMITS.items()}
    return {**flatten(TrainSettings()), **own, **templates}


def number(text: str) -> float:
    found = re.fullmatch(r"([\d.]+)(?:\^(\d+))?(?: (\w+))?", text.strip())
    assert found, text
    return float(found[1]) ** int(found[2] or 1) * UNITS.get(found[3], 1)


def test_every_limit_is_as_the_page_says() -> None:
    rows = re.findall(r"^\| (`[^|]*) \| ([^|]+) \|", PAGE.partition("## Limits")[2], re.MULTILINE)
    assert len(rows) >= 8
    settings = known()
    for names, values in rows:
        told = re.findall(r"`([\w.]+)`", names)
        above = told[0].rpartition(".")[0]
        whole = [name if "." in name or not above else f"{above}.{name}" for name in told]
        assert [float(settings[name]) for name in whole] == [
            number(text) for text in values.split(",")
        ], names


def test_the_page_has_room_for_the_table() -> None:
    assert PAGE.count(BEGIN) == PAGE.count(END) == 1
