"""The embedded world: procedural image-question families with exact answers."""

from vt_env.tasks.sheet import Sheet
from vt_env.tasks.suites import SUITES, TASKS
from vt_env.tasks.task import Box, Need, Question, Task
from vt_env.tasks.world import CANVAS, SPLITS, Scene, SceneImage, World, draw_scene

__all__ = [
    "CANVAS",
    "SPLITS",
    "SUITES",
    "TASKS",
    "Box",
    "Need",
    "Question",
    "Scene",
    "SceneImage",
    "Sheet",
    "Task",
    "World",
    "draw_scene",
]
