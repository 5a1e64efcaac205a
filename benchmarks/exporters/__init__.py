"""Where a run's figures are shown beside its own files: TensorBoard, W&B, trackio, or your own."""
