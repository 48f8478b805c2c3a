# The two commands are `make run` and `make test`. Each needs nothing but python3: it makes .venv, installs
# what it needs at the versions in constraints.txt, and does the job.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
EACH_ON_ITS_CORE := OMP_NUM_THREADS=1
# Tests wait for other processes, disks and terminals almost half of the time, so twice as many as cores.
TESTERS ?= 4
# Files with tests that run one by one: only they are collected for these.
ALONE := $(shell grep -rl --include="test_*.py" mark.alone tests)
EXPERIMENT := --data digits --data-seed 4 --examples 1 --width 16 --depth 3 --samples 1e6

# What is compiled is kept, or each of the hundreds of processes that the tests start would do it again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-together test-alone test-full test-seeds lint wheel readme docs pages benchmarks clean

run: $(VENV)/.run
	@if [ -t 0 ] && [ -t 1 ]; then $(BIN)/geomreg-tui --fresh; \
	else $(BIN)/geomreg-tui run $(EXPERIMENT); fi

test: $(VENV)/.dev
	$(MAKE) test-together
	$(MAKE) test-alone

test-together: $(VENV)/.dev
	$(EACH_ON_ITS_CORE) $(BIN)/python -m pytest -m "not full and not alone" -n $(TESTERS) --dist worksteal

test-alone: $(VENV)/.dev
	$(BIN)/python -m pytest -m "alone and not full" $(ALONE)

test-full: $(VENV)/.dev
	GEOMREG_TEST_WHOLE=1 GEOMREG_TEST_EVERY_SHAPE=1 FUZZ_EXAMPLES=400 $(EACH_ON_ITS_CORE) $(BIN)/python -m pytest -m "not alone" -n $(TESTERS) --dist worksteal
	GEOMREG_TEST_EVERY_SHAPE=1 $(BIN)/python -m pytest -m alone $(ALONE)

# Statistical tests hold for every base seed and on every processor, whose instructions change the last bits.
SEEDS ?= 0 1 2 3 4
CAPABILITIES ?= default avx2 native
PARTS ?= tests/statistics tests/gradients tests/unit

test-seeds: $(VENV)/.dev
	@set -e; for capability in $(CAPABILITIES); do for seed in $(SEEDS); do \
	  echo "== base seed $$seed, instructions: $$capability"; \
	  if [ $$capability = native ]; then unset ATEN_CPU_CAPABILITY; \
	  else export ATEN_CPU_CAPABILITY=$$capability; fi; \
	  GEOMREG_TEST_SEED=$$seed $(EACH_ON_ITS_CORE) $(BIN)/python -m pytest -q -n $(TESTERS) --dist worksteal \
	    -m "not full and not alone" $(PARTS); \
	done; done

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

wheel: $(VENV)/.dev
	$(BIN)/python -m build --wheel --no-isolation --outdir dist .

readme: $(VENV)/.dev
	$(BIN)/python -m docs.build

# The site, into site/; `python3 -m http.server -d site` shows it, search included. It has a stamp of its own,
# so that nothing else waits for what only it needs.
docs: $(VENV)/.docs
	$(BIN)/python -m docs.notebook
	$(BIN)/python -m mkdocs build --strict

# What the pages show of runs, made anew; `make test` says when that is due.
pages: $(VENV)/.docs
	$(BIN)/python -m docs.build figures notebook
	$(BIN)/python -m docs.build pages

benchmarks: $(VENV)/.dev
	$(BIN)/python -m benchmarks

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

KERNEL := hatch_build.py $(wildcard geomreg_tui/fused/*.cpp geomreg_tui/fused/*.h)

$(VENV)/.run: pyproject.toml constraints.txt $(KERNEL) | $(VENV)/bin/python
	$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt $(KERNEL) | $(VENV)/bin/python
	$(PIP) install --constraint constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/.run

$(VENV)/.docs: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) install --constraint constraints.txt --editable '.[docs]'
	@touch $@

clean:
	rm -rf $(VENV) dist build site
