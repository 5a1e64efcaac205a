"""``visionthink play``: a person plays, and is scored beside the policy and the oracle."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

from benchmarks.evaluation.baselines import write_records
from benchmarks.evaluation.play import Batch
from benchmarks.play.folder import GameFolder
from benchmarks.play.score import PolicyEpisodes, Score, perfect_episodes, scored
from benchmarks.play.server import served
from benchmarks.play.session import Game
from benchmarks.play.settings import GameSettings, drawn
from benchmarks.play.terminal import play_in_terminal
from benchmarks.report.terminal import console, metrics_table
from judges import check_judge
from vt_env import VisionThinkEnv, open_env


def play(settings: GameSettings, out: Path, port: int = 0, terminal: bool = False) -> Score | None:
    """Has a person play, scores what was played, and writes both.

    Args:
        settings: What is played.
        out: Where the game's folder goes.
        port: Where the page is; 0: any free port.
        terminal: Whether it is played in the terminal.

    Returns:
        The score; None where no sample was played to its end.

    Raises:
        BackendError: If the model is no checkpoint that the engines can play.
        ConfigError: If a setting cannot work.
        JudgeError: If the judge cannot work.
    """
    settings = settings.resolved()
    if settings.has_policy:
        _check_packages()
    env = open_env(settings.env.id, **settings.env_settings())
    try:
        check_judge(env.judge)
        folder = GameFolder.create(out, settings)
        indices = drawn(len(env.dataset), settings.samples, settings.seed)
        game = Game(env, indices, folder)
        if terminal:
            _until_over(lambda: play_in_terminal(game, console.input, console, folder.path))
            game.close()
            return _score(settings, env, game, folder)
        with served(game, port) as shown:
            console.print(f"Play at {shown.url} (Ctrl-C ends the game)", soft_wrap=True)
            _until_over(shown.wait)
            shown.close()
            score = _score(settings, env, game, folder)
            if score is not None:
                shown.show(score)
            return score
    finally:
        env.close()


def _check_packages() -> None:
    """Refuses before the game what could not be played after it."""
    for name in ("torch", "transformers"):
        if importlib.util.find_spec(name) is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _until_over(playing: Callable[[], None]) -> None:
    try:
        playing()
    except (KeyboardInterrupt, EOFError):
        console.print("\nThe game ends here.")


def _score(
    settings: GameSettings, env: VisionThinkEnv, game: Game, folder: GameFolder
) -> Score | None:
    """Scores what was played; the person's own score is written and kept whatever comes after."""
    if not game.episodes:
        console.print("No sample was played to its end, so there is no score.")
        return None
    perfect = perfect_episodes(env, game.played)
    score = scored(game.episodes, perfect, None)
    folder.keep_summary(score.summary)
    try:
        if settings.has_policy:
            policy = _policy(settings, env, game.played, folder)
            score = scored(game.episodes, perfect, policy)
            folder.keep_summary(score.summary)
    except KeyboardInterrupt:
        console.print("\nThe policy was not played to its end.")
    finally:
        console.print(metrics_table(score.rows, score.title))
        for note in score.notes:
            console.print(note, markup=False)
        console.print(f"Every episode: {folder.episodes_file}", soft_wrap=True)
    return score


def _policy(
    settings: GameSettings, env: VisionThinkEnv, indices: list[int], folder: GameFolder
) -> PolicyEpisodes:
    """Has the policy play the same samples, as it decides and both ways forced."""
    console.print("The policy plays the same samples.")
    with settings.player(settings.known(), env, settings.seed) as player:
        own, low, high = player.ways(
            Batch(0, indices),
            [(settings.temperature, None), (0.0, "answer"), (0.0, "request")],
        )
    write_records(own, folder.path / "policy.jsonl")
    return PolicyEpisodes(own, low, high)
