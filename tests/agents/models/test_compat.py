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


AFTER = """
from transformers.utils.import_utils import is_torchaudio_available
is_torchaudio_available()
from agents.models.compat import prepare_imports

prepare_imports()
from transformers import AutoProcessor
print(AutoProcessor.__name__)
"""


def test_transformers_works_that_has_looked_for_packages_before() -> None:
    done = subprocess.run(
        [sys.executable, "-c", AFTER], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "AutoProcessor\n"), done.stderr
