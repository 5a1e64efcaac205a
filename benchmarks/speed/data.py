"""What a dataset costs that is as large as people's are.

    python -m benchmarks.speed.data                    # a million rows: about three minutes
    python -m benchmarks.speed.data --rows 100000

Writes the same rows, with images by reference, as JSONL and as parquet, and loads each file and one
of a hundredth of its rows in a fresh process. Prints, with the bound that each is held to:

- memory: bytes of the process's own memory for each further row (a memory-mapped file is not its
  own: the system drops its pages when it likes);
- loading: time a row of the whole file, divided by time a row of the hundredth;
- reading: time to read a random row of the whole file, divided by that of the hundredth.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.speed.env import Figure
from vt_env import load_dataset

IMAGES = 8
CHUNK = 10_000
SMALL = 100
"""The small file has so many times fewer rows."""


@dataclass(frozen=True)
class Cost:
    """What loading a file took.

    Attributes:
        rows: Rows of the file.
        own_bytes: Growth of the process's own memory, in bytes.
        load_seconds: Time that loading took.
        read_seconds: Time that reading one random row took.
    """

    rows: int
    own_bytes: int
    load_seconds: float
    read_seconds: float


def row(number: int) -> dict[str, str]:
    return {
        "id": f"row-{number}",
        "image": f"{number % IMAGES}.png",
        "question": f"What number comes after {number}?",
        "answer": str(number + 1),
    }


def write_images(folder: Path) -> None:
    for number in range(IMAGES):
        noise = np.random.default_rng(number).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.png")


def write_jsonl(folder: Path, rows: int) -> Path:
    path = folder / f"{rows}.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            file.write(json.dumps(row(number)) + "\n")
    return path


def write_parquet(folder: Path, rows: int) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / f"{rows}.parquet"
    with pq.ParquetWriter(path, pa.schema([(name, pa.string()) for name in row(0)])) as writer:
        for start in range(0, rows, CHUNK):
            chunk = [row(number) for number in range(start, min(rows, start + CHUNK))]
            writer.write_table(pa.Table.from_pylist(chunk))
    return path


def own_bytes() -> int:
    """Memory that belongs to this process alone, files mapped into it left out."""
    import psutil

    memory = psutil.Process().memory_info()
    return int(memory.rss - memory.shared)


def measure(path: Path) -> Cost:
    """Loads a file in this process, which must not have loaded one before."""
    settings = {}
    if path.suffix == ".parquet":
        import datasets

        datasets.disable_progress_bars()
        settings["cache_dir"] = str(path.with_suffix(".cache"))
    before, start = own_bytes(), time.perf_counter()
    dataset = load_dataset(path, check="header", **settings)
    loaded, grown = time.perf_counter() - start, own_bytes() - before
    chosen = random.Random(0).choices(range(len(dataset)), k=2000)
    start = time.perf_counter()
    for index in chosen:
        _ = dataset[index]
    return Cost(len(dataset), grown, loaded, (time.perf_counter() - start) / len(chosen))


def measured_alone(path: Path) -> Cost:
    """`measure` in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.speed.data", "--measure", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Cost(**json.loads(done.stdout))


def compare(kind: str, small: Cost, large: Cost) -> list[Figure]:
    """Figures of a kind of file, from its two sizes."""
    further = large.rows - small.rows
    memory = (large.own_bytes - small.own_bytes) / further
    load = (large.load_seconds / large.rows) / (small.load_seconds / small.rows)
    read = large.read_seconds / small.read_seconds
    return [
        Figure(f"{kind}, {large.rows} rows: bytes a further row", memory, 100.0, True),
        Figure(f"{kind}, {large.rows} rows: time a row / a hundredth", load, 1.5, True),
        Figure(f"{kind}, {large.rows} rows: a random read / a hundredth", read, 2.0, True),
    ]


def figures(folder: Path, write: Callable[[Path, int], Path], rows: int) -> list[Figure]:
    """Writes, loads and compares the two sizes of one kind of file."""
    small, large = (measured_alone(write(folder, count)) for count in (rows // SMALL, rows))
    kind = write.__name__.removeprefix("write_")
    print(
        f"{kind}: {large.rows} rows in {large.load_seconds:.1f} s, "
        f"{large.own_bytes / 1e6:.0f} MB ({small.rows} rows: {small.own_bytes / 1e6:.0f} MB); "
        f"a row in {large.read_seconds * 1e6:.0f} µs",
        flush=True,
    )
    return compare(kind, small, large)


def main() -> None:
    """Measures both kinds and prints a line a figure; exits with 1 when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(vars(measure(options.measure))))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_images(folder)
        found = []
        for write in (write_jsonl, write_parquet):
            found += figures(folder, write, max(SMALL, options.rows))
    print(*found, sep="\n")
    if not all(figure.holds for figure in found):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
