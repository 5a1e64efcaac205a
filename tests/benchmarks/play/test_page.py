"""The page, and what it is told."""

import base64
import io
import json
import re
from pathlib import Path

from PIL import Image

from benchmarks.play.page import data_url, page, place, policy_of, state
from benchmarks.play.score import perfect_episodes, scored
from tests.benchmarks.play.games import ENOUGH, env_of, game_of, right


def test_the_page_is_one_file_that_loads_nothing() -> None:
    text = page("abc123").decode()
    assert "NONCE" not in text and text.count('nonce="abc123"') == 2
    assert not re.findall(r"https?://|@import|url\(|\bsrc=|innerHTML", text)
    assert not re.findall(r"\son\w+=", text), "no inline handlers, which the policy forbids"
    assert not re.findall(r"\sstyle=", text)
    assert "'nonce-abc123'" in policy_of("abc123") and "unsafe" not in policy_of("abc123")


def test_every_id_that_the_script_names_is_there() -> None:
    text = page("n").decode()
    named = set(re.findall(r'\$\("(\w+)"\)', text))
    made = {"numbers"}  # by the script itself, where there is a crop
    assert len(named) > 15 and named - made <= set(re.findall(r'\bid="(\w+)"', text))


def test_images_travel_as_text() -> None:
    image = Image.new("RGB", (2, 3), (9, 8, 7))
    kind, data = data_url(image).split(",")
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as read:
        assert read.convert("RGB").tobytes() == image.tobytes()


def test_the_game_from_its_first_look_to_the_score(tmp_path: Path) -> None:
    game = game_of(tmp_path, indices=(ENOUGH,))
    shown = state(game, None)
    assert shown["place"] == place(game, None) == "look 0 0" and shown["total"] == 1
    assert shown["look"]["question"] in game.look.question  # type: ignore[union-attr]
    assert shown["look"]["moves"][0]["tool"] == "resize"
    assert "A right answer" in shown["rules"]
    game.ask("resize")
    assert state(game, None)["place"] == "look 0 1"
    game.answer(right(ENOUGH))
    shown = state(game, None)
    assert shown["place"] == "told 0" and shown["told"]["correct"] is True
    game.go_on()
    assert state(game, None).keys() == {"place", "total", "rules"}
    assert place(game, None) == "scoring"
    score = scored(game.episodes, perfect_episodes(env_of(), [ENOUGH]), None)
    shown = json.loads(json.dumps(state(game, score)))
    assert shown["place"] == "score" and shown["score"]["head"][0] == "policy"
    assert [row[0] for row in shown["score"]["rows"]] == ["you", "perfect"]
    assert {len(row) for row in shown["score"]["rows"]} == {len(shown["score"]["head"])}


def test_answers_are_not_told_before_the_sample_is_over(tmp_path: Path) -> None:
    shown = json.dumps(state(game_of(tmp_path), None))
    for word in ("expected", "correct", "need_known", "references"):
        assert word not in shown
