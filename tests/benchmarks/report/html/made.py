"""Run folders that nobody trained: a scripted policy plays the world, written as a run has it."""

import json
import random
from pathlib import Path
from typing import Any

from benchmarks.training.run_folder import RunFolder
from benchmarks.training.settings import TrainSettings
from vt_env import Episode, VisionThinkEnv, open_env
from vt_env.settings.tree import build

BRIEF = {"engine.backend": "transformers", "grpo.num_generations": 4, "world.canvas": 112}
ANSWERS = "<think>{0}</think><answer>{0}</answer>"


def played(env: VisionThinkEnv, index: int, ask: bool, right: bool) -> Episode:
    """An episode in which a scripted policy asks, or does not, and is right, or is not."""
    episode = env.factory.episode(index)
    if ask:
        turn = episode.forced_request
        assert turn is not None
        episode.step(turn)
    answer = episode.sample.answers[0] if right else "</b> 17 & <i>none"
    case = episode.step(ANSWERS.format(answer)).case
    assert case is not None
    episode.settle(env.judge.judge([case])[0])
    return episode


def made_run(root: Path, name: str, episodes: int = 6, iterations: int = 4, **changes: Any) -> Path:
    """A run's folder.

    Args:
        root: Where it is made.
        name: What it is called.
        episodes: Of its final evaluation.
        iterations: Each with a group of training.
        **changes: Settings, by path, with ``__`` for the dot.
    """
    given = {path.replace("__", "."): value for path, value in changes.items()}
    settings = build(TrainSettings, {**BRIEF, "run.iterations": iterations, **given})
    dice = random.Random(f"{name} {settings.run.seed}")
    folder = RunFolder(root / name)
    folder.create(settings)
    write_evaluation(folder, settings, episodes, dice)
    write_training(folder, settings, iterations, dice)
    folder.close()
    return folder.path


def write_evaluation(
    folder: RunFolder, settings: TrainSettings, episodes: int, dice: random.Random
) -> None:
    env = open_env(settings.env.id, **settings.eval_env())
    records, starts = [], []
    for index in range(episodes):
        need = env.factory.dataset[index].needs_high_res
        ask = dice.random() < 0.5
        record = played(env, index, ask, right=ask or not need).record(index)
        records.append(record.to_line())
        ways = {}
        for way in ("answer", "request"):
            one = played(env, index, way == "request", way == "request" or not need).record(0)
            ways[way] = {
                "correct": one.correct, "reward": round(one.reward, 6),
                "prediction": one.prediction, "visual_tokens": one.visual_tokens,
            }  # fmt: skip
        oracle = "request" if need else "answer"
        row = {"index": index, "sample_id": record.sample_id, "needs_high_res": need}
        starts.append(json.dumps({**row, **ways, "oracle": oracle}) + "\n")
    env.close()
    (folder.path / "episodes.jsonl").write_text("".join(records))
    (folder.path / "starts.jsonl").write_text("".join(starts))
    folder.write_json("summary.json", a_summary(episodes))


def a_summary(episodes: int) -> dict[str, Any]:
    """Of a final evaluation."""
    point = {
        "accuracy": 0.9, "resize_call_ratio": 0.5, "request_rate_need": 0.95,
        "request_rate_no_need": 0.04, "visual_tokens/share_of_full": 0.75, "reward": 1.3,
        "endings/answered": 0.98, "endings/cut_off": 0.02, "episodes": episodes,
        "regret_to_start_oracle": 0.02,
    }  # fmt: skip
    low = {**point, "accuracy": 0.55, "visual_tokens/share_of_full": 0.25}
    high = {**point, "accuracy": 0.95, "visual_tokens/share_of_full": 1.25}
    best = {**point, "accuracy": 0.94, "visual_tokens/share_of_full": 0.72}
    named = {"always_low": low, "always_high": high, "oracle": best, "start_oracle": best,
             "untrained": {**point, "accuracy": None}}  # fmt: skip
    return {**point, "baselines": named, "by_family": {"objects": point}}


def write_training(
    folder: RunFolder, settings: TrainSettings, iterations: int, dice: random.Random
) -> None:
    env = open_env(settings.env.id, **settings.train_env())
    for iteration in range(1, iterations + 1):
        share = iteration / iterations
        folder.log(iteration, a_row(share, dice))
        lines = []
        for member in range(4):
            episode = played(env, 1000 + iteration, member % 2 == 0, member != 3)
            record = json.loads(episode.record(member).to_line())
            text = [word for turn in record["turns"] for word in turn["action"].split(" ")]
            count = len(text)
            row = {
                "iteration": iteration, "group": 0, "member": member, "index": 1000 + iteration,
                "sample_id": record["sample_id"], "forced": None, "refused": False,
                "advantage": 0.5 - member / 2, "turn_advantages": None,
                "reward": record["reward"], "reward_terms": record["reward_terms"],
                "record": record,
                "tokens": {
                    "text": ["<|im_start|>user\nAnswer.", "", *text],
                    "loss_mask": [0, 0, *[1] * count],
                    "logprob": [None, None, *[-0.9 * dice.random() for _ in text]],
                    "advantage": [None, None, *[0.5 - member / 2] * count],
                    "image_tokens": [0, 4, *[0] * count],
                },
            }  # fmt: skip
            lines.append(json.dumps(row) + "\n")
        folder.log_rollouts(lines)
    env.close()
    folder.log_finding({
        "iteration": iterations, "name": "always asks", "severity": "warning",
        "evidence": "95% of samples <b>without</b> need.", "advice": "Raise --rewards.price.",
    })  # fmt: skip


def a_row(share: float, dice: random.Random) -> dict[str, float]:
    """Metrics of an iteration, this share of the way."""
    noise = 0.05 * dice.random()
    return {
        "request_rate_need": 0.5 + 0.4 * share + noise,
        "request_rate_no_need": 0.5 - 0.4 * share + noise,
        "accuracy": 0.6 + 0.3 * share + noise, "reward": 1.0 + 0.3 * share + noise,
        "visual_tokens/share_of_full": 0.8 + noise, "endings/answered": 1.0 - noise,
        "endings/cut_off": noise, "endings/malformed": 0.0,
        "rewards/accuracy/mean": 0.7 + noise, "rewards/token_cost/mean": -0.08,
        "by_family/objects/resize_call_ratio": 0.5 + noise,
        "by_family/charts/resize_call_ratio": 0.4 + noise,
        "timing/iteration": 1.5 + noise, "timing/rollout": 1.0, "timing/generate": 0.8,
        "timing/judge_wait": 0.1, "timing/learner": 0.3, "timing/sync": 0.1,
    }  # fmt: skip
