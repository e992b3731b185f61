"""The one training loop, its schedules, evaluation and resume state."""
