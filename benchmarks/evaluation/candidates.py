"""Who is evaluated: a checkpoint behind an engine, or any agent; both play samples in ways."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from agents import AGENTS, Agent, Trajectory, Way, make_agent, most_images
from agents.engine import EngineSettings
from agents.policies import ENDPOINT
from agents.policies.play import play_agent
from benchmarks.evaluation.play import Batch, OpenSettings, Player
from vt_env import ConfigError, EpisodeFactory, VisionThinkEnv
from vt_env.settings.fields import check_fields, setting

POLICY = "vlm"
"""The agent that is the model of the settings, played by its engine token for token."""
ENGINE_BATCH, AGENT_BATCH = 200, 50
"""Episodes played at once by an engine, and by an agent: what a kill costs at most."""


@dataclass(frozen=True)
class AgentSettings:
    """Who acts."""

    name: str = setting(
        POLICY,
        "Who acts: vlm (the --model), random, always_answer, always_request, oracle, threshold, "
        "cascade, openai, human, module:Class, or endpoint:URL#model.",
    )
    params: Mapping[str, Any] = setting({}, "The agent's own settings, by name.")

    def __post_init__(self) -> None:
        check_fields(self)
        if any("key" in name for name in self.params):
            raise ConfigError(
                "Settings are saved, so no key may be among them: put it into the environment, as "
                "OPENAI_API_KEY."
            )


class Candidate(Protocol):
    """Plays samples once in a way."""

    @property
    def name(self) -> str:
        """Who it is."""
        ...

    @property
    def batch(self) -> int:
        """Samples that are played at once."""
        ...

    @property
    def has_baselines(self) -> bool:
        """Whether it makes sense to force its decision."""
        ...

    def factory(self, way: Way | None) -> EpisodeFactory:
        """What makes the episodes that are played in a way."""
        ...

    def play(self, batch: Batch, way: Way | None) -> list[Trajectory]:
        """One trajectory a sample, in order; None: the decision is its own."""
        ...

    def told(self) -> dict[str, float]:
        """What it has to say of itself, by name."""
        ...


@dataclass(frozen=True)
class EngineCandidate:
    """A checkpoint: forced decisions begin its turns for it, token by token."""

    name: str
    player: Player
    temperature: float
    batch: int = ENGINE_BATCH
    has_baselines: bool = True

    def factory(self, way: Way | None) -> EpisodeFactory:
        """The environment's, whatever is forced."""
        factory = self.player.env.factory
        if self.player.backend.encoder.opens_thought:
            factory = replace(factory, template=factory.template.opened())
        return factory.at_full() if way == "vanilla" else factory

    def play(self, batch: Batch, way: Way | None) -> list[Trajectory]:
        """Its own decisions at the temperature that was asked for, forced ones greedily."""
        return self.player.once(batch, 0.0 if way else self.temperature, way)

    def told(self) -> dict[str, float]:
        """Nothing."""
        return {}


@dataclass
class AgentCandidate:
    """An agent: forced decisions are text of the protocol, or rules without tools."""

    name: str
    agent: Agent
    env: VisionThinkEnv
    seed: int
    batch: int = AGENT_BATCH

    @property
    def has_baselines(self) -> bool:
        """As the agent says."""
        return self.agent.has_baselines

    def factory(self, way: Way | None) -> EpisodeFactory:
        """The environment's; where it is to answer at once, there are no tools."""
        factory = self.env.factory
        if self.agent.opens_thought:
            factory = replace(factory, template=factory.template.opened())
        if way in ("answer", "vanilla"):
            factory = replace(factory, config=replace(factory.config, tools=()))
        return factory.at_full() if way == "vanilla" else factory

    def play(self, batch: Batch, way: Way | None) -> list[Trajectory]:
        """Plays each sample once."""
        return self.play_on(self.factory(way), batch.indices, way)

    def play_on(
        self, factory: EpisodeFactory, indices: Sequence[int], way: Way | None = None
    ) -> list[Trajectory]:
        """Plays samples of any dataset."""
        episodes = [factory.episode(index) for index in indices]
        seeds = [sample_seed(self.seed, index) for index in indices]
        forced = "answer" if way == "vanilla" else way
        played = play_agent(self.agent, episodes, self.env.judge, seeds, forced, self.name)
        return [replace(t, index=index) for t, index in zip(played, indices, strict=True)]

    def told(self) -> dict[str, float]:
        """What the agent says."""
        return self.agent.told()


def sample_seed(seed: int, index: int) -> int:
    """The seed that an agent plays a sample with, whatever is played beside it."""
    return int(np.random.SeedSequence([seed, index]).generate_state(1)[0])


@contextmanager
def candidate(
    settings: OpenSettings,
    env: VisionThinkEnv,
    agent: AgentSettings,
    seed: int,
    temperature: float,
) -> Iterator[EngineCandidate | AgentCandidate]:
    """Makes who is to be evaluated, and closes it afterwards.

    Args:
        settings: Model, engine and data.
        env: What is played.
        agent: Who.
        seed: Seed of its draws.
        temperature: Sampling temperature of the model.

    Raises:
        ConfigError: If the model is to play and there is none.
    """
    if agent.name == POLICY and not settings.has_policy:
        raise ConfigError("--model none leaves no one to play: name an --agent, or a model.")
    if agent.name == POLICY and not agent.params:
        used = settings.known()
        with settings.player(used, env, seed) as player:
            yield EngineCandidate(agent.name, player, temperature)
        return
    engine = settings.engine if settings.has_policy else None
    made = agent_of(agent, engine, most_images(env.factory.config))
    try:
        yield AgentCandidate(agent.name, made, env, seed)
    finally:
        made.close()


def agent_of(agent: AgentSettings, engine: EngineSettings | None, images: int) -> Agent:
    """Makes an agent; one with an engine has that of the settings, unless it has its own.

    Args:
        agent: Who.
        engine: Settings of model and engine; None: there are none to give.
        images: Most images that a conversation will hold.

    Raises:
        AgentError: If it cannot be made.
    """
    own: dict[str, Any] = {}
    if engine is not None and not agent.name.startswith(ENDPOINT):
        taken = inspect.signature(AGENTS.find(agent.name)).parameters
        own = {"engine": engine, "max_images": images}
        own = {name: own[name] for name in own if name in taken and name not in agent.params}
    return make_agent(agent.name, **own, **agent.params)
