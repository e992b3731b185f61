"""What was measured: one CSV schema, the metrics of continual learning, and their tables."""
