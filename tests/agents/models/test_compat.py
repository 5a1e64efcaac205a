"""What is patched for CPU builds must not break what was imported before."""

import subprocess
import sys

CODE = """
import datasets
from agents.models.compat import prepare_imports

prepare_imports()
print(len(datasets.Dataset.from_list([{"a": 1}, {"a": 2}])))
"""


def test_datasets_work_that_were_imported_before() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "2\n"), done.stderr
