"""A tool: the image at its full resolution with a frame, for a flat price."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from PIL import Image, ImageOps

from vt_env import TOOLS, ImageLimits
from vt_env.tools import BadArgumentsError, Call, Refusal, Scene, Target, Tool

PRICE = 2
"""Visual tokens that are paid for, whatever is shown."""


@dataclass(frozen=True)
class Look(Call):
    """A call for the framed image."""

    tool: ClassVar[str] = "acme_look"
    thought: str = ""
    problem: str | None = field(default=None, compare=False)


class LookTool(Tool):
    """Called as the model that is shipped has learned to call for more."""

    name = "acme_look"
    function = "resize_image"
    description = "Returns the image in full, in a frame."
    parameters: ClassVar = {"type": "object", "properties": {"action": {"const": "resize"}}}
    example = '{"action": "resize"}'

    def parse(self, arguments: dict[str, Any], thought: str, problem: str | None) -> Look:
        if arguments != {"action": "resize"}:
            raise BadArgumentsError("acme looks at all of the image.")
        return Look(thought, problem)

    def arguments(self, call: Look) -> dict[str, Any]:
        return {"action": "resize"}

    def aim(self, call: Look, scene: Scene) -> Target | Refusal:
        last = len(scene.resolutions) - 1
        return Target(scene.whole, scene.level_size(last), last)

    def run(self, target: Target, scene: Scene) -> Image.Image:
        return ImageOps.expand(ImageOps.crop(super().run(target, scene), 4), 4, "black")

    def price(self, target: Target, limits: ImageLimits) -> int:
        return PRICE


TOOLS.register("acme_look", LookTool())
