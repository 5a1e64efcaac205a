"""A training of ours and one of TRL's, each until the bar or the last iteration."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

from agents import Pass, Trajectory, make_backend
from agents.rollouts import play_passes
from benchmarks.parity.points import Point
from benchmarks.speed.trl_setup import make_trainer
from benchmarks.training.grpo import build_config, ray_session
from benchmarks.training.held_out import HeldOut, Slice
from benchmarks.training.run import check_data
from benchmarks.training.settings import TrainSettings
from vt_env import ConfigError, open_env

Tell = Callable[[Point], object]
"""Is told of every point when it is measured."""


class _Clock:
    """Seconds of training; evaluations are left out."""

    def __init__(self) -> None:
        self.seconds = self._since = 0.0

    def go(self) -> None:
        self._since = time.perf_counter()

    def stop(self) -> None:
        self.seconds += time.perf_counter() - self._since


def _slice(settings: TrainSettings) -> Slice:
    held_out = check_data(settings).held_out
    if held_out is None:
        raise ConfigError("evaluation.every must be at least 1: the bar is looked for there.")
    return held_out


def _due(settings: TrainSettings, iteration: int) -> bool:
    return iteration % settings.evaluation.every == 0 or iteration == settings.run.iterations


def ours(settings: TrainSettings, tell: Tell) -> list[Point]:
    """Trains with our GRPO.

    Args:
        settings: Resolved; `run.iterations` is the limit, and where the schedule ends.
        tell: Is told of every point.
    """
    held_out, points, clock = _slice(settings), list[Point](), _Clock()
    length = settings.known().max_new_tokens
    with ray_session(settings):
        algorithm = build_config(settings, settings.train_env()).build_algo()
        try:
            watch = HeldOut(algorithm, held_out, length)
            points.append(Point.of(0, 0.0, watch.measure()))
            tell(points[-1])
            for iteration in range(1, settings.run.iterations + 1):
                clock.go()
                algorithm.train()
                clock.stop()
                if _due(settings, iteration):
                    points.append(Point.of(iteration, clock.seconds, watch.measure()))
                    tell(points[-1])
                    if points[-1].at_the_bar:
                        break
        finally:
            algorithm.stop()
    return points


class _Played:
    """A model that another trainer trains, played on held-out samples by our own engine."""

    kept = ()

    def __init__(
        self, settings: TrainSettings, held_out: Slice, weights: Callable[[], Any]
    ) -> None:
        self._weights = weights
        self._env = open_env(settings.env.id, **held_out.env)
        self._backend = make_backend(
            "transformers",
            settings.engine.model_dir,
            max_model_len=settings.known().max_model_len,
        )

    def play_fixed(
        self, _env: dict[str, Any], indices: Sequence[int], passes: Sequence[Pass]
    ) -> list[list[Trajectory]]:
        """As `GRPO.play_fixed`, with the weights as they are."""
        self._backend.load_weights(self._weights())
        return play_passes(self._backend, self._env.factory, self._env.judge, indices, passes)

    def refresh_engines(self) -> None:
        """Nothing is kept of what was played."""


def theirs(settings: TrainSettings, batch: int, tell: Tell) -> list[Point]:
    """Trains with TRL's `GRPOTrainer`, in this process.

    Args:
        settings: As for `ours`.
        batch: Completions that go through TRL's model at once.
        tell: Is told of every point.

    Raises:
        TrlError: If TRL's model would read other tokens than ours.
    """
    held_out, points, clock = _slice(settings), list[Point](), _Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer, _ = make_trainer(
            settings, settings.run.iterations, batch, folder, settings.grpo.lr_scheduler_type
        )
        from transformers import TrainerCallback

        played = _Played(settings, held_out, trainer.model.state_dict)
        watch = HeldOut(played, held_out, settings.known().max_new_tokens)  # type: ignore[arg-type]

        class Evaluation(TrainerCallback):  # type: ignore[misc]
            def on_step_begin(self, *_args: Any, **_kwargs: Any) -> None:
                clock.go()

            def on_step_end(self, _args: Any, state: Any, control: Any, **_kwargs: Any) -> None:
                clock.stop()
                if _due(settings, state.global_step):
                    points.append(Point.of(state.global_step, clock.seconds, watch.measure()))
                    tell(points[-1])
                    control.should_training_stop |= points[-1].at_the_bar

        points.append(Point.of(0, 0.0, watch.measure()))
        tell(points[-1])
        trainer.add_callback(Evaluation())
        trainer.train()
    return points
