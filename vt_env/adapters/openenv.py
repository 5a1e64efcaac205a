"""The environment as an OpenEnv server: turns in, views out, an episode a session.

OpenEnv 0.10.0, https://github.com/huggingface/OpenEnv. An image travels as a ``data:`` address of a
PNG, so every pixel of it is kept. Import this module where `openenv` is installed::

    VISIONTHINK_SETTINGS='{"data": "rows.jsonl"}' python -m vt_env.adapters.openenv --port 8000
"""

from __future__ import annotations

import argparse
import copy
import functools
import html
import json
import os
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from openenv.core.env_server.http_server import create_app
from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.types import Action, EnvironmentMetadata, Observation, State
from pydantic import Field

from vt_env.adapters.chat import data_url
from vt_env.data.options import asked
from vt_env.env import VisionThinkEnv
from vt_env.episode import Episode, Message
from vt_env.errors import ConfigError
from vt_env.tasks.world import SPLITS

ENV_NAME = "visionthink"
"""Name of the environment in their routes, such as ``/visionthink/splits``."""
MAX_TASKS = 1000
"""Tasks that are listed at once; splits may have millions."""
SETTINGS = "VISIONTHINK_SETTINGS"
"""Environment variable that holds the settings of a server, as JSON."""
MAX_SESSIONS = 64
"""Episodes that are played at the same time, unless told otherwise."""
ONLY_SPLIT = "data"
"""Name of the one split of data that names none."""


class Turn(Action):
    """What the policy writes in its turn."""

    text: str = Field(description="The turn: a thought, and an answer or a call of a tool.")


class View(Observation):
    """What the policy sees, and what its last turn led to."""

    image: str = Field(description="The image last shown: a data: address of a PNG.")
    question: str = Field(description="The question, with its options where it has some.")
    feedback: str = Field(description="What the tool said after the last turn.")
    turn: int = Field(description="Turns taken so far.")
    messages: list[dict[str, Any]] = Field(
        description="What a conversation gains, in the form of Hugging Face chat templates: "
        '{"type": "image"} stands for `image`. The first view brings the system message too.'
    )
    visual_tokens: int = Field(description="Visual tokens shown so far.")
    full_tokens: int = Field(description="Visual tokens of one view at full resolution.")
    requested: bool = Field(description="Whether a further image was shown.")
    well_formed: bool = Field(description="Whether every turn so far kept the format.")
    problems: list[str] = Field(description="Names of the faults so far, in order.")
    reward_terms: dict[str, float] = Field(description="The reward by the names of its terms.")
    ending: str | None = Field(description="Why the episode is over; null while it is not.")
    answer: str | None = Field(description="The answer without its tags.")
    correct: bool | None = Field(description="At the end: the verdict; null of an abstention.")


class Place(State):
    """Which sample is being played."""

    split: str | None = None
    index: int | None = None
    sample_id: str | None = None


class SplitError(ConfigError, IndexError):
    """A split or a range of tasks that is not there; an IndexError, which their server answers."""


class Served:
    """What a server serves: each split's data, opened when it is first asked for, once for all.

    Args:
        splits: Names of the splits; None: the embedded world's, or the one that `settings` name.
        **settings: Those of `VisionThinkEnv`, without ``split``.

    Raises:
        ConfigError: If there is no split.
    """

    def __init__(self, splits: Sequence[str] | None = None, **settings: Any) -> None:
        self._named = splits is not None or settings.get("data", "world") == "world"
        self.splits = tuple(SPLITS if self._named else (ONLY_SPLIT,)) if splits is None else splits
        if isinstance(self.splits, str) or not self.splits:
            raise ConfigError(f"splits must be a list of at least one name, got {splits!r}.")
        if "split" in settings:
            raise ConfigError("A client chooses the split; name those there are in splits.")
        self._settings = settings
        self._opened: dict[str, VisionThinkEnv] = {}
        self._lock = threading.Lock()

    def env(self, split: str) -> VisionThinkEnv:
        """The environment of a split; not stepped, as sessions share it.

        Raises:
            SplitError: If there is no such split.
        """
        if split not in self.splits:
            raise SplitError(f"There is no split {split!r}; there are {', '.join(self.splits)}.")
        with self._lock:
            if split not in self._opened:
                named: dict[str, Any] = {"split": split} if self._named else {}
                self._opened[split] = VisionThinkEnv(**self._settings, **named)
            return self._opened[split]


class VisionThinkServer(Environment[Turn, View, Place]):
    """A session of the server: an episode at a time, and the tasks that there are.

    Args:
        served: What is shared by all sessions.
    """

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self, served: Served) -> None:
        super().__init__()
        self._served = served
        self._envs: dict[str, VisionThinkEnv] = {}
        self._env: VisionThinkEnv | None = None
        self._place = Place()

    def reset(
        self,
        seed: int | None = None,
        episode_id: str | None = None,
        split: str | None = None,
        index: int | None = None,
        sample_id: str | None = None,
        **unknown: Any,
    ) -> View:
        """Starts an episode.

        Args:
            seed: Seed of the generator that draws the sample; None: go on as it is.
            episode_id: What the client calls the episode.
            split: Which split; None: the first.
            index: Which sample of it.
            sample_id: Or which by its id.
            **unknown: Refused, so that a misspelt one does not mean a random sample.

        Raises:
            SplitError: If there is no such split.
            ConfigError: If there is no such sample or option.
        """
        if unknown:
            raise ConfigError(
                "reset takes seed, episode_id, split, index and sample_id; "
                f"not {', '.join(sorted(unknown))}."
            )
        split = split or self._served.splits[0]
        if split not in self._envs:
            # Its own generator and episode; the data, the judge and the words are shared.
            self._envs[split] = copy.copy(self._served.env(split))
        env = self._envs[split]
        given = {"index": index, "sample_id": sample_id}
        options = {name: value for name, value in given.items() if value is not None}
        _, info = env.reset(seed=seed, options=options)
        self._env = env
        self._place = Place(
            episode_id=episode_id, split=split, index=info["index"], sample_id=info["sample_id"]
        )
        return _view(env.episode, None, {})

    def step(self, action: Turn, timeout_s: float | None = None) -> View:  # noqa: ARG002
        """Takes the policy's turn.

        Args:
            action: What it wrote.
            timeout_s: Not heeded; a judge has its own.

        Raises:
            gymnasium.error.ResetNeeded: If no episode is under way.
        """
        env = self._env or self._served.env(self._served.splits[0])
        _, reward, _, _, info = env.step(action.text)
        self._place.step_count += 1
        return _view(env.episode, reward, info["reward_terms"])

    @property
    def state(self) -> Place:
        """Which sample is being played, and how many turns were taken."""
        return self._place

    def get_metadata(self) -> EnvironmentMetadata:
        """What their catalogue says of it."""
        return EnvironmentMetadata(
            name=ENV_NAME,
            description="Answer a question about a downscaled image, or ask for the sharp one, "
            "which is priced by its visual tokens.",
            version="0.1.0",
        )

    def render_web(self, observation: dict[str, Any]) -> str:
        """The view in their page."""
        image, question = observation.get("image", ""), observation.get("question", "")
        told = observation.get("ending") or observation.get("feedback", "")
        return (
            f'<img src="{html.escape(image)}" style="image-rendering: pixelated; width: 20em">'
            f"<p>{html.escape(question)}</p><p>{html.escape(told)}</p>"
        )

    def list_splits(self) -> list[str]:
        """Names of the splits."""
        return list(self._served.splits)

    def num_tasks(self, split: str) -> int:
        """How many samples a split has."""
        return len(self._served.env(split).dataset)

    def get_task(self, split: str, index: int) -> dict[str, Any]:
        """One sample, without its image and its answers.

        Raises:
            SplitError: If there is no such split.
            IndexError: If there is no such sample.
        """
        if not 0 <= index < self.num_tasks(split):
            raise IndexError(index)
        sample = self._served.env(split).dataset[index]
        return {
            "id": sample.sample_id,
            "split": split,
            "index": index,
            "family": sample.family,
            "question": asked(sample.question, sample.choices),
        }

    def get_task_range(
        self, split: str, start: int | None = None, stop: int | None = None
    ) -> list[dict[str, Any]]:
        """The samples of a slice.

        Raises:
            SplitError: If there is no such split, or the slice has more than `MAX_TASKS`.
        """
        wanted = range(*slice(start, stop).indices(self.num_tasks(split)))
        if len(wanted) > MAX_TASKS:
            raise SplitError(f"At most {MAX_TASKS} tasks are given at once, not {len(wanted)}.")
        return [self.get_task(split, index) for index in wanted]

    def list_tasks(self, split: str) -> list[dict[str, Any]]:
        """The first `MAX_TASKS` samples of a split."""
        return self.get_task_range(split, 0, min(MAX_TASKS, self.num_tasks(split)))


def _view(episode: Episode | None, reward: float | None, terms: Mapping[str, float]) -> View:
    assert episode is not None
    seen = episode.observation
    return View(
        done=episode.done,
        reward=reward,
        image=data_url(seen.image),
        question=seen.question,
        feedback=seen.feedback,
        turn=seen.turn,
        messages=_gained(episode.messages),
        visual_tokens=episode.visual_tokens,
        full_tokens=episode.full_tokens,
        requested=episode.requested,
        well_formed=episode.well_formed,
        problems=list(episode.problems),
        reward_terms=dict(terms),
        ending=str(episode.ending) if episode.ending else None,
        answer=episode.answer,
        correct=episode.outcome.correct if episode.done else None,
    )


def _gained(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """What was said since the policy's last turn, with a mark in each image's place."""
    roles = [message.role for message in messages]
    first = len(roles) - roles[::-1].index("assistant") if "assistant" in roles else 0
    return [
        {
            "role": message.role,
            "content": [
                {"type": "text", "text": part} if isinstance(part, str) else {"type": "image"}
                for part in message.content
            ],
        }
        for message in messages[first:]
    ]


def make_app(
    splits: Sequence[str] | None = None, *, max_sessions: int = MAX_SESSIONS, **settings: Any
) -> Any:
    """The server, a FastAPI application.

    Args:
        splits: Names of the splits that clients may choose; see `Served`.
        max_sessions: Episodes that may be played at the same time.
        **settings: Those of `VisionThinkEnv`: data, rewards, judge, ….

    Raises:
        ConfigError: If a setting cannot work. The first split is opened at once to find out.
    """
    served = Served(splits, **settings)
    served.env(served.splits[0])
    return create_app(
        functools.partial(VisionThinkServer, served),
        Turn,
        View,
        env_name=ENV_NAME,
        max_concurrent_envs=max_sessions,
        state_cls=Place,
    )


def read_settings(text: str) -> dict[str, Any]:
    """Reads what a server is told of the settings of `make_app`, in the variable `SETTINGS`.

    Args:
        text: A JSON object; empty: no setting.

    Raises:
        ConfigError: If it is no JSON object.
    """
    try:
        settings = json.loads(text or "{}")
    except json.JSONDecodeError as error:
        raise ConfigError(f"{SETTINGS} is no JSON: {error}.") from error
    if not isinstance(settings, dict):
        raise ConfigError(f"{SETTINGS} must be a JSON object of settings, got {text[:80]!r}.")
    return settings


def serve(app: Any, arguments: Sequence[str] | None = None) -> None:
    """Serves on this machine alone, unless another address is given.

    Args:
        app: What `make_app` made.
        arguments: ``--host`` and ``--port``; None: the command line's.
    """
    import uvicorn

    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", maxsplit=1)[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    told = parser.parse_args(arguments)
    uvicorn.run(app, host=told.host, port=told.port)


if __name__ == "__main__":
    serve(make_app(**read_settings(os.environ.get(SETTINGS, ""))))
