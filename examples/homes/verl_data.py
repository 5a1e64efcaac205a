"""What verl 0.9 needs to train on the environment: rows, and the file that names our agent loop.

    python examples/homes/verl_data.py --out runs/verl

It needs no verl. The last lines say what to give verl's trainer.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from vt_env.adapters.shared import shared_env
from vt_env.adapters.verl_rows import write_verl_rows

LOOP = "vt_env.adapters.verl.VisionThinkAgentLoop"


def main(out: Path, samples: int = 64, checkpoint: str | None = None) -> Path:
    """Writes ``train.parquet``, ``test.parquet`` and ``agent_loops.yaml``; returns the last."""
    settings = {"data": "world", "split": "train"}
    if checkpoint is not None:
        settings["checkpoint"] = checkpoint
    for split in ("test", "train"):
        env = shared_env(settings | {"split": split})
        rows = write_verl_rows(env, out / f"{split}.parquet", range(samples), split)
        print(f"{out / split}.parquet: {rows} rows")
    loops = out / "agent_loops.yaml"
    loops.write_text(  # JSON is YAML
        json.dumps([{"name": "visionthink", "_target_": LOOP, "env": settings}], indent=1) + "\n",
        encoding="utf-8",
    )
    print(f"data.train_files={out}/train.parquet")
    print(f"actor_rollout_ref.rollout.agent.agent_loop_config_path={loops}")
    print("actor_rollout_ref.rollout.response_length=…  # two turns and the sharp image")
    return loops


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/verl"))
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--checkpoint", help="the policy's directory; its limits of images hold")
    told = parser.parse_args()
    main(told.out, told.samples, told.checkpoint)
