"""What a tool is: what the prompt says of it, how a call is read, what it shows, what that costs.

A tool of one's own is a class in a file of its own: a `Call` with its arguments, and a `Tool` that
reads them (`parse`), says what of the original is to be seen (`aim`) and, where a plain view is not
enough, makes the picture (`run`) and prices it (`price`).
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from PIL import Image

from vt_env.errors import ConfigError
from vt_env.images.limits import ImageLimits, shown_size, tokens_of
from vt_env.images.regions import Region
from vt_env.images.views import ImageSource, Size, resample, view


class Understood:
    """A turn that can be carried out, whether or not it keeps the format."""

    problem: str | None

    @property
    def well_formed(self) -> bool:
        """True when the whole turn keeps the format."""
        return self.problem is None

    def check_text(self, name: str, value: object) -> None:
        """Raises a `ConfigError` that names the field, if `value` is no text."""
        if not isinstance(value, str):
            raise ConfigError(f"{type(self).__name__}: {name} is a text, got {value!r}.")


class Call(Understood):
    """A call of a tool; a tool's own kind of call is a frozen dataclass that adds its arguments.

    Attributes:
        tool: Name of the tool, as the rules name it.
        thought: What stood in the think tags, stripped.
        problem: Name of the first fault of the turn's format, or None.

    Raises:
        ConfigError: If `thought` is no text.
    """

    tool: ClassVar[str]
    thought: str

    def __post_init__(self) -> None:
        self.check_text("thought", self.thought)


class BadArgumentsError(ConfigError):
    """Arguments of a call that a tool cannot take; the text is for the policy."""


@dataclass(frozen=True)
class Refusal:
    """A call that says what is wanted, but of what cannot be shown.

    Attributes:
        problem: Short name, such as ``"no_higher_resolution"``.
        detail: A sentence for the policy.
    """

    problem: str
    detail: str


@dataclass(frozen=True)
class Scene:
    """What a tool may know of an episode.

    Attributes:
        source: Where the original's pixels come from.
        original: Width and height of the original, in pixels.
        resolutions: The ladder, shares of each side of the full view, rising to 1.
        limits: Bounds on what is shown, and the token family.
        level: Level of the ladder last shown in full.
        region: Part of the original that the image last shown covers, in its pixels.
        size: Width and height of the image last shown, in pixels.
    """

    source: ImageSource
    original: Size
    resolutions: tuple[float, ...]
    limits: ImageLimits
    level: int
    region: Region
    size: Size

    @property
    def whole(self) -> Region:
        """All of the original."""
        return Region(0.0, 0.0, *map(float, self.original))

    def level_size(self, level: int) -> Size:
        """Width and height of the whole image at a level of the ladder, in pixels."""
        return shown_size(self.original, self.resolutions[level], self.limits)


@dataclass(frozen=True)
class Target:
    """What a call comes to, known before a pixel is read.

    Attributes:
        region: Part of the original that is to be shown, in whole pixels of it.
        size: Width and height of what is shown, in pixels.
        level: Level of the ladder that this is; None when it is none.
    """

    region: Region
    size: Size
    level: int | None = None


class Tool(ABC):
    """Something that a policy may call to see more.

    Attributes:
        name: Its name in the rules (``tools=("resize",)``).
        function: Its name in a call.
        description: What it does, in a sentence for the policy.
        parameters: JSON schema of its arguments.
        example: Arguments of a call as the prompt shows them, in JSON; names stand for what the
            policy is to fill in.
    """

    name: ClassVar[str]
    function: ClassVar[str]
    description: ClassVar[str]
    parameters: ClassVar[Mapping[str, Any]]
    example: ClassVar[str]

    def schema(self) -> str:
        """The function's signature in JSON, as the Qwen agent form declares it."""
        function = {
            "name": self.function,
            "description": self.description,
            "parameters": self.parameters,
        }
        return json.dumps({"type": "function", "function": function})

    def call_example(self) -> str:
        """A call as the prompt shows it, without its tags."""
        return f'{{"name": "{self.function}", "arguments": {self.example}}}'

    @abstractmethod
    def parse(self, arguments: dict[str, Any], thought: str, problem: str | None) -> Call:
        """Reads the arguments of a call.

        Args:
            arguments: As the policy wrote them, any JSON object.
            thought: What stood in the think tags.
            problem: Name of the first fault of the turn's format, or None.

        Raises:
            BadArgumentsError: If the tool cannot take them.
        """

    @abstractmethod
    def arguments(self, call: Any) -> dict[str, Any]:
        """Arguments that `parse` reads back as `call`."""

    @abstractmethod
    def aim(self, call: Any, scene: Scene) -> Target | Refusal:
        """What a call comes to, or why there is nothing to show; reads no pixel."""

    def forced(self, scene: Scene) -> Call | None:  # noqa: ARG002 - crop has to know
        """The call to make where seeing more is decided for the policy; None where there is none.

        The example, unless it leaves something for the policy to fill in. What it shows should be
        as much as the tool can show: a baseline plays it.
        """
        try:
            arguments = json.loads(self.example)
            return self.parse(arguments, "", None)
        except (ValueError, BadArgumentsError):
            return None

    def run(self, target: Target, scene: Scene) -> Image.Image:
        """Makes the image, of the target's size, from the original's pixels.

        Raises:
            ImageError: If the original cannot be read.
        """
        if target.region == scene.whole:
            return view(scene.source, target.size)
        return resample(scene.source.load().crop(target.region.box), target.size)

    def price(self, target: Target, limits: ImageLimits) -> int:
        """Visual tokens that the policy pays for what is shown."""
        return tokens_of(target.size, limits)


def is_number(value: object) -> bool:
    """Whether a value of a call is a number that an image can be measured in."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= 1e6  # false for NaN as well, and bounds huge integers
