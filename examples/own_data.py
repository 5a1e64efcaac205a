"""Data of one's own: a JSONL file of images and questions, checked whole before use.

    python examples/own_data.py                  # writes a small set and looks at it
    python examples/own_data.py samples.jsonl    # looks at yours

A line is {"image": path, "question": …, "answer": …}; see docs/environment.md for the rest.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from PIL import Image

import vt_env
from vt_env import DatasetError


def write_some(folder: Path) -> Path:
    """Writes two good rows and one bad one."""
    Image.new("RGB", (640, 480), "tomato").save(folder / "red.jpg")
    rows = [
        {"image": "red.jpg", "question": "What color is it?", "answer": ["red", "tomato"]},
        {"image": "red.jpg", "question": "Is it blue?", "answer": "no", "kind": "yes_no"},
        {"image": "lost.jpg", "question": "What is it?", "answer": "nobody knows"},
    ]
    path = folder / "samples.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def look(path: Path) -> int:
    """Prints what every sample costs; returns how many bad rows there are."""
    try:
        env = vt_env.VisionThinkEnv(path, prompt="agent")
    except DatasetError as error:
        print(error)
        return len(error.errors)
    for index in range(len(env.dataset)):
        observation, info = env.reset(options={"index": index})
        print(
            f"{info['sample_id']:<8} {observation['question'][:40]:<40} "
            f"{info['visual_tokens']:>5} of {info['full_tokens']} visual tokens"
        )
    return 0


def main(argv: list[str]) -> int:
    """Looks at a file, or at one with a bad row and then without it."""
    if argv:
        return look(Path(argv[0]))
    with tempfile.TemporaryDirectory() as name:
        path = write_some(Path(name))
        bad = look(path)
        good = path.read_text(encoding="utf-8").splitlines()[:2]
        path.write_text("\n".join(good), encoding="utf-8")
        look(path)
    return bad


if __name__ == "__main__":
    main(sys.argv[1:])
