"""The layers: judges <- vt_env <- agents <- benchmarks; light imports stay light."""

import ast
import re
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


FLOORS = (
    "judges/rules/numeric",
    "judges/rules",
    "judges/llm",
    "vt_env/settings",
    "vt_env/tokens",
    "vt_env/images",
    "vt_env/tools",
    "vt_env/tasks/parts",
    "vt_env/tasks/families",
    "vt_env/tasks",
    "vt_env/tables",
    "vt_env/data",
    "vt_env/wrappers",
    "vt_env/adapters",
    "agents/models",
    "agents/backends",
    "agents/rollouts",
    "agents/policies",
    "agents/tiny",
    "agents/grpo/losses",
    "agents/grpo/packing",
    "agents/grpo",
    "agents/sft",
    "benchmarks/published",
    "benchmarks/report",
    "benchmarks/safety",
    "benchmarks/evaluation",
    "benchmarks/doctor",
    "benchmarks/data",
    "benchmarks/labelling",
    "benchmarks/homes",
    "benchmarks/exporters",
    "benchmarks/training",
    "benchmarks/play",
    "benchmarks/serve",
    "benchmarks/sweeps/catalogue",
    "benchmarks/sweeps",
    "benchmarks/paper",
    "benchmarks/report/html",
    "benchmarks/reference",
    "benchmarks/speed",
    "benchmarks/parity",
    "benchmarks/faults",
    "benchmarks/cli",
)
"""Rooms, the lowest floor first: each imports from those below it. What lies flat in a package is
its own ground, which all of its rooms may stand on."""
GROUND = {"vt_env/tasks": ("vt_env/tasks/parts", "vt_env/tasks/families"),
          "judges/rules": ("judges/rules/numeric",)}  # fmt: skip
MAX_FILES = 16
"""Modules of a folder, beside its `__init__`."""


def modules() -> dict[str, Path]:
    """Files of the packages, by the name that they are imported by."""
    files = [file for layer in LAYERS for file in (ROOT / layer).rglob("*.py")]
    named = {".".join(file.relative_to(ROOT).with_suffix("").parts): file for file in files}
    return {name.removesuffix(".__init__"): file for name, file in named.items()}


def module_imports(file: Path, known: dict[str, Path]) -> set[str]:
    """Modules of ours that a file imports at once: not later, and not for types alone."""
    found: set[str] = set()
    open_nodes: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8"))]
    while open_nodes:
        node = open_nodes.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            found |= {full if full in known else node.module for full in names.values()}
        open_nodes += ast.iter_child_nodes(node)
    return found & known.keys()


def test_no_module_imports_itself_in_a_circle() -> None:
    known = modules()
    graph = {name: module_imports(file, known) for name, file in known.items()}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path[path.index(name) :], name))
        if name not in done:
            for other in sorted(graph[name]):
                visit(other, (*path, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_rooms_import_from_the_floors_below() -> None:
    known = modules()
    rooms = {name: file.parent.relative_to(ROOT).as_posix() for name, file in known.items()}
    inner = {room for room in rooms.values() if "/" in room}
    assert inner == set(FLOORS), "a new room needs its floor in FLOORS"
    for name, file in known.items():
        room = rooms[name]
        for other in module_imports(file, known):
            there = rooms[other]
            if there == room or "/" not in there or "/" not in room:
                continue
            shared = room in GROUND.get(there, ())
            assert shared or FLOORS.index(there) < FLOORS.index(room), f"{name} imports {other}"


def test_no_folder_is_full() -> None:
    folders = {file.parent for file in modules().values()}
    counts = {
        folder.relative_to(ROOT).as_posix(): len(
            [file for file in folder.glob("*.py") if file.name != "__init__.py"]
        )
        for folder in folders
    }
    assert not {folder: count for folder, count in counts.items() if count > MAX_FILES}


def test_files_and_functions_stay_small() -> None:
    for layer in LAYERS:
        for file in (ROOT / layer).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            assert text.count("\n") <= 400, f"{file} has more than 400 lines"
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    body = (node.end_lineno or 0) - node.body[0].lineno
                    doc = len((ast.get_docstring(node) or "").splitlines())
                    assert body - doc <= 75, f"{file}:{node.lineno} {node.name} is too long"


def test_no_machine_paths() -> None:
    for layer in LAYERS:
        for file in (ROOT / layer).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            for forbidden in ("/root/", "/work/", "/opt/"):
                assert forbidden not in text, f"{file} names {forbidden}"


def test_the_page_names_what_is_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    paths = set(re.findall(r"`((?:judges|vt_env|agents|benchmarks|tests)/[\w./]*)`", page))
    assert len(paths) > 20
    assert not {path for path in paths if not (ROOT / path).exists()}
    for room in FLOORS:
        assert room.rsplit("/", 1)[-1] in page, f"{room} is not in the picture"
