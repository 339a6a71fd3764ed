# Everything runs from a bare checkout with Python >= 3.11; nothing else is needed first.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.stamp-$(shell cat requirements-dev.lock pyproject.toml | cksum | cut -d' ' -f1)

# Bytecode is kept whatever the shell says: the tests start Qbot some hundred times.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo test check bench acceptance lock format clean

setup: $(STAMP)

$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Qbot needs Python 3.11 or newer; set PYTHON=python3.12 or the like")'
	@echo "Installing the locked dependencies into .venv: once, it takes about a minute"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@rm -f .venv/.stamp-*; touch $@

demo: setup  ## the sandbox and Qbot against it; prints the address of the page
	@$(BIN)/qbot demo $(ARGS)

# Each of the workers would compile all of the tests for itself, as they start together.
.venv/.compiled: $(STAMP)
	@$(BIN)/pytest --collect-only -qq -n 0 > /dev/null 2>&1 || true  # the tests tell what fails
	@touch $@

test: setup .venv/.compiled  ## every test, in random order
	@$(BIN)/pytest -n 6 $(ARGS)

check: setup  ## lint, types, layers, spelling, dependencies
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/deptry qbot
	@$(BIN)/codespell

bench: setup  ## every benchmark, with the command that made each figure
	@$(BIN)/python -m benchmarks $(ARGS)

acceptance: setup  ## the long runs in full: kills, faults, load
	@QBOT_ACCEPTANCE=full $(BIN)/pytest -n 2 --timeout 3600 tests/acceptance tests/journeys tests/cards/test_digests.py $(ARGS)

lock:  ## resolve the dependencies anew (needs uv)
	uv pip compile -q pyproject.toml --extra postgres --extra charts --generate-hashes --universal --no-header -o requirements.lock $(ARGS)
	uv pip compile -q pyproject.toml --all-extras --group dev --generate-hashes --universal --no-header -c requirements.lock -o requirements-dev.lock $(ARGS)

format: setup
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .qbot-demo dist
