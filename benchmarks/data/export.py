"""``visionthink data export``: a dataset as parquet in the VisionThink schema, images inside."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.data.sources import SAMPLES, DataSource
from benchmarks.report.terminal import console, progress_bar
from benchmarks.safety.disk import drafted
from vt_env import DATASETS, ConfigError, FileImage, ImageLimits, Sample
from vt_env.data.options import asked
from vt_env.data.rows import COLUMNS
from vt_env.data.schemas import SAMPLE_META
from vt_env.images import BytesImage, ImageSource, shown_size
from vt_env.settings.fields import setting
from vt_env.settings.ranges import Numbers

GROUP_BYTES, GROUP_ROWS = 16 * 2**20, 512
"""A row group is written when it holds this many bytes of images or this many rows."""
OWN_COLUMNS = (
    *("problem", "images", "original_answer", "solution", "data_source", "doc_id", "info"),
    *("answers", SAMPLE_META),
)
"""Columns of the schema beside those of `vt_env.data.rows`."""


@dataclass(frozen=True)
class ExportSettings(DataSource):
    """What is written."""

    samples: int = setting(0, SAMPLES, Numbers(0))


def export(source: DataSource, out: Path, samples: int) -> Path:
    """Writes a dataset; the file appears whole or not at all.

    Args:
        source: The dataset.
        out: A ``.parquet`` file, or a folder, in which the file is called after the split.
        samples: At most this many samples; 0: all of a file, `WORLD_SAMPLES` of the world.

    Returns:
        The file.

    Raises:
        ConfigError: If a setting cannot work, or pyarrow is missing; names the extra.
        ImageError: If an image cannot be read.
    """
    pyarrow, parquet = _arrow()
    path = target(source, out)
    dataset = source.open()
    indices = source.indices(dataset, samples)
    with drafted(path) as draft, progress_bar() as bar:
        task = bar.add_task("samples", total=len(indices))
        rows = (to_row(dataset[index], dataset.name) for index in indices)
        with parquet.ParquetWriter(draft, _schema(pyarrow)) as writer:
            for group in row_groups(rows):
                writer.write_table(pyarrow.Table.from_pylist(group, schema=writer.schema))
                bar.advance(task, len(group))
    console.print(
        f"{path}: {len(indices)} samples, {path.stat().st_size / 1e6:.1f} MB.",
        markup=False,
        soft_wrap=True,
    )
    return path


def target(source: DataSource, out: Path) -> Path:
    """The file that is written: `out` itself, or one in the folder `out` called after the split.

    Raises:
        ConfigError: If `out` is a file that is not called ``.parquet``.
    """
    if out.suffix == ".parquet" and not out.is_dir():
        return out
    if out.is_file():
        raise ConfigError(f"{out}: is a file; choose a folder or a name that ends in .parquet.")
    split = source.data.split or ("train" if source.data.name in DATASETS else "data")
    return out / f"{split}.parquet"


def row_groups(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Gathers rows into groups that are small enough to hold in memory."""
    group: list[dict[str, Any]] = []
    held = 0
    for row in rows:
        group.append(row)
        held += len(row["images"][0]["bytes"])
        if held >= GROUP_BYTES or len(group) >= GROUP_ROWS:
            yield group
            group, held = [], 0
    if group:
        yield group


def to_row(sample: Sample, data_source: str) -> dict[str, Any]:
    """One row; `vt_env.data.rows.sample_from_row` makes the same sample of it.

    ``info`` holds the size of the low-resolution view, and in ``use_tool`` whether it is too
    small; null where that is not known or the sample lies in the margin. What JSON cannot hold in
    `Sample.meta` is written as text.

    Args:
        sample: The sample.
        data_source: Name of the dataset that it comes from.
    """
    low = shown_size(sample.image.size(), 0.5, ImageLimits())
    extra = {
        key: value for key, value in sample.meta.items() if key not in (*COLUMNS, *OWN_COLUMNS)
    }
    return {
        "id": sample.sample_id,
        "problem": f"<image>\n{asked(sample.question, sample.choices)}",
        "images": [{"bytes": encoded(sample.image), "path": None}],
        "original_answer": sample.answers[0],
        "answers": list(sample.answers) if len(sample.answers) > 1 else None,
        "solution": f"<answer>{sample.answers[0]}</answer>",
        "data_source": data_source,
        "doc_id": sample.sample_id,
        "info": {
            "tgt_width": low[0],
            "tgt_height": low[1],
            "use_tool": sample.needs_high_res,
        },
        "family": sample.family,
        "kind": sample.kind,
        "choices": list(sample.choices) if sample.choices else None,
        "tolerance": sample.tolerance,
        SAMPLE_META: json.dumps(extra, default=str) if extra else None,
    }


def encoded(image: ImageSource) -> bytes:
    """The image's own file as it is, or the pixels as PNG where there is no file.

    Raises:
        ImageError: If it cannot be read.
    """
    if isinstance(image, BytesImage):
        return image.data
    if isinstance(image, FileImage):
        image.check(decode=False)
        return image.path.read_bytes()
    buffer = io.BytesIO()
    image.load().save(buffer, format="PNG")
    return buffer.getvalue()


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ConfigError("Writing parquet needs pyarrow: pip install -e '.[data]'.") from error
    return pyarrow, pyarrow.parquet


def _schema(pa: Any) -> Any:
    text = pa.string()
    image = pa.struct([("bytes", pa.binary()), ("path", text)])
    info = pa.struct(
        [("tgt_width", pa.int32()), ("tgt_height", pa.int32()), ("use_tool", pa.bool_())]
    )
    columns = {
        "id": text,
        "problem": text,
        "images": pa.list_(image),
        "original_answer": text,
        "answers": pa.list_(text),
        "solution": text,
        "data_source": text,
        "doc_id": text,
        "info": info,
        "family": text,
        "kind": text,
        "choices": pa.list_(text),
        "tolerance": pa.float64(),
        SAMPLE_META: text,
    }
    return pa.schema(list(columns.items()))
