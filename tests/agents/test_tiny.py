"""The embedded model: its tokenizer, its lessons, and what it can do as it is shipped."""

import json
import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agents.backends import GenerationBackend, Sampling, make_backend
from agents.models.chat import ChatEncoder, load_tokenizer
from agents.models.checkpoints import playable
from agents.rollouts.collect import collect
from agents.rollouts.trajectory import Trajectory
from agents.tiny import CHECKPOINT
from agents.tiny.lessons import IGNORE, MOST_QUESTIONS, Aim, Lesson, dialogue_lesson, pad_lessons
from agents.tiny.marks import DIGITS, MARK_CLASSES, OWNERS, TIED, mark_targets, ties_of
from agents.tiny.model import DEFAULTS, TinyConfig, tiny_limits
from agents.tiny.pages import draw_page
from agents.tiny.pretrain import STATE, Pretrainer
from agents.tiny.recipe import STAGES, PretrainConfig
from agents.tiny.tokenizer import build_tokenizer
from judges import JudgeCase, make_judge
from tests.agents.helpers import world_episodes
from vt_env.checkpoints import read_checkpoint
from vt_env.episode import Episode, EpisodeConfig
from vt_env.errors import ConfigError, UnknownNameError
from vt_env.images.views import ImageLimits
from vt_env.protocol import Action, Answer, parse
from vt_env.rewards import RewardConfig
from vt_env.tasks import SUITES, TASKS, World, draw_scene
from vt_env.tasks.hatching import PATTERNS
from vt_env.tasks.vocabulary import ITEMS
from vt_env.templates import load_template

LIMITS = ImageLimits("qwen2_5_vl")


@pytest.fixture(scope="module")
def encoder() -> ChatEncoder:
    return ChatEncoder(build_tokenizer())


def test_the_tokenizer_is_the_same_each_time_it_is_built(encoder: ChatEncoder) -> None:
    again = build_tokenizer().backend_tokenizer.to_str()
    assert encoder.tokenizer.backend_tokenizer.to_str() == again


def test_every_word_of_the_world_is_one_token(encoder: ChatEncoder) -> None:
    for index in range(80):
        for question in draw_scene(np.random.default_rng(index), 168, SUITES["mixed"]).questions:
            for text in (question.text, question.answer):
                words = re.findall(r"[A-Za-z]+|\d|[^\w\s]+", text)
                assert len(encoder.encode(text)) <= len(words), text


def test_the_protocol_is_few_tokens(encoder: ChatEncoder) -> None:
    brief = load_template("brief")
    assert len(encoder.encode(brief.forced_request)) == 6
    assert len(encoder.encode("<think>42</think><answer>42</answer>")) == 8


def test_the_vocabulary_is_that_of_the_model(checkpoint: Path) -> None:
    config = json.loads((checkpoint / "config.json").read_text())
    assert config["text_config"]["vocab_size"] == len(load_tokenizer(checkpoint))
    assert config["tie_word_embeddings"] is False


def test_the_checkpoint_is_small_and_whole(checkpoint: Path) -> None:
    assert sum(p.stat().st_size for p in checkpoint.iterdir()) < 20 * 2**20
    config = json.loads((checkpoint / "config.json").read_text())
    assert config["architectures"] == ["Qwen2_5_VLForConditionalGeneration"]


def test_the_checkpoint_comes_from_todays_recipe(checkpoint: Path) -> None:
    record = json.loads((checkpoint / "pretraining.json").read_text())
    recipe = PretrainConfig(**record["recipe"])
    assert recipe == PretrainConfig()
    assert TinyConfig(**record["model"]) == TinyConfig()
    for number, stage in enumerate(STAGES):
        done = [row["step"] for row in record["curve"] if row["stage"] == stage]
        assert done[-1] == recipe.steps(number)
    assert record["curve"][-1]["seconds"] <= 2 * 60 * 60


def lesson(encoder: ChatEncoder, rng: np.random.Generator, share: float = 0.5) -> Lesson:
    return dialogue_lesson(rng, encoder, LIMITS, load_template("brief"), 168, share)


def test_dialogues_ask_by_a_coin_and_teach_only_the_models_own_turns(encoder: ChatEncoder) -> None:
    rng = np.random.default_rng(0)
    asked = []
    for _ in range(300):
        given = lesson(encoder, rng)
        asked.append(len(given.images) == 2)
        pads = given.ids.count(encoder.image_pad)
        assert pads == (45 if asked[-1] else 9) == len(given.marks)
        learned = encoder.tokenizer.decode([i for i in given.labels if i != IGNORE])
        turns = learned.split("<|im_end|>")
        assert turns.pop() == ""
        assert len(turns) == len(given.aims) <= MOST_QUESTIONS + asked[-1]
        assert ("unclear" in turns.pop(0)) if asked[-1] else ("unclear" not in learned)
        assert all(isinstance(parse(turn), Answer) for turn in turns)
        assert "<|im_start|>" not in learned
    assert 0.4 < np.mean(asked) < 0.6


def test_it_thinks_what_it_reads_and_names_an_option_not_its_letter(
    encoder: ChatEncoder,
) -> None:
    rng = np.random.default_rng(1)
    thoughts, offered = defaultdict[str, set[str]](set), 0
    for _ in range(400):
        given = lesson(encoder, rng)
        offered += " or D " in encoder.tokenizer.decode(given.ids)
        for aim in given.aims:
            turn = _turn(encoder, given, aim)
            if isinstance(turn, Answer) and turn.thought:
                thoughts[turn.text].add(turn.thought)
    assert offered > 10
    assert not set("ABCD") & (set(thoughts) | set().union(*thoughts.values()))
    for word in ("yes", "no"):
        assert word in thoughts[word]
        assert thoughts.pop(word) - {word} <= set(PATTERNS)
    assert all(read == {answer} for answer, read in thoughts.items())


def test_an_option_in_a_question_is_the_same_token_as_alone(encoder: ChatEncoder) -> None:
    question = encoder.encode("What does the shop sell: A milk, B soap, C cake or D tea?")
    for item in ("milk", "soap", "cake", "tea"):
        assert set(encoder.encode(item)) <= set(question)


def test_an_option_by_its_name_is_right() -> None:
    world = World("test", suite="mixed")
    sample = next(sample for sample in map(world.__getitem__, range(100)) if sample.choices)
    assert sample.choices is not None
    right = "ABCD".index(sample.answers[0])
    for number, option in enumerate(sample.choices):
        case = JudgeCase(sample.question, sample.answers, option, sample.kind, sample.choices)
        assert make_judge("rule").judge([case])[0].score == float(number == right)


def test_aims_at_a_number_lie_on_its_digits(encoder: ChatEncoder) -> None:
    rng = np.random.default_rng(2)
    met = 0
    for _ in range(100):
        given = lesson(encoder, rng)
        places = [place for place, token in enumerate(given.ids) if token == encoder.image_pad]
        for aim in given.aims:
            turn = _turn(encoder, given, aim)
            if not isinstance(turn, Answer) or len(turn.text) != 2 or turn.text == "no":
                continue
            rows = [places.index(place) for place in aim.evidence]
            if min(rows) < 9 or len(rows) > 4:  # small type on the sharp view alone
                continue
            marked = given.marks[rows].any(axis=0)
            assert marked[int(turn.text[0])]
            assert marked[10 + int(turn.text[1])]
            met += 1
    assert met > 30


def _turn(encoder: ChatEncoder, given: Lesson, aim: Aim) -> Action:
    first, last = aim.turn
    return parse(encoder.tokenizer.decode(given.ids[first : last - 1]))


def test_whether_a_dialogue_asks_says_nothing_of_the_need(encoder: ChatEncoder) -> None:
    """The same scenes are drawn whatever the coin says, so need and request are independent."""
    for seed in range(40):
        texts = []
        for share in (0.0, 1.0):
            given = lesson(encoder, np.random.default_rng(seed), share)
            text = encoder.tokenizer.decode(given.ids)
            texts.append(text.split("<|vision_end|>")[1].split("<|im_end|>")[0])
        assert texts[0] == texts[1]


def test_padding_teaches_nothing(encoder: ChatEncoder) -> None:
    rng = np.random.default_rng(0)
    lessons = [lesson(encoder, rng, share) for share in (0.0, 1.0)]
    ids, mask, labels = pad_lessons(lessons, encoder.pad)
    assert ids.shape == mask.shape == labels.shape
    assert (labels[mask == 0] == IGNORE).all()
    assert mask.sum() == sum(len(given.ids) for given in lessons)


def test_every_mark_of_a_page_lies_in_its_token() -> None:
    page = draw_page(np.random.default_rng(10), 112).sheet
    targets = mark_targets(page, (), 112, 28)
    assert targets.shape == (16, MARK_CLASSES)
    numbers = [written for written in page.written if written.text.isdigit()]
    words = [written for written in page.written if written.text in ITEMS]
    assert len(numbers) > 4
    assert len(words) > 1
    for written in numbers:
        left, top, right, bottom = written.box
        row = int((top + bottom) / 2 // 28)
        for share, label in ((0.25, int(written.text[0])), (0.75, 10 + int(written.text[1]))):
            assert targets[row * 4 + int((left + share * (right - left)) // 28), label] == 1.0
    for written in words:
        left, top, right, bottom = written.box
        token = int((top + bottom) / 2 // 28) * 4 + int((left + right) / 2 // 28)
        assert targets[token, DIGITS + ITEMS.index(written.text)] == 1.0


def test_a_number_is_tied_to_what_its_question_names_it_by() -> None:
    met = 0
    for index in range(80):
        scene = draw_scene(np.random.default_rng(index), 224, SUITES["mixed"])
        ties = ties_of(scene.sheet, scene.questions)
        targets = mark_targets(scene.sheet, ties, 224, 28)
        assert targets[:, TIED:].any() == bool(ties)
        for question in scene.questions:
            price = re.fullmatch(r"How much is the (\w+)\?", question.text)
            if not price:
                continue
            tie = next(t for t in ties if t.owner == price[1])
            assert tie.number.text == question.answer
            place = TIED + OWNERS.index(tie.owner) * DIGITS
            left, top, right, bottom = tie.number.box
            row = int((top + bottom) / 2 // 28)
            digits = (int(question.answer[0]), 10 + int(question.answer[1]))
            for share, digit in zip((0.25, 0.75), digits, strict=True):
                token = row * 8 + int((left + share * (right - left)) // 28)
                assert targets[token, place + digit] == 1.0
            met += 1
    assert met > 10


def test_rows_of_a_list_tie_their_numbers_to_their_items() -> None:
    lists = [
        page for seed in range(20) if (page := draw_page(np.random.default_rng(seed), 168)).ties
    ]
    assert lists
    for page in lists:
        for tie in page.ties:
            level = [
                w.text.lower() for w in page.sheet.written if abs(w.box[3] - tie.number.box[3]) < 5
            ]
            assert tie.number.text in level
            assert tie.owner in level


def test_marks_too_small_to_be_seen_are_not_asked_for() -> None:
    for index in range(30):
        sheet = draw_scene(np.random.default_rng(index), 168, SUITES["mixed"]).sheet
        fine = [w for w in sheet.written if w.size < 16 and (w.text.isdigit() or w.text in ITEMS)]
        full, low = (mark_targets(sheet, (), side, 28) for side in (168, 84))
        assert full.sum() >= low.sum()
        if fine and not any(w.size >= 16 for w in sheet.written):
            assert low[:, : DIGITS + len(ITEMS)].sum() == 0


SHORT = PretrainConfig(
    tower_steps=3,
    dialogue_steps=8,
    tower_batch_size=8,
    batch_size=4,
    pages_beside=2,
    save_every=2,
    shards=1,
)


def weights(directory: Path) -> bytes:
    return (directory / "model.safetensors").read_bytes()


@pytest.mark.parametrize("shards", [1, 2])
def test_pretraining_is_deterministic_and_learns(tmp_path: Path, shards: int) -> None:
    config = replace(SHORT, shards=shards)
    losses: list[list[float]] = []
    for name in ("one", "two"):
        seen: list[float] = []
        Pretrainer(config, tmp_path / name).run(lambda *step, seen=seen: seen.append(step[3]))  # type: ignore[misc]
        losses.append(seen)
    assert losses[0] == losses[1]
    assert losses[0][10] < losses[0][3]
    assert weights(tmp_path / "one") == weights(tmp_path / "two")
    assert not (tmp_path / "one" / STATE).exists()
    with pytest.raises(ConfigError, match="finished model"):
        Pretrainer(SHORT, tmp_path / "one")


class KilledError(Exception):
    """Stands for the kill of a run."""


@pytest.mark.parametrize("killed_after", [3, 6])
def test_a_killed_pretraining_goes_on_to_the_same_weights(
    tmp_path: Path, killed_after: int
) -> None:
    Pretrainer(SHORT, tmp_path / "whole").run(lambda *_: None)
    steps = 0

    def kill(*_: object) -> None:
        nonlocal steps
        steps += 1
        if steps == killed_after:
            raise KilledError

    with pytest.raises(KilledError):
        Pretrainer(SHORT, tmp_path / "broken").run(kill)
    with pytest.raises(ConfigError, match="--resume"):
        Pretrainer(SHORT, tmp_path / "broken")
    with pytest.raises(ConfigError, match="another lr"):
        Pretrainer(replace(SHORT, lr=1e-5), tmp_path / "broken", resume=True)
    Pretrainer(SHORT, tmp_path / "broken", resume=True).run(lambda *_: None)
    assert weights(tmp_path / "broken") == weights(tmp_path / "whole")
    records = [
        json.loads((tmp_path / name / "pretraining.json").read_text())["curve"]
        for name in ("whole", "broken")
    ]
    for whole, broken in zip(*records, strict=True):
        assert {**whole, "seconds": 0} == {**broken, "seconds": 0}


def test_there_must_be_something_to_resume(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no unfinished run"):
        Pretrainer(SHORT, tmp_path / "none", resume=True)


def test_a_qwen3_vl_is_built_trained_and_served_by_the_same_code(tmp_path: Path) -> None:
    config = replace(SHORT, architecture="qwen3_vl", canvas=192)
    Pretrainer(config, tmp_path).run(lambda *_: None)
    found = playable(tmp_path)
    limits = tiny_limits("qwen3_vl")
    assert found.defaults == read_checkpoint(CHECKPOINT).defaults == DEFAULTS
    assert (found.token_family, found.processor) == (
        "qwen3_vl",
        (limits.min_pixels, limits.max_pixels),
    )
    world = World("test", canvas=192, suite="mixed")
    episodes = [
        Episode(world[i], EpisodeConfig(limits=limits), RewardConfig(), load_template("brief"))
        for i in range(4)
    ]
    backend = make_backend("transformers", tmp_path)
    played = collect(
        backend,
        episodes,
        make_judge("rule"),
        Sampling(max_new_tokens=4),
        lambda _episode: "request",
    )
    assert [trajectory.visual_tokens for trajectory in played] == [9 + 36] * 4
    backend.close()


def test_bad_recipes_are_named() -> None:
    with pytest.raises(ConfigError, match="request_share"):
        PretrainConfig(request_share=2.0)
    with pytest.raises(ConfigError, match="tower_steps"):
        PretrainConfig(tower_steps=-1)
    with pytest.raises(ConfigError, match="batch_size"):
        PretrainConfig(batch_size=0)
    with pytest.raises(UnknownNameError, match="Did you mean 'qwen3_vl'"):
        TinyConfig("qwen3vl")


@pytest.fixture(scope="module")
def forced(hf_backend: GenerationBackend) -> dict[str, list[Trajectory]]:
    """The shipped model's episodes at temperature 0, its decision forced."""
    return {
        decision: collect(
            hf_backend,
            world_episodes(420, split="test"),
            make_judge("rule"),
            Sampling(temperature=0.0, max_new_tokens=32),
            lambda _episode, decision=decision: decision,  # type: ignore[misc]
        )
        for decision in ("answer", "request")
    }


def test_before_rl_it_asks_whatever_the_question(hf_backend: GenerationBackend) -> None:
    played = collect(
        hf_backend,
        world_episodes(420, split="test"),
        make_judge("rule"),
        Sampling(seed=0, max_new_tokens=32),
    )
    assert np.mean([t.outcome.well_formed for t in played]) >= 0.98
    for family in TASKS:
        mine = [t.outcome.requested for t in played if t.family == family]
        assert 0.3 <= np.mean(mine) <= 0.7


def test_the_bands_are_where_the_models_accuracy_puts_them(
    forced: dict[str, list[Trajectory]],
) -> None:
    def accuracy(decision: str, need: bool) -> float:
        mine = [t for t in forced[decision] if t.outcome.needs_high_res is need]
        return float(np.mean([t.outcome.correct for t in mine]))

    assert accuracy("answer", False) >= 0.9
    assert accuracy("answer", True) <= 0.23  # chance, 15 %, and eight points
    assert accuracy("request", True) >= 0.9
    assert accuracy("request", False) >= 0.9
