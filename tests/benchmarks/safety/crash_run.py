"""A fine-tuning that says, as it goes, what it has promised to keep; then more iterations of it."""

import os
import shutil
import sys
from pathlib import Path

from benchmarks.training.run import Hooks, resume, train
from benchmarks.training.settings import SFTSettings
from benchmarks.training.sft import BY_SFT
from tests.benchmarks.safety.disk import ACKNOWLEDGED
from vt_env.settings.tree import build

SETTINGS = {
    "engine.backend": "transformers",
    "run.iterations": 2,
    "run.checkpoint_every": 1,
    "run.keep_checkpoints": 2,
    "run.threads": 1,
    "sft.batch_size": 2,
    "evaluation.samples": 2,
    "evaluation.every": 2,  # the first checkpoint makes its folder itself
    "evaluation.slice": 2,
}
MORE, BETTER = 4, 5


def tell(iteration: int, _metrics: object) -> None:
    """Writes down what is promised, among the steps."""
    descriptor = os.open(os.environ["DISK_LOG"], os.O_WRONLY | os.O_APPEND)
    os.write(descriptor, f"{ACKNOWLEDGED}\t{iteration}\t0\t\t\n".encode())
    os.close(descriptor)


if __name__ == "__main__":
    folder = train(build(SFTSettings, SETTINGS), Path(sys.argv[1]), "run", Hooks(tell=tell), BY_SFT)
    resume(folder.path, Hooks(tell=tell), BY_SFT, {"run.iterations": MORE})
    # A better model takes the place of the best, whether or not training came to one.
    folder.save_best(
        lambda draft: shutil.copytree(folder.path / "model", draft, dirs_exist_ok=True), BETTER, {}
    )
