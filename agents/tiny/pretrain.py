"""Trains the tiny model from scratch, in two stages: tower, dialogues.

    visionthink pretrain --out checkpoint

The vision tower learns to read pages and scenes; dialogues teach the language model to use what it
sees, and the protocol: answer, or ask for the sharp image and then answer, by a coin. Throw-away
heads keep asking what each visual token holds and where the evidence lies.

Every step's data hang on seed, stage, step and shard alone, and the state is saved now and then: a
run that was killed goes on where it was, to the same weights.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from agents.tiny.learner import TOWER, Learner
from agents.tiny.model import save_checkpoint, save_processor
from agents.tiny.optimizer import MuonAdamW
from agents.tiny.recipe import STAGES, PretrainConfig
from agents.tiny.shards import Shards
from agents.tiny.state import load_state, save_state
from agents.tiny.tokenizer import build_tokenizer
from vt_env import ConfigError

STATE = "state.safetensors"
"""File in the checkpoint's directory from which a killed run goes on; removed at the end."""
RECORD = "pretraining.json"
"""File that says how a finished model came about."""
LEAST_RATE = 0.05
"""Share of the peak rate that each stage ends with."""
Progress = Callable[[str, int, int, float], None]
"""Called after each step with the stage, steps done, steps in all, and the loss."""


class Pretrainer:
    """Holds the learner, the optimizer and the place in the recipe; `run` trains and saves.

    Args:
        config: The recipe.
        out: Directory of the checkpoint; its processor files are written at once.
        resume: Whether to go on from the state that a killed run left in `out`.

    Raises:
        ConfigError: If `out` holds a finished model, there is a state and `resume` is False, there
            is none and `resume` is True, or the state is another recipe's.
    """

    def __init__(self, config: PretrainConfig, out: Path, resume: bool = False) -> None:
        self.config, self.out = config, out
        state = out / STATE
        if state.exists() != resume:
            raise ConfigError(
                f"{state} is an unfinished run: go on with --resume, or remove it."
                if state.exists()
                else f"There is no unfinished run in {out} to resume."
            )
        if (out / RECORD).exists():
            raise ConfigError(f"{out} holds a finished model; choose another directory.")
        save_processor(config.architecture, out)
        self.tokenizer = build_tokenizer()
        self.learner = Learner(config, self.tokenizer, out)
        self.curve: list[dict[str, Any]] = []
        self._seconds = 0.0
        self._place = (0, 0)  # stage and step that are done
        self._optimizer: MuonAdamW | None = None
        save_checkpoint(self.learner.model, self.tokenizer, out)
        if resume:
            self._load_state()

    def run(self, progress: Progress) -> None:
        """Trains both stages, saving the state now and then, and the checkpoint at the end.

        Raises:
            ShardError: If one of the run's processes ended.
        """
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # each shard is a process of its own
        shards = Shards(self.learner, self.out)
        try:
            self._run(shards, progress)
        finally:
            shards.close()
            torch.set_num_threads(threads)

    def _run(self, shards: Shards, progress: Progress) -> None:
        started = time.monotonic() - self._seconds
        for number in range(self._place[0], len(STAGES)):
            stage, steps = STAGES[number], self.config.steps(number)
            for step, loss in self._stage(shards, number):
                self._seconds = time.monotonic() - started
                if step % 20 == 0 or step == steps:
                    row = {"stage": stage, "step": step, "loss": round(loss, 5)}
                    self.curve.append(row | {"seconds": round(self._seconds, 1)})
                self._place = (number, step)
                if step % self.config.save_every == 0:
                    self._save_state()
                progress(stage, step, steps, loss)
            self._place, self._optimizer = (number + 1, 0), None
            self._save_state()
            save_checkpoint(self.learner.model, self.tokenizer, self.out)
        self._write_recipe()
        (self.out / STATE).unlink()

    def _stage(self, shards: Shards, number: int) -> Iterator[tuple[int, float]]:
        """Trains one stage from where it was left; yields each step and its mean loss."""
        lr, steps = self.config.peak_rate(number), self.config.steps(number)
        if self._optimizer is None:
            self._optimizer = self._make_optimizer(number)
        for step in range(self._place[1] + 1, steps + 1):
            # Linear warm-up, linear decay.
            warm = min(1.0, step / max(1, self.config.warmup))
            self._optimizer.set_rate(lr * warm * max(LEAST_RATE, 1 - step / (steps + 1)))
            self._optimizer.zero_grad()
            loss = shards.backward(number, step)
            torch.nn.utils.clip_grad_norm_(self._optimizer.parameters, 1.0)
            self._optimizer.step()
            yield step, loss

    def _make_optimizer(self, stage: int) -> MuonAdamW:
        paces = {TOWER: self.config.tower_pace} if stage else {}
        return MuonAdamW(self.learner.trained(stage), paces)

    def _save_state(self) -> None:
        parts = {
            "model": self.learner.model.state_dict(),
            "probes": self.learner.probes.state_dict(),
            "optimizer": self._optimizer.tensors() if self._optimizer else {},
        }
        about = {
            "recipe": asdict(self.config),
            "place": self._place,
            "curve": self.curve,
            "seconds": self._seconds,
        }
        save_state(self.out / STATE, parts, about)

    def _load_state(self) -> None:
        parts, about = load_state(self.out / STATE)
        mine = asdict(self.config)
        changed = [name for name in mine if about["recipe"].get(name) != mine[name]]
        if changed:
            raise ConfigError(
                f"{self.out / STATE} was made with another {', '.join(changed)}; "
                f"resume with the same settings."
            )
        self.learner.model.load_state_dict(parts["model"])
        self.learner.probes.load_state_dict(parts["probes"])
        self.curve, self._seconds = about["curve"], about["seconds"]
        self._place = (about["place"][0], about["place"][1])
        if self._place[1]:
            self._optimizer = self._make_optimizer(self._place[0])
            self._optimizer.restore(parts["optimizer"])

    def _write_recipe(self) -> None:
        record = {
            "model": asdict(self.learner.size),
            "recipe": asdict(self.config),
            "curve": self.curve,
        }
        path = self.out / RECORD
        path.write_text(json.dumps(record) + "\n", encoding="utf-8")
