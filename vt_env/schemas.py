"""The schemas that image-question data come in, recognised by their columns.

| schema      | recognised by       | question                  | answer                         |
|-------------|---------------------|---------------------------|--------------------------------|
| VisionThink | `problem`           | `problem`                 | `original_answer`, `solution`  |
| verl        | `reward_model`      | last user turn, `prompt`  | `reward_model.ground_truth`    |
| TRL         | `prompt`            | `prompt`, text or turns   | `solution`, `answer`, …        |
| plain       | anything else       | `question`                | `answer`, `answers`            |

The image is in `image` or `images` (a list of one). VisionThink's `info.use_tool` becomes
`needs_high_res`. Files that `visionthink data export` wrote also have `answers`, where several are
accepted, and `sample_meta`, a JSON object whose members become columns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

Row = dict[str, Any]
_PLACEHOLDER = re.compile(r"<image>|<\|vision_start\|><\|image_pad\|><\|vision_end\|>")
_ANSWER_TAG = re.compile(r"<answer>(.*)</answer>", re.DOTALL)
SAMPLE_META = "sample_meta"
"""Column for all of `Sample.meta`, as a JSON object."""
_ANSWER_COLUMNS = ("answer", "answers", "solution", "ground_truth")


class RowError(Exception):
    """The first fault of a row; a loader turns it into a `DataError` with file and line."""

    def __init__(self, field: str | None, problem: str) -> None:
        self.field, self.problem = field, problem
        super().__init__(field, problem)


def to_plain(row: Row) -> Row:
    """Rewrites a row of any known schema with the columns of the plain one.

    Args:
        row: Column names and values, absent values left out.

    Returns:
        A new row; columns that mean nothing here are kept.

    Raises:
        RowError: If a column of the recognised schema cannot be used.
    """
    plain = dict(row)
    if "problem" in row and "question" not in row:
        _move(plain, ("problem",), "question")
        plain["question"] = _without_placeholder(plain["question"])
        _move(plain, ("answers", "original_answer", "solution", "answer"), "answer")
        _need_from_info(plain)
        _members(plain)
    elif "reward_model" in row:
        plain["question"] = _question(plain.pop("prompt", None))
        plain["answer"] = _ground_truth(plain.pop("reward_model"))
    elif "prompt" in row and "question" not in row:
        plain["question"] = _question(plain.pop("prompt"))
        _move(plain, _ANSWER_COLUMNS, "answer")
    else:
        _move(plain, ("answer", "answers"), "answer")
    if isinstance(plain.get("answer"), str):
        tagged = _ANSWER_TAG.search(plain["answer"])
        plain["answer"] = tagged[1].strip() if tagged else plain["answer"]
    _one_image(plain)
    return plain


def _move(row: Row, names: Sequence[str], target: str) -> None:
    """Puts the first of the named columns under `target`."""
    found = next((name for name in names if name in row), None)
    if found is not None:
        row[target] = row.pop(found)


def _one_image(row: Row) -> None:
    _move(row, ("image", "images", "file_name"), "image")
    value = row.get("image")
    if isinstance(value, list | tuple):
        if len(value) != 1:
            raise RowError("image", f"expected one image, got a list of {len(value)}.")
        row["image"] = value[0]


def _question(prompt: object) -> str:
    """The last user turn of a prompt, without image placeholders."""
    if isinstance(prompt, str):
        return str(_without_placeholder(prompt))
    if not isinstance(prompt, list | tuple):
        raise RowError("prompt", "expected text or a list of chat turns.")
    turns = [turn for turn in prompt if isinstance(turn, Mapping) and turn.get("role") == "user"]
    if not turns:
        raise RowError("prompt", "holds no user turn.")
    content = turns[-1].get("content")
    if isinstance(content, list | tuple):
        parts = (part.get("text") for part in content if isinstance(part, Mapping))
        content = "".join(part for part in parts if isinstance(part, str))
    if not isinstance(content, str):
        raise RowError("prompt", "holds a user turn without text.")
    return str(_without_placeholder(content))


def _without_placeholder(text: object) -> object:
    return _PLACEHOLDER.sub("", text).strip() if isinstance(text, str) else text


def _ground_truth(value: object) -> object:
    if not isinstance(value, Mapping) or value.get("ground_truth") is None:
        raise RowError("reward_model", "expected an object with ground_truth.")
    return value["ground_truth"]


def _need_from_info(row: Row) -> None:
    info = row.get("info")
    use_tool = info.get("use_tool") if isinstance(info, Mapping) else None
    if use_tool is not None and "needs_high_res" not in row:
        row["needs_high_res"] = use_tool


def _members(row: Row) -> None:
    """Puts the members of `SAMPLE_META` beside the other columns, which win."""
    text = row.pop(SAMPLE_META, None)
    if text is None:
        return
    try:
        members = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise RowError(SAMPLE_META, f"is not JSON ({error}).") from error
    if not isinstance(members, Mapping):
        raise RowError(SAMPLE_META, "expected a JSON object.")
    for name, value in members.items():
        row.setdefault(name, value)
