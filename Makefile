# The README's two commands: `make serve` and `make test`. Each makes a virtual environment in $(VENV), installs and
# does it. Everything below can be given: make serve PORT=9000 PYTHON=python3.12
PYTHON ?= python3
PORT ?= 8080
DATA ?= .segue
VENV ?= .venv
STAMP := $(VENV)/.installed

# Compiled modules are kept, whatever the environment says: a daemon starts in half the time, and the tests start hundreds.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: serve test lint bench clean

serve: $(VENV)/.serving  ## serve this repository's own flows, with the page on http://127.0.0.1:$(PORT)
	$(VENV)/bin/segue serve . --port $(PORT) --data $(DATA)

test: $(STAMP)  ## everything: formatting, lint, types, tests
	$(VENV)/bin/ruff format --check daemon tests examples
	$(VENV)/bin/ruff check daemon tests examples
	$(VENV)/bin/mypy
	$(VENV)/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

bench: $(STAMP)  ## the table of benchmarks
	$(VENV)/bin/python -m tests.benchmarks

clean:
	rm -rf $(VENV) $(DATA)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Segue needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	  { echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.serving: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(STAMP): pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.serving
