"""A dataset schema: `ask`, `say` and `shot`."""

from __future__ import annotations

from typing import Any

from vt_env import SCHEMAS
from vt_env.data import RowError


@SCHEMAS.register("acme")
def acme(row: dict[str, Any]) -> dict[str, Any] | None:
    """Rows with a column `ask`."""
    if "ask" not in row:
        return None
    if "shot" not in row:
        raise RowError("shot", "is missing; it is the image of acme's rows.")
    return {"question": row["ask"], "answer": row.get("say"), "image": row["shot"]}
