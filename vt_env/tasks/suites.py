"""Families by name, and the named suites that mix them as the paper groups its benchmarks."""

from __future__ import annotations

from judges import Registry
from vt_env.tasks.families.charts import ChartsTask
from vt_env.tasks.families.documents import DocumentsTask
from vt_env.tasks.families.instruments import InstrumentsTask
from vt_env.tasks.families.maps import MapsTask
from vt_env.tasks.families.objects import ObjectsTask
from vt_env.tasks.families.street import StreetTask
from vt_env.tasks.families.textures import TexturesTask
from vt_env.tasks.task import Task


def _is_task(entry: object) -> bool:
    return not isinstance(entry, type) and callable(getattr(entry, "draw", None))


TASKS = Registry[Task]("family", _is_task, "a Task, with draw(sheet)")
"""Families by name."""
for _task in (
    ChartsTask(),
    DocumentsTask(),
    InstrumentsTask(),
    StreetTask(),
    TexturesTask(),
    ObjectsTask(),
    MapsTask(),
):
    TASKS.register(_task.name, _task)
OCR = ("charts", "documents", "street", "instruments")
GENERAL = ("objects", "textures", "maps")
Groups = tuple[tuple[str, ...], ...]


def _are_groups(entry: object) -> bool:
    grouped = isinstance(entry, tuple) and all(isinstance(group, tuple) for group in entry)
    return grouped and bool(entry) and all(entry)  # type: ignore[arg-type]


SUITES = Registry[Groups]("suite", _are_groups, "groups of families: a tuple of tuples of names")
"""Groups of families by suite: groups are drawn alike often, and so are the families of one."""
SUITES.register("ocr", (OCR,))
SUITES.register("general", (GENERAL,))
SUITES.register("mixed", (OCR, GENERAL))
