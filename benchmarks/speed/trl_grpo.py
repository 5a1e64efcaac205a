"""TRL's GRPOTrainer on the same task, in a process of its own, a step at a time.

`TrlSteps` starts the process; each `step` takes one optimiser step of TRL 1.16 with the env as its
`environment_factory` (`vt_env.adapters.trl`), on the samples that ours plays in that iteration.
Episodes, images, rules and rewards are ours; `benchmarks.speed.grpo` prints both. That the model
reads the same tokens as with us is checked before the first step (`benchmarks.speed.trl_setup`).
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Self

from agents.rollouts import Stopwatch
from benchmarks.speed.trl_setup import TrlError, make_trainer
from benchmarks.training.settings import TrainSettings
from judges import load_plugins
from vt_env import Episode
from vt_env.adapters.trl import TrlHome


@dataclass(frozen=True)
class Step:
    """One optimiser step of TRL.

    Attributes:
        seconds: What it took, by phase: ``iteration``, and in it ``rollout``, ``generate``,
            ``reference`` and ``learner`` (all but the rollout).
        episodes: Completions in it.
        requested: Share of them in which the image was asked for and shown.
        reward: Mean return.
        images: Images that went into the loss, the same as were shown.
        moved: Norm of the change of the weights.
    """

    seconds: dict[str, float]
    episodes: int
    requested: float
    reward: float
    images: int
    moved: float


class TrlSteps:
    """The process: built at once, then one step at a time, when it is told to."""

    def __init__(self, settings: TrainSettings, steps: int, batch: int) -> None:
        """Starts to load the model.

        Args:
            settings: Those of ours, resolved.
            steps: How many steps will be asked for.
            batch: Completions that go through TRL's model at once.
        """
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe()
        arguments = (there, settings, steps, batch)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        there.close()

    def ready(self) -> int:
        """Waits until the model is loaded; returns the threads that torch has there."""
        return int(self._heard())

    def step(self) -> Step:
        """Takes the next step.

        Raises:
            TrlError: If the process failed.
        """
        self._here.send("step")
        step: Step = self._heard()
        return step

    def _heard(self) -> Any:
        try:
            found = self._here.recv()
        except EOFError as error:
            raise TrlError("The process of TRL ended.") from error
        if isinstance(found, str):
            raise TrlError(f"TRL failed:\n{found}")
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._here.close()
        self._process.join(10)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join()


def _serve(connection: Connection, settings: TrainSettings, steps: int, batch: int) -> None:
    """What the process does: trains, each step when it is asked for."""
    try:
        load_plugins(settings.plugins)
        with tempfile.TemporaryDirectory() as folder:
            trainer, home = make_trainer(settings, steps, batch, folder)
            trainer.add_callback(_turn_taker(trainer, home, connection))
            import torch

            connection.send(torch.get_num_threads())
            trainer.train()
    except EOFError:  # no more steps are wanted
        pass
    except BaseException:
        connection.send(traceback.format_exc())
    finally:
        connection.close()


class _Watch:
    """What happens in a step of TRL's trainer."""

    def __init__(self, trainer: Any) -> None:
        import torch

        self._trainer, self._timed = trainer, Stopwatch()
        self._images = 0
        self._before = self._weights()
        self._time("_generate_and_score_completions", lambda: "prepare")
        self._time("_generate", lambda: "generate")
        self._time(
            "_get_per_token_logps_and_entropies",
            lambda: "forward" if torch.is_grad_enabled() else "reference",
        )
        trainer.model.register_forward_pre_hook(self._see, with_kwargs=True)

    def _time(self, name: str, phase: Callable[[], str]) -> None:
        method = getattr(self._trainer, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            with self._timed(phase()):
                return method(*args, **kwargs)

        setattr(self._trainer, name, timed)

    def _see(self, _model: Any, _args: Any, kwargs: dict[str, Any]) -> None:
        """Counts the images that the loss is computed on."""
        import torch

        if torch.is_grad_enabled():
            self._images += len(kwargs["image_grid_thw"])

    def _weights(self) -> Any:
        import torch

        parameters = self._trainer.model.parameters()
        return torch.cat([p.detach().flatten() for p in parameters]).clone()

    def told(self, seconds: float, played: list[Episode]) -> Step:
        """What the step was that is just over.

        Raises:
            TrlError: If it left images out, or moved nothing though there was something to learn.
        """
        phases = self._timed.take()
        rollout = phases["prepare"] - phases.get("reference", 0.0)
        times = {"rollout": rollout, "learner": seconds - rollout, "iteration": seconds}
        times |= {name: phases[name] for name in ("generate", "reference") if name in phases}
        images, self._images = self._images, 0
        shown = sum(
            sum(not isinstance(p, str) for m in e.messages for p in m.content) for e in played
        )
        if images != shown:
            raise TrlError(f"{shown} images were shown, and {images} came into TRL's loss.")
        weights = self._weights()
        moved, self._before = float((weights - self._before).norm()), weights
        rewards = [sum(episode.reward_terms.values()) for episode in played]
        each = self._trainer.num_generations
        groups = [rewards[start : start + each] for start in range(0, len(rewards), each)]
        if not moved and any(len(set(group)) > 1 for group in groups):
            raise TrlError("A step of TRL's moved no weight.")
        asked = sum(episode.requested for episode in played)
        mean = sum(rewards) / len(rewards)
        return Step(times, len(played), asked / len(played), mean, images, moved)


def _turn_taker(trainer: Any, home: TrlHome, connection: Connection) -> Any:
    """A callback that waits for the word before each step, and tells afterwards what it was."""
    from transformers import TrainerCallback

    watch = _Watch(trainer)

    class TurnTaker(TrainerCallback):  # type: ignore[misc]
        def on_step_begin(self, *_args: Any, **_kwargs: Any) -> None:
            connection.recv()
            self.start = time.perf_counter()

        def on_step_end(self, *_args: Any, **_kwargs: Any) -> None:
            seconds = time.perf_counter() - self.start
            connection.send(watch.told(seconds, home.last))

    return TurnTaker()
