"""The layers: judges <- vt_env <- agents <- benchmarks; light imports stay light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = ("judges", "vt_env", "agents", "benchmarks")
HEAVY = {"torch", "ray", "vllm", "transformers"}


def imported(path: Path, *, top_level_only: bool = False) -> set[str]:
    """Names of the packages that a file imports (those under TYPE_CHECKING included)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_point_downwards(layer: str) -> None:
    above = set(LAYERS[LAYERS.index(layer) + 1 :]) | {"tests"}
    files = list((ROOT / layer).rglob("*.py"))
    assert files
    wrong = {str(f.relative_to(ROOT)): imported(f) & above for f in files if imported(f) & above}
    assert not wrong


def test_only_agents_and_benchmarks_know_the_heavy_packages() -> None:
    for layer in ("judges", "vt_env"):
        for file in (ROOT / layer).rglob("*.py"):
            heavy = imported(file) & HEAVY
            assert not heavy or file.name == "server.py", f"{file} imports {heavy}"


@pytest.mark.parametrize(
    "package", ["vt_env", "judges", "benchmarks.cli.main", "agents.rollouts.collect"]
)
def test_light_imports_load_nothing_heavy(package: str) -> None:
    heavy = sorted(HEAVY | {"openai"})
    code = (
        f"import sys, {package}; "
        f"loaded = [m for m in {heavy!r} if m in sys.modules]; "
        "sys.exit(f'loaded {loaded}' if loaded else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_files_and_functions_stay_small() -> None:
    for layer in LAYERS:
        for file in (ROOT / layer).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            assert text.count("\n") <= 400, f"{file} has more than 400 lines"
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.FunctionDef):
                    body = (node.end_lineno or 0) - node.body[0].lineno
                    doc = len((ast.get_docstring(node) or "").splitlines())
                    assert body - doc <= 75, f"{file}:{node.lineno} {node.name} is too long"


def test_no_machine_paths() -> None:
    for layer in LAYERS:
        for file in (ROOT / layer).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            for forbidden in ("/root/", "/work/", "/opt/"):
                assert forbidden not in text, f"{file} names {forbidden}"
