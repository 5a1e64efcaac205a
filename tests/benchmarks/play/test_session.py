"""A person's game is an agent's: the same turns, records, verdicts and rewards."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents.rollouts.metrics import episode_metrics
from benchmarks.play.folder import GameFolder
from benchmarks.play.moves import MoveError
from benchmarks.play.session import Game, expected, rules
from benchmarks.play.settings import GameSettings
from judges import EpisodeRecord
from tests.benchmarks.play.games import ENOUGH, NEEDS, env_of, game_of, records, right
from vt_env import Answer, MemoryImage, Request, RewardConfig, Sample, to_text


def written(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in records(folder).read_text().splitlines()]


def agents_record(index: int, number: int, *turns: str) -> EpisodeRecord:
    env = env_of()
    env.reset(options={"index": index})
    for turn in turns:
        env.step(turn)
    assert env.episode is not None and env.episode.done
    images = [f"{number:06d}-{turn}.png" for turn in range(len(turns))]
    return env.episode.record(number, images)


def test_a_game_is_recorded_as_an_agents_episodes(tmp_path: Path) -> None:
    game = game_of(tmp_path)
    game.ask("resize")
    game.answer(f"  {right(NEEDS)} ")
    assert len(written(tmp_path)) == 1, "written as soon as it is over"
    game.go_on()
    game.answer("nonsense")
    game.go_on()
    assert game.over and game.played == [NEEDS, ENOUGH]
    wanted = (
        agents_record(NEEDS, 0, to_text(Request()), to_text(Answer(right(NEEDS)))),
        agents_record(ENOUGH, 1, to_text(Answer("nonsense"))),
    )
    assert records(tmp_path).read_text() == "".join(record.to_line() for record in wanted)
    for record in written(tmp_path):
        for turn in record["turns"]:
            assert (records(tmp_path).parent / turn["image"]).is_file()
    metrics = episode_metrics(game.episodes)
    assert (metrics["accuracy"], metrics["request_rate_need"]) == (0.5, 1.0)
    assert metrics["reward"] == pytest.approx(sum(record.reward for record in wanted) / 2)


def test_what_is_seen_and_told(tmp_path: Path) -> None:
    game, episode = game_of(tmp_path), env_of().new_episode(NEEDS)
    look = game.look
    assert look is not None and game.told is None
    assert look.image.tobytes() == episode.observation.image.tobytes()
    assert (look.number, look.turn, look.question) == (0, 0, episode.question)
    assert look.price == pytest.approx(0.1 * look.visual_tokens / look.full_tokens)
    game.ask("resize")
    assert game.look is not None and game.look.image.size > look.image.size
    assert game.look.moves == () and game.look.feedback
    game.answer(right(NEEDS))
    told = game.told
    assert told is not None and game.look is None
    assert (told.correct, told.need, told.requested) == (True, True, True)
    assert told.expected == right(NEEDS) == told.answer
    assert told.reward == pytest.approx(1.5 - 0.1 * told.visual_tokens / told.full_tokens)
    assert told.need_known_by and told.image.size > look.image.size


@pytest.mark.parametrize("text", ["", "  \n", "a</answer>", "<answer>b", "</think>", "<tool_call>"])
def test_no_answer(text: str, tmp_path: Path) -> None:
    game = game_of(tmp_path)
    with pytest.raises(MoveError):
        game.answer(text)
    assert game.look is not None and game.look.turn == 0, "no turn is spent"
    game.answer("a < b & 'c' \"d\" {e}")
    assert written(tmp_path)[0]["prediction"] == "a < b & 'c' \"d\" {e}"
    assert written(tmp_path)[0]["well_formed"]


def test_an_answer_that_is_too_long_for_the_rules(tmp_path: Path) -> None:
    game = game_of(tmp_path, max_action_chars=60)
    with pytest.raises(MoveError, match="at most 60 characters"):
        game.answer("x" * 50)
    game.answer("x" * 20)
    assert written(tmp_path)[0]["ending"] == "answered"


def test_moves_out_of_place(tmp_path: Path) -> None:
    game = game_of(tmp_path)
    with pytest.raises(MoveError, match="not over yet"):
        game.go_on()
    for tool in ("crop", "nothing"):
        with pytest.raises(MoveError, match="not to be had"):
            game.ask(tool)
    game.ask("resize")
    with pytest.raises(MoveError, match="not to be had"):
        game.ask("resize")
    game.answer("1")
    for move in (lambda: game.answer("1"), lambda: game.ask("resize")):
        with pytest.raises(MoveError, match="nothing to answer"):
            move()
    game.go_on()
    game.close()
    assert game.over and game.played == [NEEDS], "what is not over counts for nothing"
    game.go_on()
    assert game.over and len(written(tmp_path)) == 1


def test_crops(tmp_path: Path) -> None:
    game = game_of(tmp_path, tools=("crop",))
    for box in (None, [500, 500, 600, 600]):
        with pytest.raises(MoveError):
            game.ask("crop", box)
    game.ask("crop", [0, 0, 40, 20])
    assert game.look is not None and game.look.image.width > game.look.image.height
    game.answer("1")
    record = written(tmp_path)[0]
    assert [turn["tool"] for turn in record["turns"]] == ["crop", None]
    assert record["well_formed"]


def test_a_prompt_that_opens_the_thought(tmp_path: Path) -> None:
    env = env_of()
    env.factory = replace(env.factory, template=env.factory.template.opened())
    game = Game(env, [NEEDS], GameFolder.create(tmp_path, GameSettings()))
    game.answer(right(NEEDS))
    assert written(tmp_path)[0]["well_formed"]


def test_options_are_named_beside_their_letters() -> None:
    image = MemoryImage.__new__(MemoryImage)
    sample = Sample("a", "Which?", ("B", "b2"), image, choices=("red", "blue"))
    assert expected(sample) == "B (blue) or b2"
    assert expected(replace(sample, answers=("4",), choices=None)) == "4"


def test_rules_say_what_is_paid() -> None:
    assert "1, the format 0.5" in rules(RewardConfig())
    assert "a token costs 0.01" in rules(RewardConfig(cost="tokens", price=0.01))
