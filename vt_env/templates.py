"""Prompt templates: data in TOML files, replaceable by a file of one's own."""

from __future__ import annotations

import json
import tomllib
from dataclasses import MISSING, asdict, dataclass, fields, replace
from pathlib import Path

from judges.registry import Registry
from vt_env.errors import ConfigError

PROMPTS_DIR = Path(__file__).parent / "prompts"
_THINK = "<think>"


@dataclass(frozen=True)
class PromptTemplate:
    """What is said to the policy around the images.

    Attributes:
        system: System message; empty for none.
        user: First user turn after the image; ``{question}`` is replaced.
        tool_response: Said after an image that was asked for.
        tool_error: Said after an invalid call; ``{error}`` is replaced.
        forced_answer: Start of a turn that answers at once, up to the answer itself.
        forced_request: A whole turn that asks for the high-resolution image.
        opens_thought: True when the policy's own chat template opens the thought, so that every
            turn begins inside of it and holds ``</think>`` alone. Forced turns are written so too.
    """

    system: str
    user: str
    tool_response: str
    tool_error: str
    forced_answer: str
    forced_request: str
    opens_thought: bool = False

    def opened(self) -> PromptTemplate:
        """The same template for a policy whose chat template opens the thought."""
        if self.opens_thought:
            return self
        return replace(
            self,
            forced_answer=self.forced_answer.removeprefix(_THINK),
            forced_request=self.forced_request.removeprefix(_THINK),
            opens_thought=True,
        )

    def question_text(self, question: str) -> str:
        """The first user turn's text for `question`."""
        return self.user.replace("{question}", question)

    def error_text(self, error: str) -> str:
        """The feedback's text for `error`."""
        return self.tool_error.replace("{error}", error)


def to_toml(template: PromptTemplate) -> str:
    """The template as `load_template` reads it."""
    # A JSON string is a TOML string, but for DEL and for pairs of surrogates, which are not made.
    quoted = {
        name: json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        for name, value in asdict(template).items()
    }
    return "".join(f"{name} = {value}\n" for name, value in quoted.items())


def shipped_templates() -> dict[str, Path]:
    """Files of the templates that are shipped, by name."""
    return {path.stem: path for path in PROMPTS_DIR.glob("*.toml")}


TEMPLATES = Registry[PromptTemplate](
    "prompt template", lambda entry: isinstance(entry, PromptTemplate), "a PromptTemplate"
)
"""Templates by name; those that are shipped are the files in `PROMPTS_DIR`."""


def load_template(name_or_path: str | Path) -> PromptTemplate:
    """Loads a template by name, or a TOML file by path.

    Args:
        name_or_path: A shipped name, one in `TEMPLATES`, ``module:attribute``, or a path.

    Raises:
        UnknownNameError: If it is neither a known name nor an existing file; suggests the closest.
        ConfigError: If the file is not valid TOML or a field is missing, unknown, or not text
            (`opens_thought`: not true or false).
    """
    if not isinstance(name_or_path, str | Path):
        raise ConfigError(f"prompt is a name, a path or a PromptTemplate, got {name_or_path!r}.")
    name, path = str(name_or_path), Path(name_or_path)
    if name in TEMPLATES or not path.is_file():
        return TEMPLATES.find(name)
    return _read(path)


def _read(path: Path) -> PromptTemplate:
    """Reads a template's file."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML ({error}).") from error
    known = {item.name: item for item in fields(PromptTemplate)}
    for key in sorted(known.keys() | data.keys()):
        if key not in known:
            raise ConfigError(f"{path}: field {key!r} is unknown.")
        if key not in data and known[key].default is MISSING:
            raise ConfigError(f"{path}: field {key!r} is missing.")
        kind, wanted = (bool, "true or false") if key == "opens_thought" else (str, "text")
        if key in data and not isinstance(data[key], kind):
            raise ConfigError(f"{path}: field {key!r} must be {wanted}.")
    if "{question}" not in data["user"]:
        raise ConfigError(f"{path}: field 'user' must contain {{question}}.")
    opens_thought = data.pop("opens_thought", False)
    template = PromptTemplate(**data)
    return template.opened() if opens_thought else template


for _name, _path in sorted(shipped_templates().items()):
    TEMPLATES.register(_name, _read(_path))
