# make run: install, run the default experiment, show its table. make test: install, run the tests, in as
# many processes as there are cores. make test-benchmarks: the tests of benchmarks/, each of which starts
# a program that imports torch.
# make docs: the documentation as a site, in site/.
# make test-slurm: the tests on a SLURM of one node, which they start and stop themselves.
PYTHON ?= python3
# Without OMP_NUM_THREADS, which nproc takes for the number of processors.
CORES ?= $(shell env -u OMP_NUM_THREADS nproc)
BIN := .venv/bin
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(CORES) --dist loadfile --no-loadscope-reorder

.PHONY: run test test-benchmarks test-slurm lint docs clean

run: .venv/installed
	$(BIN)/snakemake --cores $(CORES)
	@$(BIN)/lifelong show results/digits

test: .venv/installed
	$(PYTEST) --ignore=tests/benchmarks

test-benchmarks: .venv/installed
	$(PYTEST) tests/benchmarks

test-slurm: .venv/installed
	tests/slurm/run.sh $(BIN)/python

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint

docs: .venv/installed
	$(BIN)/mkdocs build --strict --quiet
	@echo site/index.html

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev,slurm,faces,export,pretrained]"
	touch $@

clean:
	rm -rf .venv .snakemake
