"""Who acts, and who learns: engines, rollouts, GRPO, and the embedded model."""
