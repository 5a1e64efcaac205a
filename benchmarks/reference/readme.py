"""Writes README's results from the reference of the default settings.

python -m benchmarks.reference.readme README.md
python -m benchmarks.reference.readme README.md --check
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.reference.format import Reference, shipped
from benchmarks.reference.make import DEFAULT
from benchmarks.safety.disk import write_whole
from vt_env import ConfigError, VisionThinkError

BEGIN = "<!-- results: written by python -m benchmarks.reference.readme README.md -->"
END = "<!-- end of results -->"
End = Mapping[str, float | None]
TOKENS = "visual_tokens/share_of_full"


def _share(name: str) -> Callable[[End], str]:
    return lambda end: _percent(end.get(name))


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _plain(name: str) -> Callable[[End], str]:
    def told(end: End) -> str:
        value = end.get(name)
        return "–" if value is None else f"{value:.3f}"

    return told


def _given(end: End) -> str:
    names = ("accuracy_given_request", "accuracy_given_request_before_rl")
    after, before = (_percent(end.get(name)) for name in names)
    return f"{after} ({before})"


COLUMNS: tuple[tuple[str, Callable[[End], str]], ...] = (
    ("accuracy", _share("accuracy")),
    ("always high", _share("always_high/accuracy")),
    ("asks when needed", _share("request_rate_need")),
    ("asks when not", _share("request_rate_no_need")),
    ("visual tokens", _share(TOKENS)),
    ("the oracle's", _share(f"start_oracle/{TOKENS}")),
    ("accuracy given a request (before RL)", _given),
    ("regret", _plain("regret_to_start_oracle")),
    ("untrained's", _plain("untrained/regret_to_start_oracle")),
)
"""Heading and cell of each column beside the seed."""


def section(reference: Reference) -> str:
    """What stands between the two comments."""
    samples = sorted({int(end.get("episodes") or 0) for end in reference.ends.values()})
    made = reference.made
    commits = ", ".join(commit[:9] + "+" * commit.endswith("+") for commit in made.commits)
    by = f"{made.date}; visionthink {made.visionthink}, commit {commits or 'not known'}"
    rows = [
        [str(seed), *(cell(end) for _, cell in COLUMNS)] for seed, end in reference.ends.items()
    ]
    lines = [
        f"What comes out, on {' to '.join(map(str, samples))} held-out samples at temperature 0 "
        f"({_command(reference)}; {made.machine}; {by}):",
        "",
        f"| {' | '.join(('seed', *(heading for heading, _ in COLUMNS)))} |",
        "|---" * (len(COLUMNS) + 1) + "|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    return "\n".join(lines)


def _command(reference: Reference) -> str:
    """``make train SEED=0`` to ``4``, as Markdown."""
    seeds = sorted(reference.seeds)
    first = f"`{reference.command.replace('{seed}', str(seeds[0]))}`"
    if "{seed}" not in reference.command or len(seeds) == 1:
        return first
    if seeds == list(range(seeds[0], seeds[-1] + 1)):
        return f"{first} to `{seeds[-1]}`"
    return f"{first}, {', '.join(f'`{seed}`' for seed in seeds[1:])}"


def written(page: str, reference: Reference) -> str:
    """The page with the section in its place.

    Raises:
        ConfigError: If the page has not each comment once, the first before the other.
    """
    before, begun, rest = page.partition(BEGIN)
    old, ended, after = rest.partition(END)
    if not begun or not ended or BEGIN in old + after or END in before + after:
        raise ConfigError(f"needs the lines {BEGIN} and {END}, once each and in this order.")
    return f"{before}{BEGIN}\n\n{section(reference)}\n\n{END}{after}"


def main(words: Sequence[str]) -> int:
    """Writes the page, or checks it.

    Returns:
        The exit code: 0; 1 if the page is not what it would be; 2 if it cannot be written.
    """
    check = "--check" in words
    path = Path(next((word for word in words if not word.startswith("--")), "README.md"))
    try:
        page = path.read_text(encoding="utf-8")
        now = written(page, shipped(DEFAULT))
    except (OSError, VisionThinkError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 2
    if check and now != page:
        print(f"{path}: its results are not those of {DEFAULT}.json: {BEGIN}", file=sys.stderr)
        return 1
    if not check:
        write_whole(path, now)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
