"""One `run(stage)` per stage: it reads the files its stage names and writes those it names."""
