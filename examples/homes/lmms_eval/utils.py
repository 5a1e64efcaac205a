"""The functions that visionthink_world.yaml names: a row as image and text, and its score."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image

from judges import JudgeCase, make_judge

JUDGE = make_judge("rule")


def visual(doc: Mapping[str, Any]) -> list[Image.Image]:
    """The row's image."""
    return [Image.open(io.BytesIO(image["bytes"])) for image in doc["images"]]


def text(doc: Mapping[str, Any], lmms_eval_specific_kwargs: object = None) -> str:  # noqa: ARG001
    """The question, with its options where it has some."""
    return str(doc["problem"]).replace("<image>", "").strip()


def score(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Judges the bare answer as `visionthink eval` does; an episode without one is wrong."""
    answer = results[0]
    if not answer:
        return {"accuracy": 0.0}
    case = JudgeCase(
        text(doc),
        tuple(doc["answers"] or [doc["original_answer"]]),
        answer,
        doc["kind"],
        tuple(doc["choices"]) if doc["choices"] else None,
        doc["tolerance"],
    )
    verdict = JUDGE.judge([case])[0]
    return {"accuracy": float(verdict.score or 0.0)}
