"""Who acts: agents by name, those of one's own, and models behind an address."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from agents.policies.base import Agent, AgentError, OneByOne, Turn, View, as_agent, view_of
from judges import Registry, check_parameters

AGENTS = Registry[Callable[..., Any]]("agent")
"""What makes agents, by name: a class or a function that takes the agent's own settings."""
AGENTS.register("random", "agents.policies.scripted:RandomAgent")
AGENTS.register("always_answer", "agents.policies.scripted:AlwaysAnswer")
AGENTS.register("always_request", "agents.policies.scripted:AlwaysRequest")
AGENTS.register("oracle", "agents.policies.scripted:OracleAgent")
AGENTS.register("human", "agents.policies.human:HumanAgent")
AGENTS.register("vlm", "agents.policies.vlm:VLMAgent")
AGENTS.register("threshold", "agents.policies.threshold:ThresholdAgent")
AGENTS.register("cascade", "agents.policies.cascade:CascadeAgent")
AGENTS.register("openai", "agents.policies.openai_agent:OpenAIAgent")
ENDPOINT = "endpoint:"
"""How an agent behind an address is named: ``endpoint:http://127.0.0.1:8000/v1#model``."""


def make_agent(name: str, **params: Any) -> Agent:
    """Makes an agent.

    Args:
        name: A name in `AGENTS`; ``module:attribute``: a class, which is made, or a function that
            is called with one view; or ``endpoint:URL#model``.
        **params: The agent's own settings.

    Raises:
        UnknownNameError: If there is no such agent; suggests the closest.
        ParameterError: If it has no such setting; suggests the closest.
        PluginError: If a module cannot be imported.
        AgentError: If what is there is no agent, or the address is none.
    """
    if name.startswith(ENDPOINT):
        params = {**_address(name), **params}
        name = "openai"
    found = AGENTS.find(name)
    if not inspect.isclass(found) and name not in AGENTS:
        # A function of one's own: it is the agent, unless it has settings, which make one of it.
        return as_agent(name, found(**params) if params else found)
    check_parameters(f"agent {name!r}", found, params)
    return as_agent(name, found(**params))


def _address(name: str) -> dict[str, str]:
    """Address and model of ``endpoint:URL#model``.

    Raises:
        AgentError: If it has no address or no model.
    """
    url, _, model = name.removeprefix(ENDPOINT).partition("#")
    if not url.startswith(("http://", "https://")) or not model:
        raise AgentError(
            f"{name!r}: an endpoint is written endpoint:URL#model, such as "
            "endpoint:http://127.0.0.1:8000/v1#qwen."
        )
    return {"base_url": url, "model": model}


__all__ = [
    "AGENTS",
    "Agent",
    "AgentError",
    "OneByOne",
    "Turn",
    "View",
    "as_agent",
    "make_agent",
    "view_of",
]
