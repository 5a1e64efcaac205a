"""Faces: what each package's ``__init__`` offers is there, is light to import, and is used."""

import ast
import importlib
import subprocess
import sys
import types
from pathlib import Path

import pytest

from judges.faces import lazy_face

ROOT = Path(__file__).parent.parent
PACKAGES = ("judges", "vt_env", "agents", "benchmarks")
FACES = (
    *PACKAGES,
    *("vt_env.data", "vt_env.images", "vt_env.tasks", "vt_env.tokens", "vt_env.tools"),
    *("vt_env.wrappers", "agents.backends", "agents.grpo", "agents.models"),
    *("agents.policies", "agents.rollouts", "vt_env.adapters"),
)
LAZY = ("agents", "agents.grpo", "agents.models", "benchmarks", "vt_env.data", "vt_env.images")
HEAVY = ("torch", "ray", "vllm", "transformers", "openai")


def face_file(face: str) -> Path:
    return ROOT / face.replace(".", "/") / "__init__.py"


@pytest.mark.parametrize("face", FACES)
def test_what_a_face_offers_is_there(face: str) -> None:
    package = importlib.import_module(face)
    assert package.__all__
    assert [name for name in package.__all__ if getattr(package, name, None) is None] == []
    assert set(package.__all__) <= set(dir(package))
    modules = [
        name for name in package.__all__ if isinstance(getattr(package, name), types.ModuleType)
    ]
    assert modules == [], "a name that is a module's too means one or the other by turns"


def test_importing_a_face_loads_nothing_heavy() -> None:
    """One process for all: the first that loads something is named."""
    code = (
        "import importlib, sys\n"
        f"for face in {FACES}:\n"
        "    importlib.import_module(face)\n"
        f"    print(face, *[name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == list(FACES)


@pytest.mark.parametrize("face", LAZY)
def test_a_lazy_face_tells_type_checkers_what_it_gives(face: str) -> None:
    """The imports for types, the table of homes and ``__all__`` say the same."""
    package = importlib.import_module(face)
    (choice,) = [
        node for node in ast.parse(face_file(face).read_text()).body if isinstance(node, ast.If)
    ]
    typed = {
        alias.name: node.module
        for node in choice.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    (tables,) = [node for node in ast.walk(choice.orelse[0]) if isinstance(node, ast.Dict)]
    homes = {name: home for home, names in ast.literal_eval(tables).items() for name in names}
    assert typed == homes
    assert set(homes) == set(package.__all__)
    assert all(getattr(importlib.import_module(homes[n]), n) is getattr(package, n) for n in homes)


def test_the_sentence_of_the_first_minute_works() -> None:
    code = "from agents import GRPOConfig, collect, make_backend; print(GRPOConfig.__name__)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "GRPOConfig"


def test_a_name_that_is_not_there_and_an_extra_that_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    import agents

    with pytest.raises(AttributeError, match="module 'agents' has no attribute 'GRPOConfg'"):
        agents.GRPOConfg  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'GRPOConfg'"):
        exec("from agents import GRPOConfg")
    face = types.ModuleType("some_face")
    monkeypatch.setitem(sys.modules, "some_face", face)
    find, names = lazy_face("some_face", {"agents.grpo.env_runner": ("GRPOEnvRunner",)}, "cpu")
    assert "GRPOEnvRunner" in names()
    monkeypatch.delitem(sys.modules, "agents.grpo.env_runner", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r"some_face.GRPOEnvRunner needs ray: pip install -e"):
        find("GRPOEnvRunner")


def public() -> dict[str, set[str]]:
    return {face: set(importlib.import_module(face).__all__) for face in FACES}


@pytest.mark.parametrize("package", ["vt_env", "agents", "benchmarks", "examples"])
def test_packages_import_each_other_through_faces(package: str) -> None:
    faces, wrong = public(), []
    for file in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or node.module is None:
                continue
            parts = node.module.split(".")
            above = [".".join(parts[:depth]) for depth in range(1, len(parts))]
            if parts[0] not in PACKAGES or parts[0] == package:
                continue
            wrong += [
                f"{file.relative_to(ROOT)}: from {face} import {alias.name}"
                for alias in node.names
                for face in above
                if alias.name in faces.get(face, ())
            ]
    assert wrong == []
