"""The work of an iteration shared out among env runners: the gradient must not tell how many."""

import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray

from agents.errors import BackendError, ProcessEndedError, TrainingError
from agents.grpo.algorithm import GRPOConfig
from agents.grpo.env_runner import GRPOEnvRunner
from agents.restarts import Restart
from agents.rollouts.trajectory import Trajectory
from tests.agents.helpers import trajectory
from vt_env.errors import DataError, DatasetError, UnknownNameError
from vt_env.rewards import Outcome

PROMPTS, GENERATIONS = 4, 3


def played_group(position: int) -> list[Trajectory]:
    """The group at a position of the prompt stream: each spreads its rewards otherwise."""
    rng = np.random.default_rng(position)
    rewards = (0.5 + rng.normal(size=GENERATIONS) * (1 + 5 * position)).tolist()
    return [
        trajectory(
            sample_id=f"s{position}",
            reward_terms={"accuracy": reward},
            outcome=Outcome(correct=True, requested=number == 0, well_formed=True),
        )
        for number, reward in enumerate(rewards)
    ]


class ScriptedRunner(GRPOEnvRunner):
    """Plays what is written down for each position of the stream, with no engine."""

    def make_module(self) -> None:
        self.backend: Any = self

    def close(self) -> None:
        """Nothing to close."""

    def load_weights(self, weights: Any) -> None:
        """Plays the same whatever the weights."""

    def play_groups(self, start: int, count: int, forced: float = 0.0) -> list[Trajectory]:
        return [t for position in range(start, start + count) for t in played_group(position)]


@pytest.fixture(scope="module")
def session() -> Iterator[None]:
    ray.init(
        num_cpus=12, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1"
    )
    yield
    ray.shutdown()


class FlatAtFirst(ScriptedRunner):
    """The first three groups of the stream have no spread."""

    def play_groups(self, start: int, count: int, forced: float = 0.0) -> list[Trajectory]:
        return [
            replace(t, reward_terms={"accuracy": 1.0}) if t.sample_id in ("s0", "s1", "s2") else t
            for t in super().play_groups(start, count, forced)
        ]


class FailingRunner(ScriptedRunner):
    """The first runner fails where it is told to; the second one takes its time."""

    where = "play"

    def make_module(self) -> None:
        super().make_module()
        if self.where == "start":
            raise UnknownNameError("dtype", "flaot", ["float32"])

    def load_weights(self, weights: Any) -> None:
        if self.where == "weights":
            raise BackendError("The new weights lack a tensor.")

    def play_groups(self, start: int, count: int, forced: float = 0.0) -> list[Trajectory]:
        if self.worker_index == 2:
            time.sleep(15)
        if self.where == "end":
            os._exit(1)
        raise DatasetError([DataError("a.jsonl", 3, "image", "cannot be read")], rows=4)


class EndsSometimes(ScriptedRunner):
    """The second runner ends in the midst of play, once it has weights; a file says how often."""

    file, ends = "", 0

    def play_groups(self, start: int, count: int, forced: float = 0.0) -> list[Trajectory]:
        ended = Path(self.file)
        if self.worker_index == 2 and self.taken and ended.stat().st_size < self.ends:
            ended.write_text(ended.read_text() + "x")
            os.kill(os.getpid(), signal.SIGKILL)
        return super().play_groups(start, count, forced)

    taken = False

    def load_weights(self, weights: Any) -> None:
        self.taken = True


def ending(times: int, file: Path) -> type[GRPOEnvRunner]:
    """Such a runner; of a class that is sent to the processes as it is."""
    file.touch()
    return type("EndsSo", (EndsSometimes,), {"file": str(file), "ends": times})


class FailsAtStart(FailingRunner):
    where = "start"


class FailsAtWeights(FailingRunner):
    where = "weights"


class Ends(FailingRunner):
    where = "end"


def build(
    runners: int,
    runner: type[GRPOEnvRunner] = ScriptedRunner,
    restarts: int = 0,
    **settings: Any,
) -> Any:
    config = GRPOConfig().training(
        num_prompts=PROMPTS,
        num_generations=GENERATIONS,
        scale_rewards="batch",
        **{"shaper": "every_request", **settings},
    )
    config.env_runners(num_env_runners=runners, env_runner_cls=runner)
    config.fault_tolerance(max_num_env_runner_restarts=restarts)
    return config.build_algo()


class Otherwise:
    """Runners whose answers come in another order, or not all of them."""

    def __init__(self, group: Any, answers: slice) -> None:
        self._group, self._answers = group, answers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._group, name)

    def foreach_env_runner(self, *arguments: Any, **options: Any) -> list[Any]:
        found: list[Any] = self._group.foreach_env_runner(*arguments, **options)
        return found[self._answers]

    @property
    def _worker_manager(self) -> "Otherwise":
        return self

    def fetch_ready_async_reqs(self, *, tags: str, timeout_seconds: float) -> list[Any]:
        manager, found = self._group._worker_manager, list[Any]()
        while self._group.num_in_flight_async_reqs(tags):
            found += manager.fetch_ready_async_reqs(tags=tags, timeout_seconds=timeout_seconds)
        return found[self._answers]


@pytest.mark.parametrize(
    ("runner", "error", "message"),
    [
        (FailingRunner, DatasetError, "a.jsonl.*cannot be read"),
        (FailsAtStart, UnknownNameError, "flaot"),
        (FailsAtWeights, BackendError, "lack a tensor"),
        (Ends, ProcessEndedError, r"process of an env runner \(pid \d+\) ended. Its log: .*\.err"),
    ],
)
@pytest.mark.parametrize("runners", [0, 2])
def test_what_a_runner_fails_with_is_told_at_once(
    runners: int, runner: type[GRPOEnvRunner], error: type[Exception], message: str, session: None
) -> None:
    """It is told as it is, by the process of a runner or here, without waiting for the others."""
    if (runner, runners) == (Ends, 0):
        pytest.skip("it would end this process")
    algorithm, began = None, time.monotonic() + 1000
    try:
        with pytest.raises(error, match=message) as found:
            algorithm = build(runners, runner)
            algorithm._sync()
            began = time.monotonic()
            algorithm._play()
        assert time.monotonic() - began < 12
    finally:
        if algorithm is not None:
            began = time.monotonic()
            algorithm.stop()
            assert time.monotonic() - began < 12  # nor is the other one waited for at the end
    if error is DatasetError:
        assert found.value.errors[0].line == 3  # type: ignore[attr-defined]


def test_a_runner_that_was_killed_is_started_again_and_plays_its_share(
    session: None, tmp_path: Path
) -> None:
    found, told = [], list[Restart]()
    ended = tmp_path / "ended"
    for runner in (ScriptedRunner, ending(1, ended)):
        algorithm = build(2, runner, restarts=1)
        algorithm.restarts.tell = told.append
        try:
            algorithm._sync()
            found.append([(t.sample_id, t.advantage) for t in algorithm._play().kept])
        finally:
            algorithm.stop()
    assert ended.read_text() == "x"
    assert found[0] == found[1]
    (one,) = told
    assert (one.runner, one.times, one.most) == (2, 1, 1)
    assert one.log is not None
    assert one.log.name.endswith(f"-{one.pid}.err")
    assert re.fullmatch(
        r"The process of env runner 2 \(pid \d+\) ended; it is started again \(1 of 1\), and its "
        r"groups are played again. Its log: .*",
        str(one),
    )


class Engine:
    """Takes weights, and tells which."""

    encoder, context_length = None, 64

    def __init__(self) -> None:
        self.taken: list[tuple[str, set[str]]] = []

    def generate(self, *_: Any) -> list[Any]:
        return []

    def load_weights(self, weights: Any) -> None:
        self.taken.append(("all", set(weights)))

    def load_some(self, weights: Any) -> None:
        self.taken.append(("some", set(weights)))

    def close(self) -> None:
        """Nothing to close."""


class TellingRunner(ScriptedRunner):
    def make_module(self) -> None:
        self.backend = Engine()


def test_engines_take_all_weights_once_and_then_those_that_change(session: None) -> None:
    freeze = ("vision", "*.embed_tokens.*", "*.layers.[012].*", "*.layers.3.self_attn.q_proj.*")
    algorithm = build(0, TellingRunner, freeze=freeze)
    engine = algorithm.env_runner.backend
    engine.taken.clear()  # RLlib hands all over as it builds
    try:
        algorithm._sync()
        algorithm._sync()
        algorithm.refresh_engines()
        algorithm._sync()
        algorithm._sync()
        weights = set(algorithm._weights())
        assert [kind for kind, _ in engine.taken] == ["all", "some", "all", "some"]
        algorithm.set_state(algorithm.get_state())  # as after a checkpoint was restored
        algorithm._sync()
    finally:
        algorithm.stop()
    assert engine.taken[-1][0] == "all"
    assert all(names == weights for kind, names in engine.taken if kind == "all")
    layer = {name for name in weights if ".layers.3." in name}
    assert "model.language_model.layers.3.self_attn.q_proj.weight" in layer, "it is fused with k"
    expected = layer | {"lm_head.weight", "model.language_model.norm.weight"}
    assert [names for kind, names in engine.taken if kind == "some"] == [expected] * 2


@pytest.mark.slow
def test_a_runner_is_started_again_so_often_and_no_more(session: None, tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    algorithm = build(2, ending(100, ended), restarts=2)
    told = list[Restart]()
    algorithm.restarts.tell = told.append
    try:
        algorithm._sync()
        with pytest.raises(ProcessEndedError, match=r"env runner 2 .* started again 2 times"):
            algorithm._play()
    finally:
        algorithm.stop()
    assert [restart.times for restart in told] == [1, 2]
    assert ended.read_text() == "xxx"


def test_advantages_do_not_hang_on_runners_or_their_pace(session: None) -> None:
    found = []
    for runners in (0, 1, 2):
        algorithm = build(runners)
        group = algorithm.env_runner_group
        try:
            found.append([(t.sample_id, t.advantage) for t in algorithm._play().kept])
            algorithm.env_runner_group = Otherwise(group, slice(None, None, -1))
            found.append([(t.sample_id, t.advantage) for t in algorithm._play().kept])
            algorithm.env_runner_group = Otherwise(group, slice(1, None))
            with pytest.raises(TrainingError, match=r"1 of [12] env runners failed"):
                algorithm._play()
        finally:
            algorithm.env_runner_group = group
            algorithm.stop()
    assert [name for name, _ in found[0]] == [f"s{n}" for n in range(PROMPTS) for _ in range(3)]
    assert len({advantage for _, advantage in found[0]}) == PROMPTS * GENERATIONS
    assert all(other == found[0] for other in found[1:])


@pytest.mark.parametrize(("runners", "position"), [(0, 7), (2, 8)])
def test_a_refill_is_shared_out_evenly(runners: int, position: int, session: None) -> None:
    algorithm = build(runners, FlatAtFirst, shaper="none", dynamic_sampling=True)
    try:
        found = algorithm._play()
    finally:
        algorithm.stop()
    assert [t.sample_id for t in found.kept[::GENERATIONS]] == ["s3", "s4", "s5", "s6"]
    assert [t.sample_id for t in found.played[::GENERATIONS]] == [f"s{n}" for n in range(position)]
    assert found.position == position
    assert found.metrics["groups/refilled"] == 3.0
    assert found.metrics["groups/dropped_share"] == 3 / position
