"""A dataset schema: `ask`, `say` and `shot`; and a dataset that needs no files."""

from __future__ import annotations

from typing import Any

from vt_env.data.load import DATASETS
from vt_env.data.schemas import SCHEMAS, RowError
from vt_env.tasks import World


@SCHEMAS.register("acme")
def acme(row: dict[str, Any]) -> dict[str, Any] | None:
    """Rows with a column `ask`."""
    if "ask" not in row:
        return None
    if "shot" not in row:
        raise RowError("shot", "is missing; it is the image of acme's rows.")
    return {"question": row["ask"], "answer": row.get("say"), "image": row["shot"]}


@DATASETS.register("acme_lines")
def acme_lines(seed: int = 3) -> World:
    """The embedded world's textures alone."""
    return World("train", seed, families=("textures",))
