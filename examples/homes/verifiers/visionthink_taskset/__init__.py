"""The plug-in that verifiers finds by its name: one taskset, and the environment that plays it.

vf-eval visionthink-taskset … with this folder's parent on PYTHONPATH; docs/homes/verifiers.md has
the whole command.
"""

from vt_env.adapters.verifiers import VisionThinkInteraction, VisionThinkTaskset

__all__ = ["VisionThinkInteraction", "VisionThinkTaskset"]
