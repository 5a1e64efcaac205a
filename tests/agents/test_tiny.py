"""The embedded model: its tokenizer, its lessons, and what it can do as it is shipped."""

import json
from pathlib import Path

import numpy as np
import pytest

from agents.backends import GenerationBackend, Sampling
from agents.chat import ChatEncoder
from agents.rollout import collect
from agents.tiny.lessons import IGNORE, dialogue_lesson, pad_lessons, question_lesson
from agents.tiny.pages import GLYPH_CLASSES, draw_page, glyph_targets
from agents.tiny.pretrain import PretrainConfig, Pretrainer
from agents.tiny.tokenizer import build_tokenizer
from judges import make_judge
from tests.agents.helpers import world_episodes
from vt_env.errors import ConfigError
from vt_env.tasks import World
from vt_env.templates import load_template
from vt_env.tokens import visual_tokens


@pytest.fixture(scope="module")
def encoder() -> ChatEncoder:
    return ChatEncoder(build_tokenizer())


def test_the_shipped_tokenizer_is_the_one_that_is_built(
    encoder: ChatEncoder, checkpoint: Path
) -> None:
    shipped = json.loads((checkpoint / "tokenizer.json").read_text())
    built = json.loads(encoder.tokenizer.backend_tokenizer.to_str())
    assert shipped["model"]["vocab"] == built["model"]["vocab"]
    assert shipped["model"]["merges"] == built["model"]["merges"]
    assert shipped["added_tokens"] == built["added_tokens"]


def test_the_protocol_is_few_tokens(encoder: ChatEncoder) -> None:
    brief = load_template("brief")
    assert len(encoder.encode(brief.forced_request)) == 6
    assert len(encoder.encode("<think>42</think><answer>42</answer>")) == 8


def test_the_vocabulary_is_that_of_the_model(checkpoint: Path, encoder: ChatEncoder) -> None:
    config = json.loads((checkpoint / "config.json").read_text())
    assert config["text_config"]["vocab_size"] == len(encoder.tokenizer)
    assert config["tie_word_embeddings"] is False


def test_the_checkpoint_is_small_and_whole(checkpoint: Path) -> None:
    assert sum(p.stat().st_size for p in checkpoint.iterdir()) < 20 * 2**20
    recipe = json.loads((checkpoint / "pretraining.json").read_text())
    assert [run["recipe"]["start"] for run in recipe["runs"]] == [False, True, True]
    for run in recipe["runs"]:
        for stage, steps in (("question", "question_steps"), ("dialogue", "dialogue_steps")):
            done = [row["step"] for row in run["curve"] if row["stage"] == f"{stage}s"]
            assert done[-1] == run["recipe"][steps]


def test_dialogues_ask_by_a_coin_and_teach_only_the_models_own_turns(encoder: ChatEncoder) -> None:
    world, template = World("train"), load_template("brief")
    rng = np.random.default_rng(0)
    asked: dict[bool | None, list[bool]] = {True: [], False: [], None: []}
    for index in range(400):
        sample = world[index]
        lesson = dialogue_lesson(rng, sample, encoder, template, 0.5)
        asked[sample.needs_high_res].append(len(lesson.images) == 2)
        pads = lesson.ids.count(encoder.image_pad)
        assert pads == (20 if len(lesson.images) == 2 else 4)
        learned = [i for i in lesson.labels if i != IGNORE]
        text = encoder.tokenizer.decode(learned)
        assert text.count("<|im_end|>") == len(lesson.images)
        assert text.count("unclear") == len(lesson.images) - 1
        assert f"<answer>{sample.answers[0]}</answer>" in text
        assert "<|im_start|>" not in text
    for coins in asked.values():
        assert 0.35 < np.mean(coins) < 0.65


def test_question_lessons_count_their_images(encoder: ChatEncoder) -> None:
    rng = np.random.default_rng(0)
    for scale, tokens in ((1.0, 16), (0.5, 4)):
        lesson = question_lesson(rng, encoder, 112, scale)
        height, width, _ = lesson.images[0].shape
        assert lesson.ids.count(encoder.image_pad) == tokens
        assert visual_tokens("qwen2_5_vl", width, height) == tokens


def test_padding_teaches_nothing(encoder: ChatEncoder) -> None:
    rng = np.random.default_rng(0)
    lessons = [question_lesson(rng, encoder, 112, scale) for scale in (1.0, 0.5)]
    ids, mask, labels = pad_lessons(lessons, encoder.pad)
    assert ids.shape == mask.shape == labels.shape
    assert (labels[mask == 0] == IGNORE).all()
    assert mask.sum() == sum(len(lesson.ids) for lesson in lessons)


def test_every_glyph_lies_in_one_token() -> None:
    page = draw_page(np.random.default_rng(1), 112)
    targets = glyph_targets(page, 4, 28.0)
    assert targets.shape == (16, GLYPH_CLASSES)
    assert 0 < targets.sum() <= len(page.glyphs)
    for glyph in page.glyphs:
        token = int(min(3, glyph.y // 28)) * 4 + int(min(3, glyph.x // 28))
        assert targets[token, glyph.label] == 1.0


def test_pretraining_is_deterministic_and_learns(tmp_path: Path) -> None:
    config = PretrainConfig(page_steps=2, question_steps=12, dialogue_steps=2, batch_size=8)
    losses: list[list[float]] = []
    for name in ("one", "two"):
        seen: list[float] = []
        Pretrainer(config, tmp_path / name).run(lambda *step, seen=seen: seen.append(step[3]))  # type: ignore[misc]
        losses.append(seen)
    assert losses[0] == losses[1]
    assert losses[0][13] < losses[0][2]
    first, second = ((tmp_path / n / "model.safetensors").read_bytes() for n in ("one", "two"))
    assert first == second


def test_bad_recipes_are_named() -> None:
    with pytest.raises(ConfigError, match="request_share"):
        PretrainConfig(request_share=2.0)
    with pytest.raises(ConfigError, match="page_steps"):
        PretrainConfig(page_steps=-1)


def test_before_rl_it_asks_whatever_the_question(hf_backend: GenerationBackend) -> None:
    played = collect(
        hf_backend, world_episodes(400, split="test"), make_judge("rule"), Sampling(seed=0)
    )
    assert np.mean([t.outcome.well_formed for t in played]) >= 0.95
    for family in ("objects", "numbers", "stripes"):
        mine = [t.outcome.requested for t in played if t.family == family]
        assert 0.3 <= np.mean(mine) <= 0.7


def test_the_bands_are_where_the_models_accuracy_puts_them(hf_backend: GenerationBackend) -> None:
    greedy, judge = Sampling(temperature=0.0), make_judge("rule")
    played = {
        decision: collect(
            hf_backend,
            world_episodes(400, split="test"),
            judge,
            greedy,
            lambda _episode, decision=decision: decision,  # type: ignore[misc]
        )
        for decision in ("answer", "request")
    }

    def accuracy(decision: str, need: bool) -> float:
        mine = [t for t in played[decision] if t.outcome.needs_high_res is need]
        return float(np.mean([t.outcome.correct for t in mine]))

    assert accuracy("answer", False) >= 0.95
    assert accuracy("answer", True) <= 0.5
    assert accuracy("request", True) >= 0.9
    assert accuracy("request", False) >= 0.95
