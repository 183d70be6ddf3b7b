# Two commands from a fresh checkout: `make demo` and `make test`. They need Python 3.11 or newer and make.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
SOURCES := archsim models tests $(wildcard bench)

.PHONY: demo test test-all bench examples lint clean

demo: .venv/.installed
	$(BIN)/archsim compare resnet18 --mapping isaac:copies.policy=none --mapping isaac:copies.policy=isaac \
		--mapping isaac:copies.policy=optimal,copies.assignment=round_robin
	mkdir -p out
	$(BIN)/archsim simulate resnet18 --mapping isaac --trace out/resnet18_trace.json --trace-events 200000
	@echo "The timeline is in out/resnet18_trace.json; open it in https://ui.perfetto.dev"

test: lint
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-all: lint
	$(BIN)/python -m pytest -n 2

lint: .venv/.installed-dev
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy

bench: .venv/.installed-dev
	$(BIN)/python -m bench.bench
	$(BIN)/python -m bench.crossbar
	$(BIN)/python -m bench.meshes

# The outputs in the documentation and the example trace, as the commands print and write them today.
examples: .venv/.installed-dev
	$(BIN)/python -m tests.surface.update_examples

.venv/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "archsim needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv
	$(PIP) -e '.[fast]'
	touch $@

.venv/.installed-dev: .venv/.installed
	$(PIP) -e '.[dev]'
	touch $@

clean:
	rm -rf .venv build dist out
