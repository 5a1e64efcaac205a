"""References that the tests share."""

from pathlib import Path

import pytest

from benchmarks.reference import Reference
from benchmarks.reference.make import Wanted, references_of
from tests.benchmarks.reference.made import made_runs


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with five runs of the default settings."""
    root = tmp_path_factory.mktemp("runs")
    made_runs(root)
    return root


@pytest.fixture(scope="session")
def reference(runs: Path) -> Reference:
    """What they came to."""
    ((found,), _) = references_of([runs], Wanted())
    return found
