"""verl 0.9: `VisionThinkTool`, the environment's tool in verl's own tool loop."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from verl.tools.base_tool import BaseTool
from verl.tools.schemas import OpenAIFunctionToolSchema, ToolResponse

from vt_env.adapters.conversation import Conversation
from vt_env.adapters.shared import chosen_sample, plain, shared_env
from vt_env.errors import ConfigError
from vt_env.tools import tool_named


class VisionThinkTool(BaseTool):
    """The environment's tool in verl's own loop ``tool_agent``, which owns end and reward.

    verl makes, asks and drops a tool for every call, so each call is a first one: with a ladder of
    two rungs that is all there are. The price of the image is the step's reward; verl logs it
    (``tool_rewards``), but the score is that of its reward function.

    Args:
        config: ``env``: settings of `VisionThinkEnv`; ``tool``: its name in the rules (``resize``).
        tool_schema: As verl gives it; None: the tool's own.

    Raises:
        ConfigError: If the environment does not offer the tool.
    """

    def __init__(
        self, config: Mapping[str, Any], tool_schema: OpenAIFunctionToolSchema | None = None
    ) -> None:
        told = plain(config)
        self._env = shared_env(told.get("env") or {})
        self._tool = tool_named(str(told.get("tool", "resize")))
        offered = [tool.name for tool in self._env.factory.config.offered]
        if self._tool.name not in offered:
            raise ConfigError(f"The env offers {', '.join(offered)}; not {self._tool.name!r}.")
        self._talks: dict[str, Conversation] = {}
        super().__init__(told, tool_schema or self._schema())

    async def create(
        self, instance_id: str | None = None, **kwargs: Any
    ) -> tuple[str, ToolResponse]:
        """Opens the sample that ``create_kwargs`` (or `kwargs` themselves) name."""
        name = instance_id or uuid4().hex
        row = {**kwargs, **(kwargs.get("create_kwargs") or {})}
        self._talks[name] = Conversation(self._env, chosen_sample(self._env, row))
        return name, ToolResponse()

    async def execute(
        self,
        instance_id: str,
        parameters: Mapping[str, Any],
        **kwargs: Any,  # noqa: ARG002 - verl's
    ) -> tuple[ToolResponse, float, dict[str, Any]]:
        """Carries out a call: the image and what is said of it, or why there is none."""
        talk = self._talks[instance_id]
        call = json.dumps({"name": self._tool.function, "arguments": dict(parameters)})
        talk.reply(f"<think>unclear</think><tool_call>{call}</tool_call>")
        episode = talk.episode
        seen = episode.observation
        paid = float(talk.reward_terms.get("token_cost", 0.0))
        shown = {"image": [seen.image]} if episode.requested else {}
        text = seen.feedback or f"No image: {', '.join(episode.problems)}."
        metrics = {"visual_tokens": episode.visual_tokens}
        return ToolResponse(text=text, **shown), paid, metrics

    async def calc_reward(self, instance_id: str, **kwargs: Any) -> float:  # noqa: ARG002 - verl's
        """What the call cost, in units of reward; not above 0."""
        return float(self._talks[instance_id].reward_terms.get("token_cost", 0.0))

    async def release(self, instance_id: str, **kwargs: Any) -> None:  # noqa: ARG002 - verl's
        """Drops the sample."""
        self._talks.pop(instance_id, None)

    def _schema(self) -> OpenAIFunctionToolSchema:
        return OpenAIFunctionToolSchema.model_validate(
            {
                "type": "function",
                "function": {
                    "name": self._tool.function,
                    "description": self._tool.description,
                    "parameters": dict(self._tool.parameters),
                },
            }
        )
