#!/usr/bin/env bash
# make test-slurm: installs SLURM where it is missing and it may, and runs the tests on one.
set -euo pipefail
python=${1:?"usage: run.sh PYTHON"}
packages=(slurmctld slurmd slurm-client munge)

absent() {
  PATH="$PATH:/usr/sbin:/sbin"
  for program in slurmctld slurmd sbatch munged; do
    command -v "$program" >/dev/null || return 0
  done
  return 1
}

if absent && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  apt-get install -y --no-install-recommends "${packages[@]}" ||
    { apt-get update && apt-get install -y --no-install-recommends "${packages[@]}"; } || true
fi
if absent; then
  echo "test-slurm DID NOT RUN: SLURM is not installed and could not be (it takes root and apt-get," >&2
  echo "or a person who installs the packages ${packages[*]})." >&2
  exit 0
fi
OMP_NUM_THREADS=1 exec "$python" -m pytest tests/slurm -m slurm
