"""What a checkpoint's own files say of how it is shown images and talked to; no weights are read.

A checkpoint of ours says it itself, in `DEFAULTS_FILE`. For any other, `config.json`,
`generation_config.json` and the image processor's file say how far it reaches, and the rest is as
in the published evaluation of VisionThink: its prompt, 8,192 new tokens and 32,768 of context.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeGuard

from vt_env.errors import ConfigError, UnknownNameError
from vt_env.images.limits import BOUNDS, ImageLimits
from vt_env.templates import PromptTemplate, load_template, shipped_templates, to_toml
from vt_env.tokens import TOKEN_FAMILIES, TokenFamily

DEFAULTS_FILE = "visionthink.json"
"""File beside a checkpoint's config that holds its `PlayDefaults`."""
PAPER_PROMPT, PAPER_NEW_TOKENS, PAPER_CONTEXT = "agent", 8192, 32768
"""Template and limits of a full-size model. The context holds the largest image that the published
Qwen-VL processors let through, at both resolutions (20,480 tokens), and a turn of full length."""
TURNS_SHARE = 4
"""A turn takes at most a context's length over this unless told otherwise."""
_PROMPT_FILE = "prompt.toml"
_PROCESSOR_FILES = ("processor_config.json", "preprocessor_config.json")


@dataclass(frozen=True)
class PlayDefaults:
    """How a checkpoint is played unless told otherwise.

    Attributes:
        prompt: Prompt template: a shipped name, or a TOML file (in `DEFAULTS_FILE`: its name beside
            that file).
        max_new_tokens: Longest turn, in tokens.
        max_model_len: Longest conversation, in tokens.
        min_pixels: As in `ImageLimits`; None: the processor's.
        max_pixels: As in `ImageLimits`; None: the processor's.
        bounds: As in `ImageLimits`.
    """

    prompt: str
    max_new_tokens: int
    max_model_len: int
    min_pixels: int | None = None
    max_pixels: int | None = None
    bounds: str = "each_view"


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint's files say.

    Attributes:
        token_family: Name of its token family.
        processor: Smallest and largest area that its image processor leaves alone, in pixels; None
            for a family that has no such bounds.
        defaults: How it is played unless told otherwise.
    """

    token_family: str
    processor: tuple[int, int] | None
    defaults: PlayDefaults

    def limits(
        self,
        min_pixels: int | None = None,
        max_pixels: int | None = None,
        bounds: str | None = None,
    ) -> ImageLimits:
        """The limits of images shown to it; what is None is as the checkpoint has it.

        Raises:
            ConfigError: If the bounds are not within the processor's.
            UnknownNameError: If there are no such `bounds`.
        """
        own = self.defaults
        return ImageLimits(
            self.token_family,
            own.min_pixels if min_pixels is None else min_pixels,
            own.max_pixels if max_pixels is None else max_pixels,
            own.bounds if bounds is None else bounds,
            self.processor,
        )


def read_checkpoint(directory: str | Path) -> Checkpoint:
    """Reads what a Hugging Face checkpoint directory says of itself.

    Args:
        directory: Holds ``config.json`` and the image processor's file.

    Raises:
        ConfigError: If a file is missing, is not JSON, or holds what cannot work; names the file.
        UnknownNameError: If the prompt template that it names does not exist.
    """
    path = Path(directory)
    if not (path / "config.json").is_file():
        raise ConfigError(f"{path}: not a checkpoint directory (there is no config.json in it).")
    config = _json(path / "config.json")
    name = str(config.get("model_type"))
    try:
        processor = _processor(path, TOKEN_FAMILIES.find(name), config)
    except UnknownNameError as error:
        known = ", ".join(TOKEN_FAMILIES)
        raise ConfigError(
            f"{path / 'config.json'}: model_type {name!r} is none of {known}."
        ) from error
    own = path / DEFAULTS_FILE
    defaults = _own_defaults(own) if own.is_file() else _defaults_of_kind(path, config)
    found = Checkpoint(name, processor, defaults)
    try:
        found.limits()
    except ConfigError as error:
        raise ConfigError(f"{own if own.is_file() else path}: {error}") from error
    return found


def image_limits(
    played: Checkpoint | None,
    token_family: str | None = None,
    min_pixels: int | None = None,
    max_pixels: int | None = None,
    bounds: str | None = None,
) -> ImageLimits:
    """The limits that settings and checkpoint come to; None leaves a setting to the checkpoint.

    Args:
        played: The checkpoint; None: what it would say is as `ImageLimits` has it.
        token_family: Name of the token family.
        min_pixels: As in `ImageLimits`.
        max_pixels: As in `ImageLimits`.
        bounds: As in `ImageLimits`.

    Raises:
        ConfigError: If the family is not the checkpoint's, or the bounds cannot work.
        UnknownNameError: If a name is unknown.
    """
    if played is None:
        own = ImageLimits()
        return ImageLimits(
            token_family or own.token_family, min_pixels, max_pixels, bounds or own.bounds
        )
    own_family = played.token_family
    if token_family not in (None, own_family):
        raise ConfigError(
            f"token_family is {token_family!r}, but the checkpoint is {own_family!r}."
        )
    return played.limits(min_pixels, max_pixels, bounds)


def write_defaults(
    directory: Path, defaults: PlayDefaults, template: PromptTemplate | None = None
) -> None:
    """Writes `DEFAULTS_FILE`; a prompt template that is not a shipped one is written beside it.

    Args:
        directory: The checkpoint's.
        defaults: What is written.
        template: The prompt template, where it is none that `defaults` could name.

    Raises:
        UnknownNameError: If the prompt template that `defaults` names does not exist.
    """
    record = asdict(defaults)
    if template is not None or defaults.prompt not in shipped_templates():
        text = to_toml(template or load_template(defaults.prompt))
        (directory / _PROMPT_FILE).write_text(text, encoding="utf-8")
        record["prompt"] = _PROMPT_FILE
    path = directory / DEFAULTS_FILE
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _own_defaults(file: Path) -> PlayDefaults:
    record = _json(file)
    names = [item.name for item in fields(PlayDefaults)]
    for name in record:
        if name not in names:
            raise ConfigError(f"{file}: {UnknownNameError('setting', name, names)}")
    for name in ("max_new_tokens", "max_model_len"):
        _check_count(file, record, name)
    for name in ("min_pixels", "max_pixels"):
        if record.get(name) is not None:
            _check_count(file, record, name)
    bounds = record.setdefault("bounds", BOUNDS[0])
    if bounds not in BOUNDS:
        raise ConfigError(f"{file}: {UnknownNameError('kind of bounds', str(bounds), BOUNDS)}")
    prompt = record.get("prompt")
    if not isinstance(prompt, str):
        raise ConfigError(f"{file}: prompt must name a prompt template, got {prompt!r}.")
    beside = file.parent / prompt
    if prompt not in shipped_templates() and beside.is_file():
        record["prompt"] = prompt = str(beside)
    try:
        load_template(prompt)
    except UnknownNameError as error:
        raise ConfigError(f"{file}: {error}") from error
    return PlayDefaults(**record)


def _check_count(file: Path, record: Mapping[str, Any], name: str) -> None:
    value = record.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"{file}: {name} must be a whole number from 1 up, got {value!r}.")


def _defaults_of_kind(path: Path, config: Mapping[str, Any]) -> PlayDefaults:
    """The published evaluation's settings, as far as the checkpoint's own limits allow."""
    text = config.get("text_config")
    positions = (text if isinstance(text, dict) else config).get("max_position_embeddings")
    context = min(PAPER_CONTEXT, positions) if _is_count(positions) else PAPER_CONTEXT
    said = None
    if (path / "generation_config.json").is_file():
        said = _json(path / "generation_config.json").get("max_new_tokens")
    new_tokens = said if _is_count(said) else PAPER_NEW_TOKENS
    return PlayDefaults(PAPER_PROMPT, max(1, min(new_tokens, context // TURNS_SHARE)), context)


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _processor(
    path: Path, family: TokenFamily, config: Mapping[str, Any]
) -> tuple[int, int] | None:
    """Bounds of the image processor, found where transformers looks for them."""
    file, processor = path / _PROCESSOR_FILES[1], None
    for name in _PROCESSOR_FILES:
        if (path / name).is_file():
            found = _json(path / name)
            nested = found.get("image_processor")
            if isinstance(nested, dict) or name == _PROCESSOR_FILES[1]:
                file, processor = path / name, nested if isinstance(nested, dict) else found
                break
    if processor is None:
        raise ConfigError(f"{file}: no such file; it says how the checkpoint sizes images.")
    try:
        return family.read_processor(processor, config)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from error


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file}: cannot be read as JSON ({error}).") from error
    if not isinstance(found, dict):
        raise ConfigError(f"{file}: holds no JSON object.")
    return found
