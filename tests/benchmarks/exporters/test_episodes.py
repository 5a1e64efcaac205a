"""Episodes of the final evaluation as pictures."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from agents import Pass, Sampling, Trajectory
from agents.rollouts import play_passes
from benchmarks import TrainSettings
from benchmarks.exporters.episodes import caption, shown_episodes
from vt_env import open_env
from vt_env.settings.tree import build

SETTINGS = build(TrainSettings, {"engine.backend": "transformers"})


@pytest.fixture(scope="module")
def policy(hf_backend: Any) -> list[Trajectory]:
    env = open_env(SETTINGS.env.id, **SETTINGS.eval_env())
    sampling = Sampling(temperature=0.0, max_new_tokens=16)
    return play_passes(hf_backend, env.factory, env.judge, [4, 2, 7], [Pass(sampling)])[0]


def test_the_low_view_of_each_with_what_became_of_it(policy: list[Trajectory]) -> None:
    env_settings = SETTINGS.eval_env()
    shown = shown_episodes(policy, SETTINGS.env.id, env_settings)
    assert [one.caption for one in shown] == [caption(t) for t in policy]
    env = open_env(SETTINGS.env.id, **env_settings)
    for one, index in zip(shown, (4, 2, 7), strict=True):
        seen = env.factory.episode(index).observation.image
        assert np.array_equal(np.asarray(one.image), np.asarray(seen))
        assert one.image.mode == "RGB"
    assert len(shown_episodes(policy, SETTINGS.env.id, env_settings, most=2)) == 2


def test_the_caption_says_what_became_of_it(policy: list[Trajectory]) -> None:
    record = replace(
        policy[0].record, question="What color?", prediction="red", correct=False, requested=True
    )
    one = replace(policy[0], record=record)
    assert caption(one) == "What color? → 'red', wrong, after asking"
    nothing = replace(record, prediction=None, correct=None, requested=False)
    text = caption(replace(one, record=nothing))
    assert text == "What color? → no answer, not judged, without asking"
