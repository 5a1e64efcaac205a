"""The throw-away heads: what they ask, and that a model learns from them."""

import numpy as np
import pytest
import torch

from agents.models.chat import ChatEncoder
from agents.tiny.learner import Learner
from agents.tiny.lessons import IGNORE, Lesson, dialogue_lesson, pad_lessons
from agents.tiny.probes import lesson_losses
from agents.tiny.recipe import PretrainConfig
from agents.tiny.tokenizer import build_tokenizer


@pytest.fixture(scope="module")
def learner(tmp_path_factory: pytest.TempPathFactory) -> Learner:
    from agents.tiny.model import save_processor

    config, out = PretrainConfig(), tmp_path_factory.mktemp("learner")
    save_processor(config.architecture, out)
    return Learner(config, build_tokenizer(), out)


def lessons(learner: Learner, count: int) -> list[Lesson]:
    rng = np.random.default_rng(0)
    return [
        dialogue_lesson(rng, learner.encoder, learner.limits, learner.template, 168, share)
        for share in [0.0, 1.0] * (count // 2)
    ]


def losses(learner: Learner, given: list[Lesson]) -> torch.Tensor:
    return lesson_losses(
        learner.model, learner.probes, learner.encoder, learner.vision, given
    ).detach()


def test_aims_point_from_learned_tokens_to_visual_ones(learner: Learner) -> None:
    encoder: ChatEncoder = learner.encoder
    for lesson in lessons(learner, 12):
        assert lesson.aims
        for aim in lesson.aims:
            first, last = aim.turn
            assert lesson.labels[first:last] == lesson.ids[first:last]
            assert lesson.ids[last - 1] == encoder.eos
            assert aim.evidence
            assert {lesson.ids[place] for place in aim.evidence} == {encoder.image_pad}
            assert max(aim.evidence) < first


def test_the_aim_loss_is_the_evidence_of_a_uniform_guess(learner: Learner) -> None:
    """With a query of zeros every visual token is as likely, so the loss is known by counting."""
    given = lessons(learner, 4)
    ids = torch.from_numpy(pad_lessons(given, learner.encoder.pad)[0])
    visual = ids == learner.encoder.image_pad
    weights = {name: value.clone() for name, value in learner.probes.state_dict().items()}
    with torch.no_grad():
        learner.probes.query.weight.zero_()
        learner.probes.query.bias.zero_()
        got = float(losses(learner, given)[2])
    learner.probes.load_state_dict(weights)
    expected = [
        np.log(int(visual[row, : aim.turn[0]].sum()) / len(aim.evidence))
        for row, lesson in enumerate(given)
        for aim in lesson.aims
        for _ in range(*aim.turn)
    ]
    assert got == pytest.approx(np.mean(expected), rel=1e-5)


def test_the_losses_are_means_over_what_all_lessons_hold(learner: Learner) -> None:
    given = lessons(learner, 6)
    each = torch.stack([losses(learner, [lesson]) for lesson in given])
    counts = [
        (
            sum(label != IGNORE for label in lesson.labels),
            len(lesson.marks),
            sum(aim.turn[1] - aim.turn[0] for aim in lesson.aims),
        )
        for lesson in given
    ]
    shares = torch.tensor(counts, dtype=torch.float32)
    expected = (each * shares).sum(dim=0) / shares.sum(dim=0)
    torch.testing.assert_close(losses(learner, given), expected, rtol=1e-5, atol=1e-6)


def test_every_part_of_the_model_learns_from_the_loss(learner: Learner) -> None:
    for parameter in [*learner.model.parameters(), *learner.probes.parameters()]:
        parameter.grad = None
    learner.loss(learner.draw(stage=1, step=1, shard=0)).backward()
    for name, parameter in learner.trained(1):
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
