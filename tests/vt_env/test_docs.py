"""The page on the environment says what is so."""

import importlib
import inspect
import json
import re
from pathlib import Path

import gymnasium
import pytest
from PIL import Image

import vt_env
from vt_env.config import Ending
from vt_env.rewards import COST_MODES, REWARD_PRESETS
from vt_env.templates import PROMPTS_DIR
from vt_env.tokens import TOKEN_FAMILIES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "environment.md").read_text(encoding="utf-8")


def test_the_error_on_the_page_is_the_one_that_is_raised(tmp_path: Path) -> None:
    rows = [{"image": "a.png", "question": "What?", "answer": "red"} for _ in range(1000)]
    rows[16]["question"] = " "
    rows[499]["image"] = "7.png"
    Image.new("RGB", (30, 30)).save(tmp_path / "a.png")
    path = tmp_path / "samples.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(vt_env.DatasetError) as caught:
        vt_env.load_dataset(path)
    said = str(caught.value).replace(str(path), "samples.jsonl").replace(str(tmp_path), "/data/img")
    assert said == (
        "2 of 1000 rows cannot be used:\n"
        "  samples.jsonl:17: field 'question': is empty.\n"
        "  samples.jsonl:500: field 'image': /data/img/7.png: no such image file."
    )
    assert all(line.strip() in PAGE for line in said.splitlines())


def test_every_name_is_on_the_page() -> None:
    names = [
        *TOKEN_FAMILIES,
        *REWARD_PRESETS,
        *(f'"{mode}"' for mode in COST_MODES),
        *(path.stem for path in PROMPTS_DIR.glob("*.toml")),
        *(path.name for path in (ROOT / "examples").glob("*.py")),
        vt_env.ENV_ID,
        vt_env.DISCRETE_ENV_ID,
    ]
    assert [name for name in names if name not in PAGE] == []


def test_every_ending_is_in_the_specification() -> None:
    specification = vt_env.VisionThinkEnv.__doc__ or ""
    assert [ending for ending in Ending if f"`{ending}`" not in specification] == []


SECTIONS = (
    "Description",
    "Observation Space",
    "Action Space",
    "Starting State",
    "Rewards",
    "Episode End",
    "Information",
    "Arguments",
    "Version History",
)


@pytest.mark.parametrize("env_id", [vt_env.ENV_ID, vt_env.DISCRETE_ENV_ID])
def test_every_registered_env_is_specified_in_gymnasiums_form(env_id: str) -> None:
    spec = gymnasium.spec(env_id)
    points = [point for point in (spec.entry_point, spec.vector_entry_point) if point]
    for point in points:
        module, _, name = str(point).partition(":")
        env = getattr(importlib.import_module(module), name)
        titles = [line for line in env.__doc__.splitlines() if line.startswith("    ## ")]
        found = [title for line in titles for title in line.removeprefix("    ## ").split(", ")]
        assert found == [section for section in SECTIONS if section in found]
        assert set(found) == set(SECTIONS)
        run_examples(env.__doc__)
        for argument in inspect.signature(env).parameters:
            assert (
                f"        {argument}: " in env.__doc__ or f"        **{argument}: " in env.__doc__
            )


def run_examples(text: str) -> None:
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(inspect.cleandoc(code), "docstring", "exec"), {})
