#!/usr/bin/env bash
# The whole workflow in one allocation of one node: sbatch slurm/one_allocation.sh [arguments of snakemake]
# Out of time, or out of its node, it goes back into the queue and goes on where it was.
#SBATCH --job-name=lifelong
#SBATCH --nodes=1
#SBATCH --cpus-per-task=4
#SBATCH --mem=24G
#SBATCH --time=24:00:00
#SBATCH --signal=B:USR1@180
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=lifelong-%j.log
##SBATCH --gpus=1
##SBATCH --partition=gpu
##SBATCH --account=your_account
set -u

# This job's own run before it was requeued may have left its lock.
[ "${SLURM_RESTART_COUNT:-0}" = 0 ] || snakemake --unlock "$@"

set -m # a process group of its own, which heeds an interrupt
snakemake --cores "$SLURM_CPUS_PER_TASK" --keep-going "$@" &
again=
trap 'again=yes; kill -INT -- -$!' USR1
wait $! # the signal ends this wait,
wait $! # so wait until snakemake has ended its stages
code=$?
[ -z "$again" ] || exec scontrol requeue "$SLURM_JOB_ID"
exit "$code"
