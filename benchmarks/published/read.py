"""Published figures as data: CSV files of one schema beside this module, and their reader.

    for row in published("visionthink-table2"):
        ...

A row is one number that a paper prints. Our own figures are never among them.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from vt_env import DataError, UnknownNameError

FOLDER = Path(__file__).parent
BOUNDS = ("exact", "about", "at_least", "at_most")
"""How a number is meant."""
UNITS = ("percent", "percent points", "points", "seconds", "times", "verdict")
"""What a number is of; a verdict is 1 for right and 0 for wrong."""
REQUIRED = ("work", "arxiv", "method", "metric", "unit", "bound")
"""Fields that no row is without."""
_ARXIV = re.compile(r"\d{4}\.\d{5}")


@dataclass(frozen=True)
class Figure:
    """One published number, or what is said where none is printed.

    Attributes:
        work: Who printed it.
        arxiv: The paper's id.
        place: Its table, figure or section; empty where that is not known.
        page: Its page, from 1; None where that is not known.
        method: What was measured: another work's method where one was run again.
        setting: How, such as a threshold; empty where the method says all.
        benchmark: On what; ``"all"``: over the paper's benchmarks; empty: it is said in general.
        metric: Which quantity.
        value: The number; None where there are words alone, which `note` has.
        unit: One of `UNITS`.
        bound: One of `BOUNDS`.
        note: What else has to be known.
    """

    work: str
    arxiv: str
    place: str
    page: int | None
    method: str
    setting: str
    benchmark: str
    metric: str
    value: float | None
    unit: str
    bound: str
    note: str

    @property
    def source(self) -> str:
        """Where it stands, as it is shown beside a figure of ours."""
        page = "" if self.page is None else f"p. {self.page}"
        return ", ".join(filter(None, (f"{self.work}, arXiv {self.arxiv}", self.place, page)))


COLUMNS = tuple(item.name for item in fields(Figure))


def published_names() -> list[str]:
    """Names of the files, without their ending."""
    return sorted(path.stem for path in FOLDER.glob("*.csv"))


def published(name: str) -> list[Figure]:
    """The rows of one of the files, in order.

    Raises:
        UnknownNameError: If there is no such file; suggests the closest.
        DataError: If it cannot be used; names file, line and field.
    """
    if name not in published_names():
        raise UnknownNameError("published figures", name, published_names())
    return read_figures(FOLDER / f"{name}.csv")


def read_figures(path: Path) -> list[Figure]:
    """Reads a file of the schema.

    Raises:
        DataError: If it cannot be used; names file, line and field.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return _rows(path, csv.DictReader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(str(path), None, None, f"cannot be read: {error}") from error


def _rows(path: Path, reader: csv.DictReader[str]) -> list[Figure]:
    header = tuple(reader.fieldnames or ())
    if header != COLUMNS:
        raise DataError(
            str(path), 1, None, f"its columns must be {','.join(COLUMNS)}, got {','.join(header)}"
        )
    found: dict[tuple[object, ...], int] = {}
    figures = []
    for row in reader:
        line = reader.line_num
        figure = _figure(str(path), line, row)
        key = tuple(getattr(figure, n) for n in COLUMNS if n not in ("value", "unit", "note"))
        if key in found:
            raise DataError(str(path), line, None, f"is line {found[key]} again")
        found[key] = line
        figures.append(figure)
    return figures


def _figure(path: str, line: int, row: Mapping[str, str]) -> Figure:
    def fault(field: str, message: str) -> DataError:
        return DataError(path, line, field, message)

    if None in row or None in row.values():
        raise DataError(path, line, None, f"has not {len(COLUMNS)} fields")
    for name in REQUIRED:
        if not row[name].strip():
            raise fault(name, "is empty")
    if not _ARXIV.fullmatch(row["arxiv"]):
        raise fault("arxiv", f"must be an id such as 2507.13348, got {row['arxiv']!r}")
    for name, known in (("unit", UNITS), ("bound", BOUNDS)):
        if row[name] not in known:
            raise fault(name, f"must be one of {', '.join(known)}; got {row[name]!r}")
    page = row["page"]
    if page and not (page.isascii() and page.isdecimal() and int(page)):
        raise fault("page", f"must be a page from 1, or empty; got {page!r}")
    value = _number(row["value"]) if row["value"] else None
    if row["value"] and value is None:
        raise fault("value", f"must be a finite number, or empty; got {row['value']!r}")
    if value is None and not row["note"].strip():
        raise fault("value", "is empty, and so is note")
    texts = {name: row[name] for name in COLUMNS if name not in ("page", "value")}
    return Figure(page=int(page) if page else None, value=value, **texts)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
