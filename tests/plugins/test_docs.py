"""Each example of `docs/extending.md` runs on its own, and the page names every registry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import gymnasium
import pytest

from agents import ADVANTAGE_ESTIMATORS, BACKENDS, LOSS_TYPES
from benchmarks import EXPORTERS
from judges import JUDGES
from vt_env import (
    DATASETS,
    GROUP_SHAPERS,
    REWARD_PRESETS,
    REWARD_TERMS,
    ROW_FORMATS,
    SCHEMAS,
    SUITES,
    TASKS,
    TEMPLATES,
    TOKEN_FAMILIES,
    TOOLS,
)

PAGE = (Path(__file__).parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
REGISTRIES = {
    "JUDGES": JUDGES,
    "REWARD_TERMS": REWARD_TERMS,
    "REWARD_PRESETS": REWARD_PRESETS,
    "GROUP_SHAPERS": GROUP_SHAPERS,
    "DATASETS": DATASETS,
    "SCHEMAS": SCHEMAS,
    "ROW_FORMATS": ROW_FORMATS,
    "TASKS": TASKS,
    "SUITES": SUITES,
    "TOKEN_FAMILIES": TOKEN_FAMILIES,
    "TEMPLATES": TEMPLATES,
    "TOOLS": TOOLS,
    "BACKENDS": BACKENDS,
    "LOSS_TYPES": LOSS_TYPES,
    "ADVANTAGE_ESTIMATORS": ADVANTAGE_ESTIMATORS,
    "EXPORTERS": EXPORTERS,
}


@pytest.fixture
def as_before() -> Iterator[None]:
    """What an example registers is forgotten after it."""
    before = {name: set(registry) for name, registry in REGISTRIES.items()}
    environments = set(gymnasium.registry)
    yield
    for name, registry in REGISTRIES.items():
        for added in set(registry) - before[name]:
            registry.remove(added)
    for added in set(gymnasium.registry) - environments:
        del gymnasium.registry[added]


@pytest.mark.parametrize("code", EXAMPLES, ids=range(len(EXAMPLES)))
@pytest.mark.usefixtures("as_before")
def test_examples_run(code: str) -> None:
    known = [*REGISTRIES.values(), gymnasium.registry]
    before = sum(map(len, known))
    exec(compile(code, "docs/extending.md", "exec", dont_inherit=True), {"__name__": "__main__"})
    assert sum(map(len, known)) > before


def test_every_kind_has_an_example_and_a_row() -> None:
    assert len(EXAMPLES) == len(REGISTRIES) + 1 - 3, (
        "one is an environment; three show two kinds each"
    )
    for name in REGISTRIES:
        assert f".{name}` |" in PAGE
        assert f"@{name}.register(" in PAGE or f"{name}.register(" in PAGE


def test_links_lead_somewhere() -> None:
    docs = Path(__file__).parents[2] / "docs"
    links = re.findall(r"\]\(([^)]+)\)", PAGE)
    assert links
    assert [link for link in links if not (docs / link).is_file()] == []
