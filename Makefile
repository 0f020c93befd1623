# Each target works alone on a fresh machine with Python 3.11 or later, pip and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := .demo/archive
PORT ?= 7860
# A worker for each core, but not for each of many: every one of them loads the model.
AT_ONCE := -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: setup demo test check lint types evals gate bench clean

setup: $(VENV)/installed

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or later is needed: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: setup
	@$(BIN)/dateline ingest evals/data/articles.jsonl --archive $(DEMO)
	@$(BIN)/dateline serve --archive $(DEMO) --port $(PORT)

test: setup
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest $(AT_ONCE)

check: lint types test

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml

types: setup
	$(BIN)/mypy

evals: setup
	$(BIN)/dateline eval run sample

gate: setup
	HF_HUB_OFFLINE=1 $(BIN)/dateline eval run sample --baseline evals/data/baseline.json

bench: setup
	HF_HUB_OFFLINE=1 $(BIN)/python -m evals.bench
	HF_HUB_OFFLINE=1 $(BIN)/python tests/load.py
	HF_HUB_OFFLINE=1 $(BIN)/python -m evals.ingestion

clean:
	rm -rf $(VENV) .demo eval-runs .mypy_cache .ruff_cache .pytest_cache
