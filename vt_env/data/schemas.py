"""The schemas that image-question data come in, recognised by their columns.

| schema       | recognised by               | question                 | answer                  |
|--------------|-----------------------------|--------------------------|-------------------------|
| VisionThink  | `problem`                   | `problem`                | `original_answer`       |
| verl         | `reward_model`              | last user turn, `prompt` | its `ground_truth`      |
| TRL          | `prompt`                    | `prompt`, text or turns  | `answer`, `solution`, … |
| conversation | `conversations`, `messages` | the human's one turn     | the model's one turn    |
| plain        | anything else               | `question`               | `answer`                |

Where there are both `answer` and `answers`, all of them are accepted. The image is in `image` or
`images` (a list of one). VisionThink's `info.use_tool` becomes `needs_high_res`. Files that
`visionthink data export` wrote also have `sample_meta`, a JSON object whose members become columns.

A schema of one's own is a function in `SCHEMAS`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from judges import Registry
from vt_env.data.text import literal, quoted

Row = dict[str, Any]
_PLACEHOLDER = re.compile(
    r"<image>|<ImageHere>|<\|vision_start\|><\|image_pad\|><\|vision_end\|>|"
    r"^\s*<image[ _]?1>|<image[ _]?1>\s*$",
    re.IGNORECASE,
)
"""What stands for the image; a numbered one in the midst of a sentence is a word of it."""
_ANSWER_TAG = re.compile(r"<answer>(.*)</answer>", re.DOTALL)
SAMPLE_META = "sample_meta"
"""Column for all of `Sample.meta`, as a JSON object."""
_HUMAN = ("human", "user")
_MODEL = ("gpt", "assistant", "model", "chatgpt", "bot")
_NUMBERED_IMAGE = re.compile(r"image_([1-9]\d?)")


class RowError(Exception):
    """The first fault of a row; a loader turns it into a `DataError` with file and line."""

    def __init__(self, field: str | None, problem: str) -> None:
        self.field, self.problem = field, problem
        super().__init__(field, problem)


Schema = Callable[[Row], Row | None]
"""``schema(row) -> row``: the row with the columns of the plain schema, or None where the row is
not in this one. What it is given is a copy. A column that it cannot use is a `RowError`."""
SCHEMAS = Registry[Schema]("dataset schema")
"""Schemas by name. Those of one's own are asked first, the newest before the others."""


def to_plain(row: Row) -> Row:
    """Rewrites a row of any known schema with the columns of the plain one.

    Args:
        row: Column names and values, absent values left out.

    Returns:
        A new row; columns that mean nothing here are kept.

    Raises:
        RowError: If a column of the recognised schema cannot be used.
    """
    own = _in_own_schema(row)
    known = _in_shipped_schema(row) if own is None else own
    if "question" in known:
        known["question"] = _without_placeholder(known["question"])
    if "answer" in known:
        known["answer"] = _untagged(known["answer"])
    _one_image(known)
    return known


def _in_own_schema(row: Row) -> Row | None:
    """The row as the first of one's own schemas that knows it has it."""
    for name in reversed([name for name in SCHEMAS if name not in _SHIPPED]):
        try:
            found: object = SCHEMAS[name](dict(row))
        except RowError:
            raise
        except Exception as error:
            problem = f"the schema {name!r} failed on it ({type(error).__name__}: {error})."
            raise RowError(None, problem) from error
        if found is not None:
            if not isinstance(found, Mapping):
                problem = f"the schema {name!r} made a {type(found).__name__} of it, not a row."
                raise RowError(None, problem)
            return {str(key): value for key, value in found.items() if value is not None}
    return None


def _in_shipped_schema(row: Row) -> Row:
    found = (SCHEMAS[name](dict(row)) for name in _SHIPPED)
    return next(rewritten for rewritten in found if rewritten is not None)


@SCHEMAS.register("visionthink")
def visionthink(row: Row) -> Row | None:
    """VisionThink's own: a `problem`, its need in `info`."""
    if "problem" not in row or "question" in row:
        return None
    row["question"] = row.pop("problem")
    _accept(row, ("original_answer", "answer", "answers"), ("solution",))
    _need_from_info(row)
    _members(row)
    return row


@SCHEMAS.register("verl")
def verl(row: Row) -> Row | None:
    """verl's: the answer in `reward_model`, the question in the last user turn of `prompt`."""
    if "reward_model" not in row:
        return None
    row["question"] = _question(row.pop("prompt", None))
    row["answer"] = _ground_truth(row.pop("reward_model"))
    return row


@SCHEMAS.register("trl")
def trl(row: Row) -> Row | None:
    """TRL's: a `prompt`, and the answer in one of several columns."""
    if "prompt" not in row or "question" in row:
        return None
    row["question"] = _question(row.pop("prompt"))
    _accept(row, ("answer", "answers"), ("solution", "ground_truth"))
    return row


@SCHEMAS.register("conversation")
def conversation(row: Row) -> Row | None:
    """LLaVA's and ShareGPT's: one question and one answer, as turns."""
    column = _conversation(row)
    if not column or "question" in row:
        return None
    said = _exchange(row.pop(column), column)
    _accept(row, ("answer", "answers"))
    for name, text in zip(("question", "answer"), said, strict=True):
        if text is not None:
            row.setdefault(name, text)
    return row


@SCHEMAS.register("plain")
def plain(row: Row) -> Row:
    """Anything else: `question` and `answer` under their names."""
    _accept(row, ("answer", "answers"))
    return row


_SHIPPED = ("visionthink", "verl", "trl", "conversation", "plain")
"""Those that come with the package, in the order in which they are asked."""


def _accept(row: Row, names: Sequence[str], instead: Sequence[str] = ()) -> None:
    """Puts all the answers in the named columns under ``answer``.

    Args:
        row: The row; changed.
        names: Columns whose answers are all accepted.
        instead: Columns of which the first is taken where none of these is there.
    """
    found = [_listed(row.pop(name)) if name == "answers" else row.pop(name)
             for name in names if name in row]  # fmt: skip
    if len(found) > 1:
        parts = [value if isinstance(value, list | tuple) else [value] for value in found]
        row["answer"] = [item for part in parts for item in part]
    elif found:
        row["answer"] = found[0]
    else:
        name = next((name for name in instead if name in row), None)
        if name is not None:
            row["answer"] = row.pop(name)


def _listed(value: object) -> object:
    """A list that a text writes, as tables of text alone have it; anything else as it is."""
    written = literal(value) if isinstance(value, str) and value[:1] == "[" else None
    return value if written is None else written


def _untagged(value: object) -> object:
    """What is in answer tags, of a text or of each text in a list."""
    if isinstance(value, list | tuple):
        return [_untagged(item) if isinstance(item, str) else item for item in value]
    tagged = _ANSWER_TAG.search(value) if isinstance(value, str) else None
    return tagged[1].strip() if tagged else value


def _one_image(row: Row) -> None:
    """Puts the one image under ``image``.

    MathVista's ``image`` is a path in the authors' folder, and the pixels are in another column;
    MMMU counts its images.
    """
    if isinstance(row.get("decoded_image"), Mapping | bytes):
        row["image"] = row.pop("decoded_image")
    names: tuple[str, ...] = ("image", "images", "file_name")
    name = next((name for name in names if name in row), None)
    if name is None:
        numbered = [name for name in row if _NUMBERED_IMAGE.fullmatch(name)]
        if len(numbered) > 1:
            raise RowError("image", f"expected one image, got {', '.join(sorted(numbered))}.")
        name = numbered[0] if numbered else None
    if name is None:
        return
    value = _listed(row.pop(name))
    if isinstance(value, list | tuple):
        if len(value) != 1:
            raise RowError("image", f"expected one image, got a list of {len(value)}.")
        value = value[0]
    row["image"] = value


def _question(prompt: object) -> str:
    """The last user turn of a prompt."""
    if isinstance(prompt, str):
        return prompt
    if not isinstance(prompt, list | tuple):
        raise RowError("prompt", "expected text or a list of chat turns.")
    turns = [turn for turn in prompt if isinstance(turn, Mapping) and turn.get("role") == "user"]
    if not turns:
        raise RowError("prompt", "holds no user turn.")
    return _said(turns[-1].get("content"), "prompt", "user")


def _said(content: object, field: str, who: str) -> str:
    """The text of a chat turn, whose images are left out."""
    if isinstance(content, list | tuple):
        parts = (part.get("text") for part in content if isinstance(part, Mapping))
        content = "".join(part for part in parts if isinstance(part, str))
    if not isinstance(content, str):
        raise RowError(field, f"holds a {who} turn without text.")
    return content


def _conversation(row: Row) -> str:
    """The column that holds a conversation; empty where there is none."""
    return next((name for name in ("conversations", "messages") if name in row), "")


def _exchange(turns: object, field: str) -> tuple[str, str | None]:
    """Question and answer of a conversation in the form of LLaVA and ShareGPT.

    Raises:
        RowError: If it is no list of turns, or holds more than one question and one answer: a
            sample is one question, and further ones would be lost.
    """
    if not isinstance(turns, list | tuple) or not all(isinstance(t, Mapping) for t in turns):
        raise RowError(field, "expected a list of turns.")
    said: dict[str, list[str]] = {"human": [], "model": []}
    for turn in turns:
        who = str(turn.get("from", turn.get("role", ""))).lower()
        kind = "human" if who in _HUMAN else "model" if who in _MODEL else who
        if kind == "system":
            continue
        if kind not in said:
            raise RowError(field, f"holds a turn of {quoted(who)}; expected human and gpt.")
        said[kind].append(_said(turn.get("value", turn.get("content")), field, kind))
    questions, answers = said["human"], said["model"]
    if len(questions) != 1 or len(answers) > 1:
        raise RowError(
            field,
            f"holds {len(questions)} questions and {len(answers)} answers; a row has one question, "
            "so write each of them, with its image, into a row of its own.",
        )
    return questions[0], answers[0] if answers else None


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
