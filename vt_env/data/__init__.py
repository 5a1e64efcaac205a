"""Rows of any schema and format, checked and turned into samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from judges import lazy_face

if TYPE_CHECKING:
    from vt_env.data.jsonl import JsonlDataset
    from vt_env.data.load import DATASETS, find_sample, load_dataset, setting_names
    from vt_env.data.opened import OpenedDataset
    from vt_env.data.row_formats import ROW_FORMATS, FoundRow, NoRowsError, RowFormat
    from vt_env.data.schemas import SCHEMAS, RowError
    from vt_env.data.tables import TableDataset
    from vt_env.data.text import quoted
else:
    __getattr__, __dir__ = lazy_face(
        __name__,
        {
            "vt_env.data.jsonl": ("JsonlDataset",),
            "vt_env.data.load": (
                "DATASETS",
                "find_sample",
                "load_dataset",
                "setting_names",
            ),
            "vt_env.data.opened": ("OpenedDataset",),
            "vt_env.data.row_formats": (
                "ROW_FORMATS",
                "FoundRow",
                "NoRowsError",
                "RowFormat",
            ),
            "vt_env.data.schemas": (
                "SCHEMAS",
                "RowError",
            ),
            "vt_env.data.tables": ("TableDataset",),
            "vt_env.data.text": ("quoted",),
        },
    )

__all__ = [
    "DATASETS",
    "ROW_FORMATS",
    "SCHEMAS",
    "FoundRow",
    "JsonlDataset",
    "NoRowsError",
    "OpenedDataset",
    "RowError",
    "RowFormat",
    "TableDataset",
    "find_sample",
    "load_dataset",
    "quoted",
    "setting_names",
]
