# Everything runs from a bare checkout with Python >= 3.11; nothing else is needed first.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.stamp-$(shell cat requirements-dev.lock pyproject.toml | cksum | cut -d' ' -f1)

# Bytecode is kept whatever the shell says: the tests start Qbot some hundred times.
unexport PYTHONDONTWRITEBYTECODE

# What only looks like a secret: passwords made up for examples, and files that are about tokens.
MADE_UP := (://\w*:(hunter2|pw|p%40ss|put-it-here)@|glpat-(x{20}|abcdefghij))
ABOUT_SECRETS := ^(tests/(redaction/|golden/|test_logs\.py|operations/releases/test_lines\.py)|qbot/sandbox/argocd/api/output\.py|requirements.*\.lock)
# These guess by words and by disorder: a repository of manifests is full of both.
GUESSING := KeywordDetector HexHighEntropyString Base64HighEntropyString IPPublicDetector
GUESSING += IbmCloudIamDetector IbmCosHmacDetector SoftlayerDetector CloudantDetector

.PHONY: setup demo test check secrets audit sbom fuzz bench acceptance lock format clean

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
	@$(BIN)/pytest -n 5 $(ARGS)

check: setup secrets  ## lint, types, layers, spelling, dependencies, secrets
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/deptry qbot
	@$(BIN)/codespell

secrets: setup  ## no token or key stands in a file
	@git ls-files -z --cached --others --exclude-standard | xargs -0 -n 900 -P 2 $(BIN)/detect-secrets-hook --no-verify \
	  --exclude-lines '$(MADE_UP)' --exclude-files '$(ABOUT_SECRETS)' $(GUESSING:%=--disable-plugin %)
	@echo "no token or key stands in a file"

audit: setup  ## known weaknesses of what is installed with Qbot (needs the network)
	@$(BIN)/python -m tests.house.audit

sbom: setup  ## dist/qbot.cdx.json: what Qbot is made of, as CycloneDX
	@mkdir -p dist
	@$(BIN)/python -m tests.house.sbom dist/qbot.cdx.json
	@echo "dist/qbot.cdx.json: written, and valid CycloneDX"

fuzz: setup  ## each way in with what coverage leads to, a minute each; ARGS='--seconds 600'
	@$(BIN)/python -m tests.fuzz $(ARGS)

bench: setup  ## every benchmark, with the command that made each figure
	@$(BIN)/python -m benchmarks $(ARGS)

acceptance: setup  ## the long runs in full: kills, faults, load, examples
	@QBOT_ACCEPTANCE=full $(BIN)/pytest -n 2 --timeout 3600 tests/acceptance tests/journeys tests/cards/test_digests.py tests/examining tests/house/test_dependencies.py tests/fuzz $(ARGS)
	@QBOT_ACCEPTANCE=full $(BIN)/pytest -n 2 --ignore tests/fuzz -m hypothesis

lock:  ## resolve the dependencies anew (needs uv)
	uv pip compile -q pyproject.toml --extra postgres --extra charts --generate-hashes --universal --no-header -o requirements.lock $(ARGS)
	uv pip compile -q pyproject.toml --all-extras --group dev --generate-hashes --universal --no-header -c requirements.lock -o requirements-dev.lock $(ARGS)

format: setup
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .qbot-demo dist
