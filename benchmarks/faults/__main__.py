"""The campaign: makes every fault, counts what held, and writes the table of docs/reliability.md.

    python -m benchmarks.faults --write docs/reliability.md
    python -m benchmarks.faults --only damages kills --out faults

What came of each fault is in ``trials.jsonl`` of the folder, as it comes. A part that was played to
its end is not played again by the same command on the same commit.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.faults.parts import PARTS
from benchmarks.faults.table import written
from benchmarks.faults.trial import Tally, Trial, tallies
from benchmarks.report.provenance import commit
from benchmarks.report.stages import duration
from benchmarks.report.terminal import console
from benchmarks.safety.disk import append_lines, make_folder, write_json, write_whole
from vt_env import VisionThinkError


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """What was asked for."""
    found = argparse.ArgumentParser("python -m benchmarks.faults", description=__doc__)
    found.add_argument("--only", nargs="+", choices=tuple(PARTS), help="Parts; else all.")
    found.add_argument("--seed", type=int, default=0, help="Draws moments and faults.")
    found.add_argument(
        "--out", type=Path, default=Path("runs/faults"), help="Folder of the trials."
    )
    found.add_argument("--write", type=Path, help="Page whose table is written.")
    return found.parse_args(words)


def played(part: str, seed: int, folder: Path) -> list[Tally]:
    """Makes the faults of a part, or takes what was counted before.

    Args:
        part: Name of one of `PARTS`.
        seed: Draws.
        folder: Of the trials.
    """
    code = commit() or "+"
    file, log = folder / f"{part}-{seed}-{code[:12]}.json", folder / "trials.jsonl"
    if file.is_file() and not code.endswith("+"):
        return [Tally(**row) for row in json.loads(file.read_text(encoding="utf-8"))]
    begun = time.monotonic()
    console.print(f"{part}: about {duration(60 * PARTS[part].minutes)} on two cores")
    counted = tallies(_kept(PARTS[part].trials(folder / part, seed), log, part))
    if not counted:
        raise RuntimeError(f"{part}: no fault was made.")
    console.print(f"{part}: {duration(time.monotonic() - begun)}")
    if not code.endswith("+"):
        write_json(file, [asdict(tally) for tally in counted])
    return counted


def _kept(trials: Iterable[Trial], log: Path, part: str) -> Iterator[Trial]:
    """Writes trials down as they come, and says which did not hold."""
    for trial in trials:
        append_lines(log, [json.dumps({"part": part, **asdict(trial)}) + "\n"])
        if not trial.held:
            told = f"not held: {trial.kind}: {trial.found}"
            console.print(told, style="red", markup=False, soft_wrap=True)
        yield trial


def main(words: Sequence[str]) -> int:
    """Plays the campaign.

    Returns:
        The exit code: 0; 1 if something did not hold; 2 if the page cannot be written.
    """
    asked = parsed(words)
    make_folder(asked.out)
    counted = {part: played(part, asked.seed, asked.out) for part in asked.only or PARTS}
    rows = [tally for mine in counted.values() for tally in mine]
    for tally in rows:
        console.print(f"{tally.held:5} of {tally.trials:5}  {tally.kind}", highlight=False)
    if asked.write is not None:
        try:
            page = written(asked.write.read_text(encoding="utf-8"), rows, asked.seed)
        except (OSError, VisionThinkError) as error:
            console.print(f"{asked.write}: {error}", markup=False, soft_wrap=True)
            return 2
        write_whole(asked.write, page)
    return int(any(tally.held < tally.trials for tally in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
