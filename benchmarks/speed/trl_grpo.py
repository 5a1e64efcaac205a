"""TRL's GRPOTrainer on the same task, in a process of its own, a step at a time.

`TrlSteps` starts the process; each `step` takes one optimiser step of TRL 1.16 with its
`environment_factory`, on the samples that ours plays in that iteration. The episodes, their images,
their rules and their rewards are ours: what the model wrote is played again, turn by turn, by
`vt_env.Episode`, and the sum of its terms is the reward. `benchmarks.speed.grpo` prints both.

What TRL needs for this family of models: a chat template that renders tool calls, a way to read
them back (`response_template`), padding on the left, and our system text in the rows of the
dataset. That the model reads the same tokens as with us is checked before the first step.
"""

from __future__ import annotations

import importlib.util
import math
import multiprocessing
import os
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Self

from agents import ChatEncoder, load_model, prepare_imports
from agents.grpo.freezing import freeze
from agents.models import load_tokenizer
from agents.rollouts import Stopwatch, prompt_indices
from benchmarks.speed.trl_world import (
    Tools,
    TrlError,
    World,
    check_tokens,
    make_processor,
)
from benchmarks.training.settings import TrainSettings
from judges import load_plugins
from vt_env import Episode, open_env

NEEDED = ("trl", "accelerate")
MISSING = "TRL is not measured: pip install -e '.[bench]' brings trl and accelerate."
SAME = (
    "Same for both: checkpoint, samples, episodes and rewards, prompt tokens, group size, "
    "completions a step, frozen parameters, learning rate, AdamW, weight decay, gradient clip, "
    "dapo loss and its clip range, beta and k3, temperature, new tokens a turn, float32, threads."
)
DIFFERENT = (
    "Not the same: TRL generates with transformers' generate, all episodes at once (it supports "
    "vLLM up to 0.31, and does not start the 0.32 of the extra cpu), draws all tokens but the "
    "image pad (ours bans five more) and needs no correction for an engine of its own; its rows "
    "are padded episodes, and the reference's log-probs a pass of their own over them."
)


def installed() -> bool:
    """Whether TRL can be measured here."""
    return all(importlib.util.find_spec(name) is not None for name in NEEDED)


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
            trainer = _trainer(settings, steps, batch, folder, connection)
            import torch

            connection.send(torch.get_num_threads())
            trainer.train()
    except EOFError:  # no more steps are wanted
        pass
    except BaseException:
        connection.send(traceback.format_exc())
    finally:
        connection.close()


def _trainer(
    settings: TrainSettings, steps: int, batch: int, folder: str, connection: Connection
) -> Any:
    prepare_imports()
    os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl import GRPOTrainer

    processor = make_processor(settings.engine.model_dir)
    env = open_env(settings.env.id, **settings.train_env())
    world = World(env, ChatEncoder(load_tokenizer(settings.engine.model_dir)))
    grpo, size = settings.grpo, len(env.factory.dataset)
    order = prompt_indices(size, settings.run.seed, 0, grpo.num_prompts * steps)
    opening = [
        {"role": m.role, "content": m.content[0]} for m in world.episode(order[0]).messages[:-1]
    ]
    opening.append({"role": "user", "content": ""})
    check_tokens(processor, world, opening, order[0])

    def visionthink(completion_ids: Any, index: Any, **_others: Any) -> list[float]:
        return world.rewards(index, completion_ids)

    model = load_model(settings.engine.model_dir, grpo.dtype)
    freeze(model, grpo.freeze)
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=visionthink,
        args=_arguments(settings, world, steps, batch, folder),
        train_dataset=Dataset.from_list([{"prompt": opening, "index": i} for i in order]),
        processing_class=processor,
        environment_factory=lambda: Tools(world),
    )
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(_turn_taker(trainer, world, connection))
    return trainer


def _arguments(settings: TrainSettings, world: World, steps: int, batch: int, folder: str) -> Any:
    """TRL's settings, by ours; all completions of a step are generated at once."""
    from trl import GRPOConfig

    grpo, engine = settings.grpo, settings.engine
    completions = grpo.num_prompts * grpo.num_generations
    batch = math.gcd(batch, completions)
    return GRPOConfig(
        output_dir=folder,
        use_cpu=True,
        bf16=False,
        fp16=False,
        gradient_checkpointing=False,
        report_to=[],
        disable_tqdm=True,
        logging_strategy="no",
        save_strategy="no",
        max_steps=steps,
        seed=settings.run.seed,
        shuffle_dataset=False,
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=completions // batch,
        num_generations=grpo.num_generations,
        learning_rate=grpo.lr,
        lr_scheduler_type="constant",
        weight_decay=grpo.weight_decay,
        max_grad_norm=grpo.grad_clip or 0.0,
        beta=grpo.beta,
        use_bias_correction_kl=False,
        epsilon=grpo.epsilon,
        epsilon_high=grpo.epsilon_high,
        loss_type=grpo.loss_type,
        scale_rewards=grpo.scale_rewards,
        temperature=grpo.temperature,
        # A turn has as many tokens as with us; the conversation, all it may have.
        generation_kwargs={"max_new_tokens": engine.max_new_tokens},
        max_completion_length=engine.max_model_len,
        max_tool_calling_iterations=world.factory.config.max_turns - 1,
    )


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


def _turn_taker(trainer: Any, world: World, connection: Connection) -> Any:
    """A callback that waits for the word before each step, and tells afterwards what it was."""
    from transformers import TrainerCallback

    watch = _Watch(trainer)

    class TurnTaker(TrainerCallback):  # type: ignore[misc]
        def on_step_begin(self, *_args: Any, **_kwargs: Any) -> None:
            connection.recv()
            self.start = time.perf_counter()

        def on_step_end(self, *_args: Any, **_kwargs: Any) -> None:
            seconds = time.perf_counter() - self.start
            played, world.played = world.played, []
            connection.send(watch.told(seconds, played))

    return TurnTaker()
