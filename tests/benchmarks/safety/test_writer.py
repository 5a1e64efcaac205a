"""Two processes never write into one folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.safety.writer import sole_writer
from vt_env import ConfigError

ROOT = Path(__file__).parents[3]
HOLD = """
import sys, time
from pathlib import Path
from benchmarks.safety.writer import sole_writer
with sole_writer(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("name", ["", "labels.jsonl"])
def test_the_second_writer_is_refused_until_the_first_is_gone(tmp_path: Path, name: str) -> None:
    path = tmp_path / name if name else tmp_path
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert first.stdout is not None
    with first.stdout:
        assert first.stdout.readline() == "held\n"
        with pytest.raises(ConfigError, match="another process writes there"), sole_writer(path):
            pass
        first.kill()
        first.wait()
    with sole_writer(path):
        pass


def test_where_nothing_can_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="labels"), sole_writer(tmp_path / "file" / "labels"):
        pass
