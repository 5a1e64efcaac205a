from agents.rollouts.prompt_order import prompt_indices


def test_each_epoch_is_a_fresh_permutation() -> None:
    first = prompt_indices(10, seed=3, start=0, count=10)
    second = prompt_indices(10, seed=3, start=10, count=10)
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second


def test_any_cut_of_the_stream_gives_the_same_prompts() -> None:
    for size in (7, 5_000_000):
        whole = prompt_indices(size, seed=1, start=0, count=20)
        parts = [i for start in range(0, 20, 4) for i in prompt_indices(size, 1, start, 4)]
        assert parts == whole
        assert prompt_indices(size, seed=2, start=0, count=20) != whole
