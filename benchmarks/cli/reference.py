"""Writes docs/settings.md from the settings themselves: ``make docs``.

python -m benchmarks.cli.reference docs/settings.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.cli import main as commands  # makes the commands
from benchmarks.cli.commands import TREES, option_names, told
from vt_env.settings.tree import Leaf, leaves

assert commands.app
INTRO = """\
# Settings

*This page is written by `make docs`; every line comes from the field that it is about.*

Every setting has a path, a type, and one definition in the code, beside what it configures. A path
works the same in all of these:

| where | how |
|---|---|
| the command | `visionthink train --rewards.price 0.2 --env.tools resize,crop` |
| a file, TOML or JSON | `visionthink train --config run.toml`; options win over the file |
| `make`, in capitals | `make train REWARDS_PRICE=0.2` |
| Python | `build(TrainSettings, {"rewards.price": 0.2})`, or the dataclasses themselves |
| RLlib | `GRPOConfig().training(lr=1e-4)` takes the names of `grpo` and `engine` |
| a run's `settings.json` | the whole tree; `--config runs/<id>/settings.json` trains it again |

The settings used most have a short name too. `--print-settings` prints the whole tree as JSON and
exits. `none` says None; lists have commas; the entries of a table are set one by one
(`--judge.params.model m`). A path that does not exist is told with the nearest one, and a value
that cannot be with the path, the value and what is accepted.

```toml
# run.toml
[run]
seed = 1

[rewards]
price = 0.2

[grpo]
lr = 1e-4
shaper = "paper"
shaper_params = {theta = 0.3}
```

## `visionthink train`

"""
ALIKE = {
    "sft": "`visionthink sft`",
    "doctor": "`visionthink doctor`",
    "eval": "`visionthink eval`",
    "play": "`visionthink play`",
    "serve": "`visionthink serve`",
    "quality": "`visionthink quality`",
    "pretrain": "`visionthink pretrain`",
    "data check": "`visionthink data check`",
    "data preview": "`visionthink data preview`",
    "data export": "`visionthink data export`",
    "data label": "`visionthink data label`",
    "judge audit": "`visionthink judge audit`",
}


def reference() -> str:
    """The page."""
    training = leaves(TREES["train"])
    text = INTRO + _tables(training)
    shared = {leaf.path for leaf in training}
    for words, title in ALIKE.items():
        mine = leaves(TREES[words])
        groups = sorted({leaf.path.partition(".")[0] for leaf in mine if leaf.path in shared})
        own = [leaf for leaf in mine if leaf.path not in shared]
        also = f"Takes the groups {', '.join(f'`{g}`' for g in groups)} as above" if groups else ""
        text += f"\n## {title}\n\n"
        text += f"{also}{', and:' if own else '.'}\n\n" if also else ""
        text += _tables(own)
    return text.rstrip() + "\n"


def _tables(known: Iterable[Leaf]) -> str:
    """A table a group."""
    groups: dict[str, list[Leaf]] = {}
    for leaf in known:
        groups.setdefault(leaf.path.rpartition(".")[0], []).append(leaf)
    text = ""
    for group, mine in groups.items():
        text += f"### {group}\n\n" if group else ""
        text += "| path | default | accepts | |\n|---|---|---|---|\n"
        text += "".join(map(_row, mine)) + "\n"
    return text


def _row(leaf: Leaf) -> str:
    short = "".join(f", `{name}`" for name in option_names(leaf.path)[1:])
    cells = (f"`{leaf.path}`{short}", f"`{told(leaf.default)}`", str(leaf.kind), leaf.help)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
