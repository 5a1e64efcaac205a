"""Run folders that the tests of reports share."""

from pathlib import Path

import pytest

from tests.benchmarks.report.html.made import made_run


@pytest.fixture(scope="session")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two settings, one of them with two seeds, laid out as a sweep is."""
    root = tmp_path_factory.mktemp("sweep")
    for point, seed, price in (("cheap", 0, 0.05), ("cheap", 1, 0.05), ("dear", 0, 0.2)):
        made_run(root / "trials" / point, str(seed), run__seed=seed, rewards__price=price)
    return root
