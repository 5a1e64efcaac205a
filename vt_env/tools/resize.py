"""``resize``: the whole image at a higher level of the ladder."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from vt_env.errors import ConfigError
from vt_env.images.limits import tokens_of
from vt_env.tools.base import BadArgumentsError, Call, Refusal, Scene, Target, Tool, is_number


@dataclass(frozen=True)
class Request(Call):
    """A call for the image at a higher resolution.

    Attributes:
        scale: Share of each original side that is asked for, in (0, 1]; None: the next level up.
        thought: What stood in the think tags, stripped.
        problem: Name of the first fault when not well formed, else None.

    Raises:
        ConfigError: If `scale` is no such number, or `thought` no text.
    """

    tool: ClassVar[str] = "resize"
    scale: float | None = None
    thought: str = ""
    problem: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if self.scale is not None and not _is_scale(self.scale):
            hint = ' A thought is given by name: Request(thought="…").'
            raise ConfigError(
                f"Request: scale is a number above 0 and at most 1, or None, got {self.scale!r}."
                + hint * isinstance(self.scale, str)
            )
        super().__post_init__()


class ResizeTool(Tool):
    """Shows the same image at a higher level of the ladder, cut from the original pixels."""

    name = "resize"
    function = "resize_image"
    description = "Returns the same image at a higher resolution."
    parameters: ClassVar = {
        "type": "object",
        "properties": {"action": {"type": "string", "enum": ["resize"]}},
        "required": ["action"],
    }
    example = '{"action": "resize"}'

    def parse(self, arguments: dict[str, Any], thought: str, problem: str | None) -> Request:
        """Reads ``{"action": "resize"}`` with an optional ``"scale"``."""
        scale = arguments.get("scale")
        if arguments.get("action") != "resize":
            raise BadArgumentsError('resize_image takes {"action": "resize"}.')
        if scale is not None and not _is_scale(scale):
            raise BadArgumentsError("scale is a number above 0 and at most 1.")
        return Request(None if scale is None else float(scale), thought, problem)

    def arguments(self, call: Request) -> dict[str, Any]:
        """As the policy writes them."""
        scale = {} if call.scale is None else {"scale": call.scale}
        return {"action": "resize", **scale}

    def aim(self, call: Request, scene: Scene) -> Target | Refusal:
        """The level that a request means; a refusal when it would show nothing new.

        Levels of an image so small that the processor enlarges it can have one and the same size:
        asking for such a level would buy the same pixels again.
        """
        scales, now = scene.resolutions, scene.level
        tokens = tokens_of(scene.level_size(now), scene.limits)
        if call.scale is None or call.scale > scales[now] + 1e-9:
            for level in range(now + 1, len(scales)):
                size = scene.level_size(level)
                enough = call.scale is None or scales[level] >= call.scale - 1e-9
                if enough and tokens_of(size, scene.limits) > tokens:
                    return Target(scene.whole, size, level)
        return Refusal("no_higher_resolution", "There is no higher resolution.")


def _is_scale(value: Any) -> bool:
    return is_number(value) and 0 < value <= 1
