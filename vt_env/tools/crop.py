"""``crop``: a part of the image at its original resolution."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from vt_env.errors import ConfigError
from vt_env.images.limits import crop_size
from vt_env.images.regions import crop_region
from vt_env.tools.base import BadArgumentsError, Call, Refusal, Scene, Target, Tool, is_number


@dataclass(frozen=True)
class Crop(Call):
    """A call for a region of the image at its original resolution.

    Attributes:
        box: Left, top, right, bottom in pixels of the image last shown.
        thought: What stood in the think tags, stripped.
        problem: Name of the first fault when not well formed, else None.

    Raises:
        ConfigError: If `box` is not four such numbers or is empty, or `thought` is no text.
    """

    tool: ClassVar[str] = "crop"
    box: tuple[float, float, float, float]
    thought: str = ""
    problem: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not _is_box(self.box):
            raise ConfigError(
                "Crop: box is (left, top, right, bottom) in pixels with left < right and "
                f"top < bottom, got {self.box!r}."
            )
        super().__post_init__()


class CropTool(Tool):
    """Shows a part of the image, cut from the original pixels."""

    name = "crop"
    function = "crop_image"
    description = (
        "Returns a part of the image at its original resolution. "
        "The box is in pixels of the image last shown."
    )
    parameters: ClassVar = {
        "type": "object",
        "properties": {
            "box": {
                "type": "array",
                "items": {"type": "number"},
                "minItems": 4,
                "maxItems": 4,
                "description": "left, top, right, bottom",
            }
        },
        "required": ["box"],
    }
    example = '{"box": [left, top, right, bottom]}'

    def parse(self, arguments: dict[str, Any], thought: str, problem: str | None) -> Crop:
        """Reads ``{"box": [left, top, right, bottom]}``."""
        box = arguments.get("box")
        if not isinstance(box, list) or len(box) != 4 or not all(map(is_number, box)):
            raise BadArgumentsError("crop_image takes a box of four numbers.")
        if not _is_box(box):
            raise BadArgumentsError("A box is left, top, right, bottom, and not empty.")
        left, top, right, bottom = map(float, box)
        return Crop((left, top, right, bottom), thought, problem)

    def arguments(self, call: Crop) -> dict[str, Any]:
        """As the policy writes them."""
        return {"box": list(call.box)}

    def forced(self, scene: Scene) -> Crop:
        """All of the image."""
        width, height = scene.size
        return Crop((0.0, 0.0, float(width), float(height)))

    def aim(self, call: Crop, scene: Scene) -> Target | Refusal:
        """The part of the original that the box means."""
        region = crop_region(scene.region, scene.size, call.box, scene.original)
        if isinstance(region, str):
            return Refusal("bad_box", region)
        left, top, right, bottom = region.box
        return Target(region, crop_size((right - left, bottom - top), scene.limits))


def _is_box(value: Any) -> bool:
    if not isinstance(value, tuple | list) or len(value) != 4 or not all(map(is_number, value)):
        return False
    left, top, right, bottom = value
    return bool(left < right and top < bottom)
