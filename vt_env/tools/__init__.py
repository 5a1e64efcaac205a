"""What an agent may call: one file a tool, and all of them by name."""

from __future__ import annotations

from collections.abc import Iterable

from judges import Registry
from vt_env.tools.base import BadArgumentsError, Call, Refusal, Scene, Target, Tool
from vt_env.tools.crop import Crop, CropTool
from vt_env.tools.resize import Request, ResizeTool

TOOLS = Registry[Tool]("tool", lambda entry: isinstance(entry, Tool), "a Tool")
"""Tools by name, in the order that prompts list them in."""
for _tool in (ResizeTool(), CropTool()):
    TOOLS.register(_tool.name, _tool)


def tool_named(name: str) -> Tool:
    """The tool that the rules call `name`, or that ``module:attribute`` means.

    Raises:
        UnknownNameError: If there is none; suggests the closest.
    """
    return TOOLS.find(name)


def tools_named(names: Iterable[str]) -> tuple[Tool, ...]:
    """The tools of these names, in the order of the names, each once.

    Raises:
        UnknownNameError: If there is no tool of a name.
    """
    return tuple(tool_named(name) for name in dict.fromkeys(names))


__all__ = [
    "TOOLS",
    "BadArgumentsError",
    "Call",
    "Crop",
    "CropTool",
    "Refusal",
    "Request",
    "ResizeTool",
    "Scene",
    "Target",
    "Tool",
    "tool_named",
    "tools_named",
]
