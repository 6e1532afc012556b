# Two commands on a fresh machine with Python 3.11 or newer: `make demo` and `make test`. `make` lists the rest.
PYTHON ?= python3
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --no-input --root-user-action=ignore -c constraints.txt
EDITABLE := $(PIP) --no-build-isolation --editable
ROOMS_95 := measure carbon schedule compare shrink

.DEFAULT_GOAL := help
.PHONY: help demo setup test lint type unit coverage docs reference check bench constraints clean

help: ## List the commands
	@grep -hE '^[a-z]+:.*## ' Makefile | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "joulewise needs Python 3.11 or newer. Try: make PYTHON=python3.11"; exit 1; }
	@echo "Making $(VENV)"
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { \
		$(PYTHON) -m venv --clear --without-pip $(VENV) && \
		$(PYTHON) -m pip --python $(VENV)/bin/python install --quiet pip; } || \
		{ rm -rf $(VENV); echo "No pip for the venv. Try: apt-get install python3-venv"; exit 1; }

$(VENV)/.built: constraints.txt | $(BIN)/python
	@$(PIP) hatchling editables
	@touch $@

$(VENV)/.demo: $(VENV)/.built pyproject.toml
	@echo "Installing joulewise and what the demo needs into $(VENV)"
	@$(EDITABLE) '.[demo]'
	@$(BIN)/python -c 'import runpy; runpy.run_path("examples/digits.py")' # compiles now what would else be measured
	@touch $@

$(VENV)/.test: $(VENV)/.built pyproject.toml
	@echo "Installing joulewise and what the tests need into $(VENV)"
	@$(EDITABLE) '.[test]'
	@touch $@ $(VENV)/.demo

$(VENV)/.docs: $(VENV)/.built pyproject.toml
	@$(EDITABLE) '.[docs]'
	@touch $@

demo: $(VENV)/.demo ## Measure a real training run and report on it, in under two minutes
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo.sh

setup: $(VENV)/.test ## Install everything that the tests need

test: lint type unit coverage ## Run the whole test suite

lint: $(VENV)/.test ## Check style, format and the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo >$(VENV)/imports.log 2>&1 || { cat $(VENV)/imports.log; exit 1; }
	@tail -n 1 $(VENV)/imports.log

type: $(VENV)/.test ## Check types (mypy --strict)
	@$(BIN)/mypy

unit: $(VENV)/.test
	@$(BIN)/python -m pytest -n $(WORKERS) --cov --cov-report=

coverage: unit
	@gate() { $(BIN)/coverage report --include="src/joulewise/$$1/*" --fail-under=$$2 --show-missing --skip-covered \
		>$(VENV)/coverage.log || { cat $(VENV)/coverage.log; echo "$$1: coverage is below $$2 %"; return 1; }; }; \
	gate core 100 && for room in $(ROOMS_95); do gate $$room 95 || exit 1; done

docs: $(VENV)/.docs ## Build the documentation into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict >$(VENV)/docs.log 2>&1 || { cat $(VENV)/docs.log; exit 1; }
	@echo "Documentation: site/index.html"

reference: $(VENV)/.test ## Write docs/reference anew from the code
	@$(BIN)/python tools/make_reference.py

check: test docs ## Everything that CI runs

bench: $(VENV)/.demo ## Compare the tracker's cost with CodeCarbon's (about twenty minutes)
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --no-compile --disable-pip-version-check 'codecarbon==3.3.2' hatchling editables
	@.venv-bench/bin/python -m pip install --quiet --no-compile --disable-pip-version-check --no-build-isolation --editable .
	@.venv-bench/bin/python benchmarks/tracker_overhead.py

constraints: $(BIN)/python ## Pin anew every distribution that we install
	@rm -rf .venv-pins && $(PYTHON) -m venv .venv-pins
	@.venv-pins/bin/python -m pip install --quiet hatchling editables '.[test,docs]'
	@{ head -n 1 constraints.txt; .venv-pins/bin/python -m pip list --format=freeze \
		--exclude joulewise --exclude pip --exclude setuptools | sed 's/+cpu$$//'; } >constraints.new
	@mv constraints.new constraints.txt && rm -rf .venv-pins

clean: ## Remove what was built, the venvs too
	@rm -rf $(VENV) .venv-bench .venv-pins site build dist demo-out .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis
