"""Plugins: modules by name and by path, installed ones, and what is said of broken ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from judges.errors import ConfigError, PluginError
from judges.plugins import load_plugins

ROOT = Path(__file__).parents[2]
JUDGE = """\
from judges import JUDGES, Verdict

@JUDGES.register("lenient")
class Lenient:
    name = "lenient"
    def judge(self, cases):
        return [Verdict(1.0, judge=self.name) for _ in cases]
"""


def python(code: str, cwd: Path, *paths: Path) -> subprocess.CompletedProcess[str]:
    """Runs code in a process of its own, which has loaded nothing yet."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env={"PYTHONPATH": ":".join(map(str, (ROOT, *paths))), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize("form", ["name", "file", "folder", "beside"])
def test_a_module_is_loaded_once_by_name_or_path(form: str, tmp_path: Path) -> None:
    text = "print('loaded')\n" + JUDGE
    name = {"file": "lab.py", "beside": "lab.py"}.get(form, "lab/__init__.py")
    path = write(tmp_path / "somewhere", name, text)
    plugin = {"name": "lab", "beside": "lab", "file": str(path), "folder": str(path.parent)}[form]
    code = (
        "from judges import JUDGES, load_plugins, make_judge\n"
        f"load_plugins([{plugin!r}]); load_plugins([{plugin!r}])\n"
        "print(list(JUDGES)[-1], make_judge('lenient').name)\n"
    )
    paths = [tmp_path / "somewhere"] if form == "name" else []
    # `python -c` looks in the working folder; the console script does not.
    code = "import sys; sys.path[:] = [p for p in sys.path if p]\n" + code
    done = python(code, tmp_path / "somewhere", *paths)
    assert done.stdout.split() == ["loaded", "lenient", "lenient"], done.stderr


def test_an_installed_package_is_loaded_when_it_is_needed(tmp_path: Path) -> None:
    write(tmp_path, "acme/__init__.py", JUDGE)
    info = tmp_path / "acme-1.0.dist-info"
    write(info, "METADATA", "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    write(info, "entry_points.txt", "[visionthink.plugins]\nacme = acme\n")
    code = "from judges import make_judge; print(make_judge('lenient').name)"
    done = python(code, ROOT, tmp_path)
    assert done.stdout.strip() == "lenient", done.stderr
    write(tmp_path, "acme/__init__.py", "import nothing_of_the_kind\n")
    done = python(code, ROOT, tmp_path)
    assert "PluginError: Plugin 'acme of the package acme' cannot be loaded" in done.stderr
    assert "nothing_of_the_kind" in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
        ("x = 1\nimport nothing_of_the_kind\n", "No module named 'nothing_of_the_kind'"),
        ("def (:\n", "SyntaxError"),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3"),
    ],
)
def test_a_broken_plugin_is_named_with_its_reason(text: str, said: str, tmp_path: Path) -> None:
    path = write(tmp_path, f"broken_{abs(hash(text))}.py", text)
    for _ in range(2):  # a failure is not taken for success the second time
        with pytest.raises(PluginError) as caught:
            load_plugins([str(path)])
        assert caught.value.module == str(path)
        assert said in caught.value.reason
    if "Syntax" not in said:
        assert f"{path}, line {text.count(chr(10))}" in caught.value.reason


def test_what_is_no_plugin(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="no such file"):
        load_plugins([str(tmp_path / "lost.py")])
    with pytest.raises(PluginError, match="no folder with an __init__"):
        load_plugins([f"{tmp_path}/"])
    with pytest.raises(PluginError, match="No module named 'no_such_module'"):
        load_plugins(["no_such_module"])
    taken = write(tmp_path, "json.py", "")
    with pytest.raises(PluginError, match="another module's"):
        load_plugins([str(taken)])
    odd = write(tmp_path, "my-lab.py", "")
    with pytest.raises(PluginError, match="'my-lab' is no name that Python can import"):
        load_plugins([str(odd)])
    for names in ("json", [3], [""], None, 3):
        with pytest.raises(ConfigError, match="plugins is a list"):
            load_plugins(names)  # type: ignore[arg-type]
