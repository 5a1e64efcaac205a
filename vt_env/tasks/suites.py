"""Families by name, and the named suites that mix them as the paper groups its benchmarks."""

from __future__ import annotations

from vt_env.tasks.families.charts import ChartsTask
from vt_env.tasks.families.documents import DocumentsTask
from vt_env.tasks.families.instruments import InstrumentsTask
from vt_env.tasks.families.maps import MapsTask
from vt_env.tasks.families.objects import ObjectsTask
from vt_env.tasks.families.street import StreetTask
from vt_env.tasks.families.textures import TexturesTask
from vt_env.tasks.task import Task

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        ChartsTask(),
        DocumentsTask(),
        InstrumentsTask(),
        StreetTask(),
        TexturesTask(),
        ObjectsTask(),
        MapsTask(),
    )
}
"""Every family."""
OCR = ("charts", "documents", "street", "instruments")
GENERAL = ("objects", "textures", "maps")
SUITES: dict[str, tuple[tuple[str, ...], ...]] = {
    "ocr": (OCR,),
    "general": (GENERAL,),
    "mixed": (OCR, GENERAL),
}
"""Groups of families by suite: groups are drawn alike often, and so are the families of one."""
