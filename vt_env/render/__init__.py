"""Pictures and transcripts of an episode: what was seen, what was written, what it earned."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vt_env.episode import Episode
from vt_env.render.frames import FRAME_SIZE, frame
from vt_env.render.terminal import terminal_picture
from vt_env.render.transcript import transcript

__all__ = ["FRAME_SIZE", "RENDER_MODES", "frame", "render", "terminal_picture", "transcript"]

RENDER_MODES = ("rgb_array", "human", "ansi")


def render(episode: Episode | None, mode: str | None) -> npt.NDArray[np.uint8] | str | None:
    """What `Env.render` returns in a render mode; ``"human"`` prints a picture and the transcript.

    Args:
        episode: The episode; None before the first reset.
        mode: A mode in `RENDER_MODES`, or None, which renders nothing.
    """
    if episode is None or mode is None:
        return None
    if mode == "rgb_array":
        return frame(episode)
    if mode == "ansi":
        return transcript(episode)
    print(terminal_picture(episode.observation.image))
    print(transcript(episode))
    return None
