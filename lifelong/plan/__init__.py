"""What runs, in which order, under which path. No torch, no pandas: the Snakefile imports this."""
