"""A person plays the environment: in a terminal or a local page, scored beside the policy."""
