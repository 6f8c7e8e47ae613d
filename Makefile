# Everything sets itself up in .venv; only Python 3.11+ and make are needed.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo train-demo experiment experiment-full test test-fast fuzz docs lint types check format clean

demo: $(READY)  ## The bundled model beside an adapter of it: is the adapter better, where, and is that real?
	$(BIN)/harness run --model smollm2-135m --model examples/adapters/mood-lora --levels all \
		--task sentiment,topic --scorer generate --limit 48 --instructions 2 --cells 600 --out runs/demo

train-demo: $(READY)  ## Harden the bundled model on a few rows, and see what that gained and lost
	$(BIN)/harness harden --model smollm2-135m --task sentiment --train examples/training/mood.csv \
		--also topic --minutes 10 --out runs/train-demo

experiment: $(READY)  ## Contrastive tuning against its baselines, small: needs HARNESS_DATA_DIR
	$(BIN)/python experiments/coin/run.py experiments/coin/small.yaml --jobs 2

experiment-full: $(READY)  ## The same in full, on a GPU
	$(BIN)/python experiments/coin/run.py experiments/coin/full.yaml

test: $(READY)  ## Run the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal  # a thread a worker: else they fight

test-fast: $(READY)  ## Run the tests of the pure parts, in under a minute
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal -m "not slow and not model" \
		tests/core tests/stats tests/metrics tests/comparison tests/gate tests/results tests/tasks \
		tests/prompting tests/evaluation tests/project

fuzz: $(READY)  ## Read 10,000 mutated inputs of every kind: no traceback, no hang, no number of garbage
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.support.fuzzing --inputs 10000 --seed 0

docs: $(READY)  ## Build the documentation site, strict
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

lint: $(READY)  ## Check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)  ## Check types
	$(BIN)/mypy

check: lint types test

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(READY): pyproject.toml constraints.txt requirements-nodeps.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	$(BIN)/python -m pip install --quiet --no-deps -r requirements-nodeps.txt
	touch $(READY)

clean:
	rm -rf .venv runs .mypy_cache .ruff_cache .pytest_cache
