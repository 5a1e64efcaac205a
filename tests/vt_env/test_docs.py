"""The page on the environment says what is so."""

import re
from pathlib import Path

import vt_env
from vt_env.rewards import COST_MODES, REWARD_PRESETS
from vt_env.rules import Ending
from vt_env.templates import PROMPTS_DIR
from vt_env.tiles import TILE_FAMILIES
from vt_env.tokens import FAMILIES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "environment.md").read_text(encoding="utf-8")


def test_the_code_on_the_page_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    found: dict[str, object] = {}
    exec(compile(code, "environment.md", "exec"), found)
    info = found["info"]
    assert isinstance(info, dict)
    assert info["ending"] == "answered"
    assert info["requested"]


def test_every_name_is_on_the_page() -> None:
    names = [
        *FAMILIES,
        *TILE_FAMILIES,
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


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)]+)\)", PAGE)
    assert len(links) >= 7
    assert [link for link in links if not (ROOT / "docs" / link).is_file()] == []
