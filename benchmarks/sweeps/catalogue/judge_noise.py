"""How much of a judge's errors training stands: verdicts turned round at a known rate."""

from benchmarks.sweeps.catalogue.definitions import Point, Sweep

RATES = (0.0, 0.05, 0.1, 0.2)
JUDGE_NOISE = Sweep(
    "judge-noise",
    "How many of its judge's verdicts may be wrong in training before a policy no longer learns "
    "when to ask?",
    tuple(Point(f"flip{rate:g}", {"judge.params.rate": rate}) for rate in RATES),
    {"judge.name": "flipped", "evaluation.judge": "rule"},
)
"""All that is evaluated is judged by the true judge, the model before RL included; ``accuracy`` and
``reward`` during training are the noisy one's."""
