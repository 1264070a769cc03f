# Everything runs in .venv, which is made on first use with the first Python >= 3.11 that is found.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
# Measured benchmark results for `accuracy` and `calibrate`: make accuracy MEASURED=mine.csv
PUBLIC := $(wildcard ../shared/measured/dev.csv)
MEASURED ?= $(PUBLIC)
PROFILE ?= profile.yaml
# What `make fuzz` runs, for how long, and where it keeps what it finds.
LOADERS ?= $(notdir $(wildcard tests/fuzz/corpus/*))
SECONDS_EACH ?= 600
FINDINGS ?= /tmp/capplan-fuzz

# What `make mutants` changes: modules of capplan/engine, `roofline step`; all of them where it is left out.
MODULES ?=
WORKERS ?= 2

# The packages that make the numbers, and what else tests them from outside.
PACKAGES := engine reasoning fleet cost
NEAR := tests/laws tests/simulate/test_chain.py tests/simulate/test_disaggregated.py tests/plan/test_disaggregated.py

.PHONY: demo test check coverage wheel golden fuzz mutants bench bench-peers accuracy calibrate clean

demo: .venv/installed .venv/compiled           ## the K sweep of a reasoning model
	@$(BIN)/capplan sweep scenarios/cot-k-sweep.yaml

test: .venv/developing .venv/compiled          ## the whole test suite
	$(BIN)/python -m pytest -n 2 --dist worksteal

check: .venv/developing          ## style and types
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

coverage: .venv/developing .venv/compiled      ## branches that tests take of the packages that make the numbers: 95 % of each
	$(BIN)/python -m pytest -n 2 --dist worksteal --cov --cov-report=json $(PACKAGES:%=tests/%) $(PACKAGES:%=capplan/%) $(NEAR)
	@$(BIN)/python tests/branches.py build/coverage/branches.json

wheel: .venv/developing          ## a built wheel in a fresh environment, run from an empty directory
	rm -rf dist .wheel-venv
	$(BIN)/python -m build --wheel --no-isolation --outdir dist > /dev/null
	$(BIN)/python -m venv .wheel-venv
	.wheel-venv/bin/python -m pip --disable-pip-version-check install --quiet dist/*.whl
	CAPPLAN_WHEEL_VENV=.wheel-venv $(BIN)/python -m pytest tests/test_wheel.py

golden: .venv/developing         ## rewrite tests/golden, the answers to examples, and the outputs pasted in the README
	CAPPLAN_WRITE_GOLDENS=1 $(BIN)/python -m pytest tests/test_golden.py tests/test_readme.py tests/test_reference.py \
		tests/cli/test_commands.py -k "not test_commands or help_answers"
	git diff --stat -- tests/golden tests/cli/answers README.md
	@$(BIN)/capplan diff tests/golden --git HEAD --no-causes

bench: .venv/developing .venv/compiled         ## what commands and work cost, as ratios in one run, into the README
	$(BIN)/python tests/bench/speed.py

bench-peers: .venv/developing .venv/compiled   ## the same questions to two peers, each in a venv of its own
	$(BIN)/python tests/bench/peers.py

fuzz: .venv/developing           ## every loader on mutated files, ten minutes each; findings below FINDINGS
	for loader in $(LOADERS); do $(BIN)/python tests/fuzz/run.py $$loader --seconds $(SECONDS_EACH) --findings $(FINDINGS); done

mutants: .venv/mutating          ## the engine's formulas, each changed in one place at a time: which changes does no test see?
	PYTHONDONTWRITEBYTECODE= $(BIN)/mutmut run --max-children $(WORKERS) $(MODULES:%='capplan.engine.%.*')
	$(BIN)/mutmut results

accuracy: .venv/installed        ## predicted against measured; of the public results, the README's table too
ifeq ($(MEASURED),)
	@echo "no measured results beside the checkout; give MEASURED=results.csv"
else
	$(BIN)/capplan accuracy $(MEASURED) $(if $(filter $(PUBLIC),$(MEASURED)),--readme README.md)
endif

calibrate: .venv/installed       ## the shipped profiles and bands refitted to the public results; MEASURED=mine.csv: a profile of yours
ifeq ($(MEASURED),)
	@echo "no measured results beside the checkout; nothing is refitted"
else ifeq ($(MEASURED),$(PUBLIC))
	$(BIN)/capplan calibrate --shipped $(MEASURED)
else
	$(BIN)/capplan calibrate $(MEASURED) -o $(PROFILE)
endif

clean:
	rm -rf .venv .wheel-venv .peers-venv dist build mutants

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "capplan needs Python 3.11 or newer; give make PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml | .venv/bin/python
	$(PIP) --editable .
	@touch $@

.venv/developing: pyproject.toml | .venv/bin/python
	$(PIP) --editable '.[charts,dev]'
	@touch .venv/installed $@

.venv/mutating: .venv/developing
	$(PIP) --editable '.[mutants]'
	@touch $@

# Where Python is told to write no bytecode, every start would compile the package anew.
.venv/compiled: $(shell find capplan -name '*.py') | .venv/bin/python
	@$(BIN)/python -m compileall -q capplan
	@touch $@
