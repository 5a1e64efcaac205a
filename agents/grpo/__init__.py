"""GRPO as a native RLlib algorithm."""
