"""TRL's GRPOTrainer on VisionThink: the embedded model, on a CPU, a few steps.

    python -m examples.homes.trl --steps 8

Run it as a module: as a script, Python would take this very file for the package ``trl``.
"""

from __future__ import annotations

import argparse
import tempfile

from agents import CHECKPOINT, load_model, prepare_imports
from vt_env import open_env
from vt_env.adapters.trl import TrlHome, fit_processor


def main(steps: int = 8, prompts: int = 4, group: int = 4) -> list[float]:
    """Trains; returns the mean reward of each step."""
    prepare_imports()  # beside a CPU torch, before transformers is imported
    from datasets import Dataset
    from transformers import AutoProcessor
    from trl import GRPOConfig, GRPOTrainer

    processor = fit_processor(AutoProcessor.from_pretrained(CHECKPOINT))
    home = TrlHome(open_env(checkpoint=CHECKPOINT, split="train"), processor, shaper="paper")
    rows = Dataset.from_list(home.rows(range(prompts * steps)))
    with tempfile.TemporaryDirectory() as folder:
        arguments = GRPOConfig(
            output_dir=folder,
            max_steps=steps,
            num_generations=group,
            per_device_train_batch_size=prompts * group,
            learning_rate=1e-4,
            generation_kwargs={"max_new_tokens": 16},  # of a turn
            max_completion_length=256,  # of a conversation after its opening, images included
            max_tool_calling_iterations=home.env.factory.config.max_turns - 1,
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
        )
        model = load_model(CHECKPOINT)
        trainer = GRPOTrainer(model, args=arguments, **home.parts(rows, group))
        trainer.train()
    rewards = []
    for log in trainer.state.log_history:
        if "reward" in log:
            rewards.append(float(log["reward"]))
            asked = log["visionthink/requested"]
            print(f"step {len(rewards)}: mean reward {rewards[-1]:.3f}, asks {asked:.0%}")
    return rewards


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="TRL's GRPOTrainer on VisionThink.")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--prompts", type=int, default=4, help="Prompts a step.")
    parser.add_argument("--group", type=int, default=4, help="Episodes a prompt.")
    options = parser.parse_args()
    main(options.steps, options.prompts, options.group)
