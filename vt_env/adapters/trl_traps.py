"""What makes a training in TRL go wrong, found before it starts, each by an error of its own.

    TrlSetupError               (a `ConfigError`) what TRL is given cannot work
    ├── SystemTextError         rows without the system text: nobody tells the model of the tools
    ├── ToolTemplateError       a chat template that drops tool calls, or what tools give
    ├── ResponseTemplateError   no way to read the model's calls back
    └── TorchvisionError        a torchvision that cannot be imported beside this torch

The first is silent in TRL: the model answers at once, nearly always, and no error says why.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import Any

from vt_env.errors import ConfigError


class TrlSetupError(ConfigError):
    """What TRL is given cannot work, or would train on something else."""


class SystemTextError(TrlSetupError):
    """A row's prompt lacks the env's system text, which alone tells of the tools."""


class ToolTemplateError(TrlSetupError):
    """A chat template that does not render tool calls, or images that tools give."""


class ResponseTemplateError(TrlSetupError):
    """A tokenizer that cannot read a tool call out of what the model wrote."""


class TorchvisionError(TrlSetupError):
    """A torchvision that is missing, or was built for another torch."""


def check_torchvision() -> None:
    """Imports torchvision, without which transformers has no Qwen-VL processor.

    Raises:
        TorchvisionError: If that fails: a registry's torchvision is built for CUDA, and does not
            load beside a CPU build of torch.
    """
    try:
        importlib.import_module("torchvision")
    except Exception as error:  # a wrong build fails with errors of many kinds
        raise TorchvisionError(
            f"torchvision cannot be imported ({type(error).__name__}: {str(error)[:200]}), and "
            "processors of Qwen-VL need it. Install the build that belongs to this torch; or, "
            "beside a CPU torch, call agents.prepare_imports() before transformers is imported."
        ) from error


def check_template(processor: Any) -> None:
    """Renders a call and what a tool gives, an image too.

    Args:
        processor: TRL's ``processing_class``.

    Raises:
        ToolTemplateError: If any of it is not there.
    """
    from trl.chat_template_utils import supports_tool_calling

    hint = "vt_env.adapters.trl.fit_processor(processor) sets one for Qwen2.5-VL."
    if not supports_tool_calling(processor):
        raise ToolTemplateError(
            f"The processor's chat_template drops tool calls, or what tools give. {hint}"
        )
    call = {"type": "function", "function": {"name": "look", "arguments": {}}}
    shown = processor.apply_chat_template(
        [
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
            {"role": "assistant", "content": [], "tool_calls": [call]},
            {"role": "tool", "name": "look", "content": [{"type": "image"}]},
        ],
        tokenize=False,
    )
    if processor.image_token not in shown:
        raise ToolTemplateError(
            f"The processor's chat_template drops the images that tools give. {hint}"
        )


def check_response_template(processor: Any, request: str | None, function: str) -> None:
    """Reads a call as TRL will read the model's.

    Args:
        processor: TRL's ``processing_class``. A response template that TRL knows for its chat
            template is set, as the trainer would.
        request: A turn that calls a tool; None: there is none to try.
        function: The function that it calls.

    Raises:
        ResponseTemplateError: If there is no response template, or it finds no such call.
    """
    from trl.chat_template_utils import add_response_schema, parse_response

    tokenizer = processor.tokenizer
    hint = "vt_env.adapters.trl.fit_processor(processor) sets one."
    if getattr(tokenizer, "response_template", None) is None:
        try:
            add_response_schema(processor)
        except ValueError as error:
            raise ResponseTemplateError(
                f"The tokenizer has no response_template, and TRL knows none for its chat "
                f"template, so that no call would be carried out. {hint}"
            ) from error
    if request is None:
        return
    said = [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]
    prompt = processor.apply_chat_template(said, add_generation_prompt=True, tokenize=False)
    before, ids = (
        tokenizer.encode(text, add_special_tokens=False)
        for text in (prompt, f"{request}{tokenizer.eos_token}")
    )
    calls = parse_response(tokenizer, ids, prefix=before).get("tool_calls") or []
    if [call["function"]["name"] for call in calls] != [function]:
        raise ResponseTemplateError(
            f"The tokenizer's response_template finds no call of {function} in {request!r}. {hint}"
        )


def check_rows(rows: Iterable[Mapping[str, Any]], system: str, samples: int) -> None:
    """Looks at every row of the dataset.

    Args:
        rows: As `TrlHome.rows` makes them, with whatever columns beside.
        system: The env's system text; empty for none.
        samples: Size of the env's dataset.

    Raises:
        SystemTextError: If a prompt does not begin with the system text.
        TrlSetupError: If there are no rows, a prompt does not end with a message of the user's, or
            an index means no sample.
    """
    number = -1
    for number, row in enumerate(rows):
        where, prompt, index = f"Row {number} of the dataset", row.get("prompt"), row.get("index")
        if not isinstance(prompt, list) or not prompt or prompt[-1].get("role") != "user":
            raise TrlSetupError(f"{where}: prompt must be messages, the last of them the user's.")
        if system and not (prompt[0].get("role") == "system" and _text(prompt[0]) == system):
            raise SystemTextError(
                f"{where}: prompt does not begin with the env's system text, which alone tells "
                "the model of its tools: it would hardly ever call one, without an error. "
                "TrlHome.rows makes rows that have it."
            )
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < samples:
            raise TrlSetupError(f"{where}: index must be in [0, {samples - 1}], got {index!r}.")
    if number < 0:
        raise TrlSetupError("The dataset has no rows.")


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "".join(part.get("text") or "" for part in content or ())
