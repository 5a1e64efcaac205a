"""The embedded world: procedural image-question families with exact answers."""

from vt_env.tasks.base import Element, Question, Task
from vt_env.tasks.world import CANVAS, SPLITS, TASKS, Scene, World, draw_scene

__all__ = [
    "CANVAS",
    "SPLITS",
    "TASKS",
    "Element",
    "Question",
    "Scene",
    "Task",
    "World",
    "draw_scene",
]
