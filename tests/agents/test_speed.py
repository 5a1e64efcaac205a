"""The benchmark of a pretraining's parts measures what it says; its figures are not asserted."""

from benchmarks.speed.pretrain import best_of


def test_a_pair_is_timed_in_turn_after_a_round_that_warms_up() -> None:
    called: list[str] = []
    pair = {name: lambda name=name: called.append(name) for name in ("one", "two")}  # type: ignore[misc]
    best = best_of(pair, rounds=3)
    assert called == ["one", "two"] * 4
    assert list(best) == ["one", "two"]
    assert all(0 <= figure < float("inf") for figure in best.values())


def test_the_best_of_rounds_is_taken_phase_by_phase() -> None:
    from benchmarks.speed.grpo import best, seconds

    assert best([{"a": 2.0, "b": 1.0}, {"a": 1.0, "b": 3.0}]) == {"a": 1.0, "b": 1.0}
    took, result = seconds(lambda: "done")
    assert took >= 0
    assert result == "done"
