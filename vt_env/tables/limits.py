"""`TableLimits`: how large tables, row groups and rows may be."""

from __future__ import annotations

from dataclasses import dataclass

from vt_env.settings.fields import check_fields, setting
from vt_env.settings.ranges import Numbers

_COUNT = Numbers(1)


@dataclass(frozen=True)
class TableLimits:
    """How large a table may be when it is unpacked, whatever its file weighs."""

    rows: int = setting(100_000_000, "Rows of a table.", _COUNT)
    table_bytes: int = setting(
        2**38, "Bytes of all rows of a table, unpacked; they are read piece by piece.", _COUNT
    )
    group_bytes: int = setting(
        2**31,
        "Bytes of a row group of a parquet file, unpacked; memory for one may be needed at once.",
        _COUNT,
    )
    row_bytes: int = setting(
        288 * 2**20, "Bytes of a row, unpacked: an image and some text.", _COUNT
    )

    def __post_init__(self) -> None:
        check_fields(self)


LIMITS = TableLimits()
"""The limits unless told otherwise."""
