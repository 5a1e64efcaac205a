"""Each trap of a training in TRL is an error of its own, before anything is trained."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest

from agents import CHECKPOINT, prepare_imports
from vt_env import ConfigError, open_env
from vt_env.adapters.trl import TEMPLATE, TrlHome, fit_processor
from vt_env.adapters.trl_traps import (
    ResponseTemplateError,
    SystemTextError,
    ToolTemplateError,
    TorchvisionError,
    TrlSetupError,
    check_torchvision,
)

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("trl") is None, reason="needs the extra bench (trl, accelerate)"
)


@pytest.fixture
def plain() -> Any:
    """The checkpoint's processor as it is."""
    prepare_imports()
    from transformers import AutoProcessor

    return AutoProcessor.from_pretrained(CHECKPOINT)


@pytest.fixture
def home(plain: Any) -> Iterator[TrlHome]:
    env = open_env(checkpoint=CHECKPOINT)
    yield TrlHome(env, fit_processor(plain))
    env.close()


def test_nothing_is_wrong_with_what_the_home_makes(home: TrlHome) -> None:
    parts = home.parts(home.rows(range(4)), 2)
    assert parts["processing_class"].tokenizer.padding_side == "left"
    assert set(parts) == {
        "train_dataset",
        "reward_funcs",
        "processing_class",
        "environment_factory",
    }


@pytest.mark.parametrize("text", [None, "Be brief.", ""])
def test_rows_without_the_system_text(home: TrlHome, text: str | None) -> None:
    rows = home.rows(range(3))
    said = [] if text is None else [{"role": "system", "content": text}]
    rows[2]["prompt"] = [*said, {"role": "user", "content": ""}]
    with pytest.raises(SystemTextError, match="Row 2 of the dataset: prompt does not begin"):
        home.parts(rows, 2)


def test_a_system_text_in_parts_is_one_too(home: TrlHome) -> None:
    rows = home.rows([0])
    rows[0]["prompt"][0]["content"] = [{"type": "text", "text": home.system}]
    home.check(rows)


def test_a_template_without_a_system_text_needs_none(plain: Any) -> None:
    env = open_env(checkpoint=CHECKPOINT, prompt="simple")
    home = TrlHome(env, fit_processor(plain))
    rows = home.rows([0])
    assert [message["role"] for message in rows[0]["prompt"]] == ["user"]
    home.check(rows)


def test_a_template_that_drops_tool_calls(plain: Any) -> None:
    home = TrlHome(open_env(checkpoint=CHECKPOINT), plain)
    with pytest.raises(ToolTemplateError, match="drops tool calls"):
        home.parts(home.rows([0]), 2)


def test_a_template_that_drops_the_images_of_tools(home: TrlHome) -> None:
    pad = "<|vision_start|><|image_pad|><|vision_end|>"
    assert TEMPLATE.count(pad) == 1
    home.processor.chat_template = TEMPLATE.replace(pad, "")
    with pytest.raises(ToolTemplateError, match="drops the images"):
        home.parts(home.rows([0]), 2)


def test_no_response_template(home: TrlHome) -> None:
    home.processor.tokenizer.response_template = None
    with pytest.raises(ResponseTemplateError, match="TRL knows none"):
        home.parts(home.rows([0]), 2)


def test_a_response_template_of_another_family(home: TrlHome) -> None:
    from trl.chat_template_utils import qwen3_5_template

    home.processor.tokenizer.response_template = qwen3_5_template
    with pytest.raises(ResponseTemplateError, match="finds no call of resize_image"):
        home.parts(home.rows([0]), 2)


def test_no_torchvision(home: TrlHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(TorchvisionError, match="torchvision cannot be imported"):
        home.parts(home.rows([0]), 2)


@pytest.mark.skipif(
    "+cpu" not in version("torch") or "+cpu" in version("torchvision"),
    reason="needs a CPU torch with a torchvision that was built for CUDA",
)
def test_a_torchvision_of_another_torch() -> None:
    code = (
        "from vt_env.adapters.trl_traps import TorchvisionError, check_torchvision\n"
        "try:\n    check_torchvision()\nexcept TorchvisionError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "prepare_imports() before transformers is imported" in done.stdout
    prepare_imports()
    check_torchvision()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"index": 10**9}, r"Row 1 of the dataset: index must be in \[0, "),
        ({"index": None}, "index must be"),
        ({"index": True}, "index must be"),
        ({"prompt": "Where?"}, "prompt must be messages"),
        ({"prompt": [{"role": "system", "content": "x"}]}, "the last of them the user's"),
    ],
)
def test_rows_that_cannot_be_played(home: TrlHome, change: dict[str, Any], said: str) -> None:
    rows = home.rows(range(2))
    rows[1] |= change
    with pytest.raises(TrlSetupError, match=said):
        home.check(rows)


def test_no_rows(home: TrlHome) -> None:
    with pytest.raises(TrlSetupError, match="no rows"):
        home.check([])


def test_every_trap_is_a_setting_that_cannot_work() -> None:
    errors = (SystemTextError, ToolTemplateError, ResponseTemplateError, TorchvisionError)
    assert all(issubclass(error, TrlSetupError) for error in errors)
    assert issubclass(TrlSetupError, ConfigError)
