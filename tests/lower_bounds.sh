#!/usr/bin/env bash
# The lowest versions that pyproject.toml allows, tried: tests/lower_bounds.sh [PYTHON] [arguments of pytest]
# Makes an environment of them below $TMPDIR (7 GB, removed at the end) and runs there what uses every
# dependency: pictures, packs, tables, plots, jobs of Snakemake. Half an hour, so by hand after a change
# of a bound, not in CI. The extra `slurm` asks for newer versions itself; golden numbers are those of
# constraints.txt (torch 2.8 draws other first weights for the methods that share layers).
#
# Last run with Python 3.11 and snakemake 9.3.0, torch 2.8.0, torchvision 0.23.0, blake3 1.0.0, h5py 3.15.0,
# pandas 2.2.1, pyyaml 6.0, jsonschema 4.20.0, scikit-learn 1.5.0, scipy 1.13.0, matplotlib 3.9.0,
# pillow 10.1.0, tqdm 4.66.0, pygments 2.17.0, numpy 1.26.4: all passed. Lower ones that did not work: see the
# history of pyproject.toml.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:-python3}
shift || true
tests=("$@")
[ ${#tests[@]} -gt 0 ] || tests=(
  tests/data tests/store tests/records tests/report tests/faces tests/train tests/plan tests/nets
  tests/bad_input/test_cases.py tests/stages/test_export.py tests/stages/test_predict.py
  tests/stages/test_worker.py tests/workflow/test_workflow.py tests/workflow/test_faces.py
)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"$python" - >"$folder/lowest.txt" <<'PYTHON'
import tomllib

project = tomllib.load(open("pyproject.toml", "rb"))["project"]
for requirement in (*project["dependencies"], *project["optional-dependencies"]["faces"]):
    print(requirement.replace(">=", "=="))
PYTHON

"$python" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --requirement "$folder/lowest.txt" \
  pytest pytest-xdist hypothesis scikit-image psutil
"$folder/venv/bin/pip" freeze
export PYTHONPATH=$PWD OMP_NUM_THREADS=1
"$folder/venv/bin/python" -m pytest -p no:cacheprovider "${tests[@]}"
