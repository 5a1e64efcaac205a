"""The table of the campaign, in a page between two comments."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.faults.trial import Tally
from benchmarks.report.provenance import version
from vt_env import ConfigError

BEGIN = "<!-- faults: written by `python -m benchmarks.faults --write docs/reliability.md` -->"
END = "<!-- faults: end -->"


def section(rows: Sequence[Tally], seed: int) -> str:
    """What stands between the comments."""
    trials, held = sum(row.trials for row in rows), sum(row.held for row in rows)
    lines = [
        f"{held:,} of {trials:,} trials held (`make test-faults`, seed {seed}, "
        f"visionthink {version()}).",
        "",
        "| what was done | trials | held |",
        "|---|---|---|",
        *(f"| {row.kind} | {row.trials:,} | {row.held:,} |" for row in rows),
    ]
    missed = [f"- {row.kind}: {row.found}" for row in rows if row.held < row.trials]
    return "\n".join([*lines, *(["", "What did not hold:", "", *missed] if missed else [])])


def written(page: str, rows: Sequence[Tally], seed: int) -> str:
    """A page with the table in its place.

    Raises:
        ConfigError: If the page has not each comment once, the first before the other.
    """
    before, begun, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not begun or not ended or BEGIN in rest or END in before + after:
        raise ConfigError(f"needs the lines {BEGIN} and {END}, once each and in this order.")
    return f"{before}{BEGIN}\n\n{section(rows, seed)}\n\n{END}{after}"
