"""The same model trained on the same task by other people's trainers and by ours."""
