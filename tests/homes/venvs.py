"""Virtual environments of homes whose pins conflict with ours, made once and kept."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def home_python(home: str) -> Path:
    """The Python of a home's own environment, which is made if it is not there yet.

    What is installed is ``tests/homes/requirements/HOME.txt``, every version pinned there. It is
    kept in ``.venv-homes/HOME`` until that file changes.
    """
    wanted = ROOT / "tests" / "homes" / "requirements" / f"{home}.txt"
    folder = ROOT / ".venv-homes" / home
    python, mark = folder / "bin" / "python", folder / ".installed"
    told = hashlib.sha256(wanted.read_bytes()).hexdigest()
    if not mark.exists() or mark.read_text() != told:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--no-compile"]
        subprocess.run([*pip, "--disable-pip-version-check", "-r", str(wanted)], check=True)
        mark.write_text(told)
    return python


def run_in(home: str, *words: str, seconds: float = 120, **env: str) -> str:
    """Runs a command of Python in a home's environment, with this checkout on its path.

    Returns:
        What it printed; what it complained of is in the error if it fails.
    """
    python = home_python(home)
    found = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **env}
    done = subprocess.run(
        [str(python), *words],
        cwd=ROOT, env=found, capture_output=True, text=True, timeout=seconds, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout
