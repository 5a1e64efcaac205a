"""Chat templates of strangers: those that never end, or make too much, are refused by folder."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agents.errors import BackendError
from agents.models import templates
from agents.models.chat import ChatEncoder, load_tokenizer
from agents.models.templates import LIMITS, PREFIX, check_template
from vt_env import ConfigError

NEST = "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}"
DOUBLED = "{% set n = namespace(x='aaaaaaaa') %}{% for i in range(80) %}{% set n.x = n.x ~ n.x %}"
ENDLESS = {
    "loops in loops": (NEST, "does not end within 1 s"),
    "a power at compiling": ("{{ 9 ** (9 ** 9) }}", "does not end within 1 s"),
    "loops for long conversations": (
        "{% if messages|length > 8 %}" + NEST + "{% endif %}", "does not end within 1 s",
    ),
    "loops before the end alone": (
        "{% if not add_generation_prompt %}" + NEST + "{% endif %}", "does not end within 1 s",
    ),
    "a text that doubles": (DOUBLED + "{% endfor %}{{ n.x }}", "takes more than 512 MiB of memory"),
    "a long text": ("{% for a in range(2000) %}{{ 'a' * 1000 }}{% endfor %}",
                    "makes 2000000 characters of a few words"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}SECONDS", "1")
    monkeypatch.setattr(templates, "_SOUND", set())


@pytest.mark.parametrize("name", ENDLESS)
def test_a_template_that_does_not_end_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    template, message = ENDLESS[name]
    if "1 s" not in message:
        monkeypatch.setenv(f"{PREFIX}SECONDS", "60")
    with pytest.raises(BackendError, match=message) as caught:
        check_template(template, {"eos_token": "</s>"}, "/models/strange")
    assert str(caught.value).startswith("/models/strange: its chat template ")


def test_a_model_folder_with_such_a_template_is_not_loaded(
    checkpoint: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(checkpoint, folder)
    for file in folder.glob("chat_template*"):
        file.unlink()
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config.pop("chat_template", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "chat_template.jinja").write_text(NEST)
    with pytest.raises(BackendError, match="model: its chat template does not end"):
        load_tokenizer(folder)


def test_templates_are_tried_once_a_process(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}SECONDS", "10")
    template = str(load_tokenizer(checkpoint).get_chat_template())
    assert len(templates._SOUND) == 1

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("a second child")

    monkeypatch.setattr(subprocess, "run", fail)
    assert ChatEncoder(load_tokenizer(checkpoint)).opens_thought is False
    with pytest.raises(AssertionError, match="a second child"):
        check_template(template + " ", {}, "x")


@pytest.mark.parametrize(
    "template",
    [
        "{% generation %}a{% endgeneration %}{{ messages[0].content|tojson(indent=2) }}",
        "{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}{{ m }}{% endfor %}",
        "{{ raise_exception('No system turn, please.') }}{{ strftime_now('%Y') }}",
        "{{ messages[100].content }}",
        "{% for",
    ],
)
def test_what_ends_is_left_to_whoever_renders_it(template: str) -> None:
    check_template(template, {}, "x")


@pytest.mark.parametrize("told", ["0", "-1", "soon", "", "9" * 12])
@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_is_a_number(name: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + name, told)
    with pytest.raises(ConfigError, match=f"{PREFIX}{name} must be a whole number"):
        check_template("a", {}, "x")


def test_limits_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    template = "{% set x = 'a' * 2000 %}{{ x }}"
    check_template(template, {}, "x")
    monkeypatch.setenv(
        f"{PREFIX}CHARACTERS", "1999"
    )  # what passed under other limits is tried anew
    with pytest.raises(BackendError, match=rf"makes 2000 .* over 1999 \({PREFIX}CHARACTERS\)"):
        check_template(template, {}, "x")
    monkeypatch.setenv(f"{PREFIX}CHARACTERS", "300000000")
    monkeypatch.setenv(f"{PREFIX}MEGABYTES", "128")
    large = "{% for a in range(200) %}{{ 'a' * 1000000 }}{% endfor %}"
    with pytest.raises(BackendError, match=rf"more than 128 MiB .*\({PREFIX}MEGABYTES\)"):
        check_template(large, {}, "x")


def test_the_child_needs_nothing_heavy() -> None:
    worker = Path(templates.__file__).with_name("template_worker.py")
    code = (
        "import runpy, sys; "
        f"runpy.run_path({str(worker)!r}); "
        "sys.exit(bool({'torch', 'transformers', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], env=os.environ, check=False).returncode == 0
