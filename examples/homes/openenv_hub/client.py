"""A client that needs nothing of ours: turns are texts, images are Pillow's."""

from __future__ import annotations

import base64
import io
from typing import Any

from openenv import GenericEnvClient
from PIL import Image


class VisionThinkClient(GenericEnvClient):
    """`client.step("<think>…</think><answer>red</answer>")`."""

    def _step_payload(self, action: str | dict[str, Any]) -> dict[str, Any]:
        return {"text": action} if isinstance(action, str) else super()._step_payload(action)


def image_of(observation: dict[str, Any]) -> Image.Image:
    """The image last shown."""
    data = observation["image"].split(",", 1)[1]
    return Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
