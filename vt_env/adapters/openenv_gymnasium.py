"""Any Gymnasium environment as an OpenEnv server, by its id.

OpenEnv 0.10.0 imports environments of verifiers and of the Open Reward Standard, none of
Gymnasium's. This and `gymnasium_json` beside it need nothing else of ours::

    python -m vt_env.adapters.openenv_gymnasium CartPole-v1 --port 8000
"""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import gymnasium
import numpy as np
from openenv.core.env_server.http_server import create_app
from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.types import Action, EnvironmentMetadata, Observation, State
from pydantic import Field, WithJsonSchema, create_model

from vt_env.adapters.gymnasium_json import from_json, plain, png, schema, to_json

MAX_SESSIONS = 8
"""Environments that are open at the same time, unless told otherwise."""


class GymnasiumObservation(Observation):
    """What `gymnasium.Env.reset` and `step` return."""

    value: Any = Field(description="The observation, as its space is written in JSON.")
    terminated: bool = Field(default=False, description="Whether the task ended the episode.")
    truncated: bool = Field(default=False, description="Whether a limit ended the episode.")
    info: dict[str, Any] = Field(default_factory=dict, description="The info.")
    frame: str | None = Field(
        default=None, description='What render() drew, where render_mode is "rgb_array".'
    )


def action_class(space: gymnasium.Space[Any]) -> type[Any]:
    """The OpenEnv action of an action space: ``{"value": …}``, told by the server's ``/schema``."""
    told = Annotated[Any, WithJsonSchema(schema(space))]
    made: type[Any] = create_model("GymnasiumAction", __base__=Action, value=(told, ...))
    return made


def observation_class(space: gymnasium.Space[Any]) -> type[Any]:
    """The OpenEnv observation of an observation space, told by the server's ``/schema``."""
    told = Annotated[Any, WithJsonSchema(schema(space))]
    made: type[Any] = create_model(
        "GymnasiumView", __base__=GymnasiumObservation, value=(told, ...)
    )
    return made


class GymnasiumServer(Environment[Any, GymnasiumObservation, State]):
    """A session: one Gymnasium environment, made when it is first reset.

    Args:
        make: Makes the environment.
        view: The class of its observations.
    """

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(
        self, make: Callable[[], gymnasium.Env[Any, Any]], view: type[Any] = GymnasiumObservation
    ) -> None:
        super().__init__()
        self._make, self._view = make, view
        self._env: gymnasium.Env[Any, Any] | None = None
        self._state = State()

    @property
    def _opened(self) -> gymnasium.Env[Any, Any]:
        if self._env is None:
            self._env = self._make()
        return self._env

    def reset(
        self,
        seed: int | None = None,
        episode_id: str | None = None,
        options: dict[str, Any] | None = None,
        **unknown: Any,
    ) -> Any:
        """Starts an episode.

        Args:
            seed: Handed on.
            episode_id: What the client calls the episode.
            options: Handed on.
            **unknown: Refused, so that a misspelt one is told.

        Raises:
            TypeError: If there is no such argument.
        """
        if unknown:
            raise TypeError(f"reset takes seed, episode_id and options; not {sorted(unknown)}.")
        value, info = self._opened.reset(seed=seed, options=options)
        self._state = State(episode_id=episode_id, step_count=0)
        return self._seen(value, info)

    def step(self, action: Any, timeout_s: float | None = None) -> Any:  # noqa: ARG002
        """Takes an action.

        Args:
            action: Its value as JSON.
            timeout_s: Not heeded; Gymnasium has no such limit.

        Raises:
            SpaceError: If the action space does not hold it.
            gymnasium.error.ResetNeeded: If no episode was started.
        """
        env = self._opened
        taken = from_json(env.action_space, action.value, "action.value")
        value, reward, terminated, truncated, info = env.step(taken)
        self._state.step_count += 1
        return self._seen(
            value,
            info,
            reward=float(reward),
            done=bool(terminated or truncated),
            terminated=bool(terminated),
            truncated=bool(truncated),
        )

    def _seen(self, value: Any, info: Mapping[str, Any], **led_to: Any) -> Any:
        env = self._opened
        frame = env.render() if env.render_mode == "rgb_array" else None
        return self._view(
            value=to_json(env.observation_space, value),
            info=plain(info),
            frame=png(frame) if isinstance(frame, np.ndarray) else None,
            **led_to,
        )

    @property
    def state(self) -> State:
        """The client's name of the episode, and how many actions were taken."""
        return self._state

    def get_metadata(self) -> EnvironmentMetadata:
        """What their catalogue says of it."""
        env = self._opened
        name = env.spec.id if env.spec else type(env.unwrapped).__name__
        told = (type(env.unwrapped).__doc__ or name).strip()
        return EnvironmentMetadata(name=name, description=told, version="1.0.0")

    def close(self) -> None:
        """Closes the environment, if it was made."""
        if self._env is not None:
            self._env.close()
            self._env = None


def make_app(env_id: str, *, max_sessions: int = MAX_SESSIONS, **settings: Any) -> Any:
    """The server of an environment, a FastAPI application.

    Args:
        env_id: Its id, as `gymnasium.make` takes it: ``"module:id"`` imports what registers it.
        max_sessions: Environments that may be open at the same time.
        **settings: Those of `gymnasium.make` and of its class; with ``render_mode="rgb_array"``
            observations bring a frame.

    Raises:
        gymnasium.error.Error: If there is no such environment.
    """
    make = functools.partial(gymnasium.make, env_id, **settings)
    env = make()
    acts, views = action_class(env.action_space), observation_class(env.observation_space)
    env.close()
    return create_app(
        functools.partial(GymnasiumServer, make, views),
        acts,
        views,
        env_name=env_id.rsplit(":", 1)[-1].rsplit("/", 1)[-1],
        max_concurrent_envs=max_sessions,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves an environment on this machine alone, unless another address is given."""
    import uvicorn

    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", maxsplit=1)[0])
    parser.add_argument("env_id", help="id of the environment, such as CartPole-v1")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--max-sessions", type=int, default=MAX_SESSIONS)
    parser.add_argument("--settings", type=json.loads, default={}, help="a JSON object")
    told = parser.parse_args(arguments)
    app = make_app(told.env_id, max_sessions=told.max_sessions, **told.settings)
    uvicorn.run(app, host=told.host, port=told.port)


if __name__ == "__main__":
    main()
