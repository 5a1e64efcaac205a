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
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from vt_env.data.literals import literal
from vt_env.data.quoting import quoted

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
        plain["question"] = plain.pop("problem")
        _accept(plain, ("original_answer", "answer", "answers"), ("solution",))
        _need_from_info(plain)
        _members(plain)
    elif "reward_model" in row:
        plain["question"] = _question(plain.pop("prompt", None))
        plain["answer"] = _ground_truth(plain.pop("reward_model"))
    elif "prompt" in row and "question" not in row:
        plain["question"] = _question(plain.pop("prompt"))
        _accept(plain, ("answer", "answers"), ("solution", "ground_truth"))
    elif _conversation(row) and "question" not in row:
        said = _exchange(plain.pop(_conversation(row)), _conversation(row))
        _accept(plain, ("answer", "answers"))
        for name, text in zip(("question", "answer"), said, strict=True):
            if text is not None:
                plain.setdefault(name, text)
    else:
        _accept(plain, ("answer", "answers"))
    if "question" in plain:
        plain["question"] = _without_placeholder(plain["question"])
    if "answer" in plain:
        plain["answer"] = _untagged(plain["answer"])
    _one_image(plain)
    return plain


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
