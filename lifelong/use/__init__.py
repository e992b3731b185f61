"""What people do with a finished experiment: look at it, use its models, carry them elsewhere."""
