"""Snakemake that asks the cluster for news every second: its own pace is made for long jobs."""

import sys

from snakemake.cli import main
from snakemake_executor_plugin_slurm import Executor

Executor.next_seconds_between_status_checks = property(lambda _: 1.0, lambda *_: None)
sys.argv[0] = "snakemake"
sys.exit(main())
