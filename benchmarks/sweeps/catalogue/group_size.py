"""How many episodes a question is played in, at the same number of episodes an iteration."""

from benchmarks.sweeps.catalogue.definitions import Point, Sweep

EPISODES = 192
GROUP_SIZE = Sweep(
    "group-size",
    "Are few questions with large groups better than many with small ones?",
    tuple(
        Point(
            f"group{size}",
            {"grpo.num_generations": size, "grpo.num_prompts": EPISODES // size},
        )
        for size in (4, 8, 16)
    ),
)
