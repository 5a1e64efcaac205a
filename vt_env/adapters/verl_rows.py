"""Rows for verl 0.9 (`RLHFDataset`): what the policy is told first, and which sample it is.

verl reads a prompt of texts in which ``<image>`` stands for the images of a column beside it. Our
agent loop shows the policy the environment's own opening; the prompt of the row is the same one,
for verl's filter by length and for its own single-turn loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image

from vt_env.adapters.chat import png_bytes
from vt_env.adapters.conversation import Conversation
from vt_env.env import VisionThinkEnv
from vt_env.episode import Message
from vt_env.errors import ConfigError

AGENT_NAME = "visionthink"
"""Name of our agent loop, which ``agent_name`` of the rows calls."""
IMAGE_MARK = "<image>"
GROUP_ROWS = 512


def verl_rows(
    env: VisionThinkEnv, indices: Iterable[int], split: str = "train"
) -> Iterator[dict[str, Any]]:
    """Rows on samples of an environment's dataset.

    Args:
        env: Whose dataset, rules and words hold; the agent loop needs the same settings.
        indices: Which samples.
        split: What verl calls the file: ``train`` or ``test``.

    Yields:
        A row each: ``prompt`` with ``images`` (PNG, as the policy sees them first), ``agent_name``,
        ``reward_model`` and ``extra_info``, by which the loop finds the sample; for a tool of ours
        in verl's own loop, ``tools_kwargs`` says the same.

    Raises:
        ImageError: If an image cannot be read.
    """
    functions = [tool.function for tool in env.factory.config.offered]
    for index in indices:
        talk = Conversation(env, index)
        sample = talk.episode.sample
        which = {"index": index, "sample_id": sample.sample_id}
        yield {
            "data_source": env.dataset.name,
            "agent_name": AGENT_NAME,
            "prompt": [{"role": m.role, "content": _text(m)} for m in talk.opening],
            "images": [
                {"bytes": png_bytes(part)}
                for message in talk.opening
                for part in message.content
                if isinstance(part, Image.Image)
            ],
            "ability": sample.family,
            "reward_model": {"style": "rule", "ground_truth": sample.answers[0]},
            "extra_info": {
                **which,
                "split": split,
                "need_tools_kwargs": True,
                "tools_kwargs": {name: {"create_kwargs": which} for name in functions},
            },
        }


def write_verl_rows(
    env: VisionThinkEnv, path: str | Path, indices: Iterable[int], split: str = "train"
) -> int:
    """Writes a parquet file for ``data.train_files``; it appears whole or not at all.

    Args:
        env: As `verl_rows` has it.
        path: The file.
        indices: Which samples, at least one.
        split: As `verl_rows` has it.

    Returns:
        How many rows were written.

    Raises:
        ConfigError: If pyarrow is missing, or there is no sample.
        ImageError: If an image cannot be read.
    """
    try:
        import pyarrow
        from pyarrow.parquet import ParquetWriter
    except ImportError as error:
        raise ConfigError("Writing parquet needs pyarrow: pip install -e '.[data]'.") from error
    path = Path(path)
    draft, rows = path.with_name(f".{path.name}.draft"), 0
    made = verl_rows(env, indices, split)
    group = list(islice(made, GROUP_ROWS))
    if not group:
        raise ConfigError(f"{path}: there is no sample to write.")
    path.parent.mkdir(parents=True, exist_ok=True)
    schema = pyarrow.Table.from_pylist(group).schema
    try:
        with ParquetWriter(draft, schema) as writer:
            while group:
                writer.write_table(pyarrow.Table.from_pylist(group, schema=schema))
                rows += len(group)
                group = list(islice(made, GROUP_ROWS))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return rows


def _text(message: Message) -> str:
    """What a message says, its images marked; a mark in the text itself is spelled apart."""
    return "".join(
        part.replace(IMAGE_MARK, "< image >") if isinstance(part, str) else IMAGE_MARK
        for part in message.content
    )
