"""Prompt templates: data in TOML files, replaceable by a file of one's own."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from judges import Registry
from vt_env.errors import ConfigError
from vt_env.tools import Tool, tools_named

PROMPTS_DIR = Path(__file__).parent / "prompts"
_THINK = "<think>"
_CALL = re.compile(r"(<tool_call>\s*).*?(\s*</tool_call>)", re.DOTALL)
PAPERS_TOOLS = tools_named(("resize",))
"""The tools of the paper, and of an episode whose rules name none."""
ANY_TOOL = "any"
"""Key of the phrase of tools that have none of their own."""


@dataclass(frozen=True)
class ToolWords:
    """How a message speaks of the tools: what stands in place of its ``{tools}``.

    In `one` and `several` these are filled in: ``{names}`` (``resize_image or crop_image``),
    ``{schemas}`` (signatures in JSON, a line each), ``{calls}`` (example calls in their tags, a
    line each) and ``{phrases}`` (the template's own phrases, a line each).

    Attributes:
        none: Where there is no tool.
        one: Where there is one.
        several: Where there are more; None: as for one.
    """

    none: str = ""
    one: str = "{phrases}"
    several: str | None = None

    def text(self, tools: Sequence[Tool], phrases: Mapping[str, str]) -> str:
        """The words for these tools.

        Args:
            tools: What the policy may call.
            phrases: The template's phrases by name of the tool.
        """
        words = (self.none, self.one)[bool(tools)]
        if len(tools) > 1 and self.several is not None:
            words = self.several
        names = [tool.function for tool in tools]
        listed = ", ".join(names[:-1])
        return _filled(
            words,
            names=f"{listed} or {names[-1]}" if listed else "".join(names),
            schemas=lambda: "\n".join(tool.schema() for tool in tools),
            calls=lambda: "\n".join(map(_call, tools)),
            phrases=lambda: "\n".join(_phrase(tool, phrases) for tool in tools),
        )


@dataclass(frozen=True)
class PromptTemplate:
    """What is said to the policy around the images.

    Attributes:
        system: System message; empty for none. ``{tools}`` is replaced by what `system_tools` says
            of the tools of the episode's rules.
        user: First user turn after the image; ``{question}`` is replaced, and ``{tools}`` by what
            `user_tools` says.
        tool_response: Said after an image that was asked for.
        tool_error: Said after an invalid call; ``{error}`` is replaced.
        forced_answer: Start of a turn that answers at once, up to the answer itself.
        forced_request: A whole turn that asks for the high-resolution image.
        opens_thought: True when the policy's own chat template opens the thought, so that every
            turn begins inside of it and holds ``</think>`` alone. Forced turns are written so too.
        system_tools: How the system message speaks of the tools.
        user_tools: How the first user turn does.
        phrases: What this template calls each tool, by its name in the rules; ``any``: the others.
            ``{name}``, ``{description}``, ``{call}`` (with its tags), ``{json}`` (without) and
            ``{schema}`` are replaced.
        responses: What is said after an image of a tool, by its name; `tool_response` after others.
    """

    system: str
    user: str
    tool_response: str
    tool_error: str
    forced_answer: str
    forced_request: str
    opens_thought: bool = False
    system_tools: ToolWords = ToolWords()
    user_tools: ToolWords = ToolWords()
    phrases: Mapping[str, str] = field(default_factory=dict, hash=False)
    responses: Mapping[str, str] = field(default_factory=dict, hash=False)

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

    def system_text(self, tools: Sequence[Tool] = PAPERS_TOOLS) -> str:
        """The system message of an episode with these tools; empty for none."""
        return _filled(self.system, tools=self.system_tools.text(tools, self.phrases))

    def question_text(self, question: str, tools: Sequence[Tool] = PAPERS_TOOLS) -> str:
        """The first user turn's text for `question`, in an episode with these tools."""
        said = self.user_tools.text(tools, self.phrases)
        return _filled(self.user, question=question, tools=said)

    def response_text(self, tool: Tool) -> str:
        """What is said after an image of `tool`."""
        return self.responses.get(tool.name, self.tool_response)

    def with_call(self, tool: Tool, arguments: Mapping[str, Any]) -> str:
        """The turn `forced_request` with a call of this tool in place of its own."""
        call = json.dumps({"name": tool.function, "arguments": arguments})
        return _CALL.sub(lambda found: f"{found[1]}{call}{found[2]}", self.forced_request, count=1)

    def error_text(self, error: str) -> str:
        """The feedback's text for `error`."""
        return self.tool_error.replace("{error}", error)


def _filled(text: str, **values: str | Callable[[], str]) -> str:
    """Replaces ``{name}`` by its value, in one pass: braces of the values are left alone.

    Args:
        text: What is filled in.
        **values: Each a text, or what makes it where it is asked for.
    """
    if "{" not in text:
        return text

    def said(found: re.Match[str]) -> str:
        value = values[found[1]]
        return value if isinstance(value, str) else value()

    names = "|".join(map(re.escape, values))
    return re.sub(f"\\{{({names})\\}}", said, text)


def _call(tool: Tool) -> str:
    return f"<tool_call>{tool.call_example()}</tool_call>"


def _phrase(tool: Tool, phrases: Mapping[str, str]) -> str:
    phrase = phrases.get(tool.name) or phrases.get(ANY_TOOL) or "{description} {call}"
    return _filled(
        phrase,
        name=tool.function,
        description=tool.description,
        call=lambda: _call(tool),
        json=tool.call_example,
        schema=tool.schema,
    )


def to_toml(template: PromptTemplate) -> str:
    """The template as `load_template` reads it."""
    lines = []
    for name, value in asdict(template).items():
        if not isinstance(value, dict):
            lines.append(f"{name} = {_quoted(value)}\n")
        elif getattr(template, name) not in (ToolWords(), {}):
            given = {key: text for key, text in value.items() if text is not None}
            lines += [f"{name}.{_quoted(key)} = {_quoted(text)}\n" for key, text in given.items()]
    return "".join(lines)


def _quoted(value: str | bool) -> str:
    # A JSON string is a TOML string, but for DEL and for pairs of surrogates, which are not made.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


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
        ConfigError: If the file is not valid TOML or a field is missing, unknown, or not what it
            must be.
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
        if key in data:
            data[key] = _checked(path, key, data[key])
        elif known[key].default is MISSING and known[key].default_factory is MISSING:
            raise ConfigError(f"{path}: field {key!r} is missing.")
    if "{question}" not in data["user"]:
        raise ConfigError(f"{path}: field 'user' must contain {{question}}.")
    opens_thought = data.pop("opens_thought", False)
    template = PromptTemplate(**data)
    return template.opened() if opens_thought else template


def _checked(path: Path, key: str, value: Any) -> Any:
    """A field of a file as `PromptTemplate` takes it."""
    if key in ("system_tools", "user_tools", "phrases", "responses"):
        texts = isinstance(value, dict) and all(isinstance(text, str) for text in value.values())
        if not texts:
            raise ConfigError(f"{path}: field {key!r} must be a table of texts.")
        if not key.endswith("_tools"):
            return value
        known = [item.name for item in fields(ToolWords)]
        for name in value:
            if name not in known:
                raise ConfigError(
                    f"{path}: field {name!r} of [{key}] is unknown; it takes {', '.join(known)}."
                )
        return ToolWords(**value)
    kind, wanted = (bool, "true or false") if key == "opens_thought" else (str, "text")
    if not isinstance(value, kind):
        raise ConfigError(f"{path}: field {key!r} must be {wanted}.")
    return value


for _name, _path in sorted(shipped_templates().items()):
    TEMPLATES.register(_name, _read(_path))
