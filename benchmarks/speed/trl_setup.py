"""TRL's `GRPOTrainer` by the settings of ours, on `vt_env.adapters.trl`."""

from __future__ import annotations

import importlib.util
import math
import os
from typing import Any

from agents import ChatEncoder, load_model, prepare_imports
from agents.grpo.freezing import freeze
from agents.models import load_tokenizer
from agents.rollouts import prompt_indices
from benchmarks.training.settings import TrainSettings
from vt_env import VisionThinkError, open_env
from vt_env.adapters.trl import TrlHome, fit_processor

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


class TrlError(VisionThinkError):
    """TRL's process failed, or does not train on what ours does."""


def installed() -> bool:
    """Whether TRL can be measured here."""
    return all(importlib.util.find_spec(name) is not None for name in NEEDED)


def make_trainer(
    settings: TrainSettings, steps: int, batch: int, folder: str, schedule: str = "constant"
) -> tuple[Any, TrlHome]:
    """The trainer, and what it plays.

    Args:
        settings: Those of ours, resolved.
        steps: Optimiser steps of the whole training.
        batch: Completions that go through TRL's model at once.
        folder: Where TRL may write.
        schedule: How the learning rate goes, as ``grpo.lr_scheduler_type``.

    Raises:
        TrlError: If TRL's model would read other tokens than ours.
    """
    prepare_imports()
    os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"
    from datasets import Dataset
    from transformers import AutoProcessor, PrinterCallback
    from trl import GRPOTrainer

    engine, grpo = settings.engine, settings.grpo
    processor = fit_processor(AutoProcessor.from_pretrained(engine.model_dir))
    env = open_env(settings.env.id, **settings.train_env())
    home = TrlHome(env, processor, shaper=grpo.shaper, shaper_params=grpo.shaper_params)
    order = prompt_indices(len(env.dataset), settings.run.seed, 0, grpo.num_prompts * steps)
    rows = home.rows(order)
    check_tokens(home, ChatEncoder(load_tokenizer(engine.model_dir)), rows[0])
    model = load_model(engine.model_dir, grpo.dtype)
    freeze(model, grpo.freeze)
    trainer = GRPOTrainer(
        model=model,
        args=_arguments(settings, home, steps, batch, folder, schedule),
        **home.parts(Dataset.from_list(rows), grpo.num_generations),
    )
    trainer.remove_callback(PrinterCallback)
    return trainer, home


def _arguments(
    settings: TrainSettings, home: TrlHome, steps: int, batch: int, folder: str, schedule: str
) -> Any:
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
        lr_scheduler_type=schedule,
        warmup_steps=grpo.warmup_steps,
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
        max_tool_calling_iterations=home.env.factory.config.max_turns - 1,
    )


def check_tokens(home: TrlHome, encoder: ChatEncoder, row: dict[str, Any]) -> None:
    """Compares what the model reads, of an episode with a request, with what it reads with us.

    Args:
        home: TRL's side.
        encoder: Ours.
        row: A row of the dataset, to whose last message the episode adds its own.

    Raises:
        TrlError: If the tokens differ.
    """
    episode = home.fresh(row["index"])
    ours = encoder.opening(episode.messages)
    first = {"role": "user", "content": home.blocks(episode.messages[-1])}
    request = episode.forced_request or ""
    episode.step(request)
    ours += [*encoder.encode(request), encoder.eos, *encoder.continuation(episode.messages[-1])]
    said = {"role": "assistant", "content": [{"type": "text", "text": request}]}
    tool = {"role": "tool", "name": "tool", "content": home.blocks(episode.messages[-1])}
    (theirs,) = home.processor.apply_chat_template(
        [*row["prompt"][:-1], first, said, tool],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=False,
    )
    pad = encoder.image_pad
    once = [t for n, t in enumerate(theirs) if t != pad or n == 0 or theirs[n - 1] != pad]
    if once != ours or theirs.count(pad) != episode.visual_tokens:
        raise TrlError("TRL's prompt has other tokens than ours; its template fits Qwen2.5-VL.")
