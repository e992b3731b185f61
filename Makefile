# make run: install, run the default experiment, show its table. make test: install, run all tests, in as
# many processes as there are cores.
# make test-slurm: the tests on a SLURM of one node, which they start and stop themselves.
PYTHON ?= python3
CORES ?= $(shell nproc)
BIN := .venv/bin

.PHONY: run test test-slurm lint clean

run: .venv/installed
	$(BIN)/snakemake --cores $(CORES)
	@$(BIN)/lifelong show results/digits

test: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(CORES) --dist loadfile --no-loadscope-reorder

test-slurm: .venv/installed
	tests/slurm/run.sh $(BIN)/python

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev,slurm,faces,pretrained]"
	touch $@

clean:
	rm -rf .venv .snakemake
