# Two commands do all the set-up: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo serve test check lint format types docs docs-check bench bench-peers bench-parts instructions soak fuzz sheets lock clean

help: ## Show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Torana needs Python 3.11 or newer; set PYTHON=..."; exit 1; }
	@echo "Setting up $(VENV) (once) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes --requirement requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@$(BIN)/torana engine warm
	@touch $@

demo: $(READY) ## Vary a real photograph through a gateway started for it; pictures in out/demo
	@$(BIN)/python examples/demo.py

serve: $(READY) ## Run the gateway for a person, with a ready curl line
	@$(BIN)/torana serve --curl

test: $(READY) ## Run all tests
	@$(BIN)/pytest

check: lint types test docs-check ## Everything that CI runs

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(READY) ## Format the code
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

types: $(READY)
	@$(BIN)/mypy

docs: $(READY) ## Write the generated parts of the docs anew
	@$(BIN)/python docs/generate.py

docs-check: $(READY)
	@$(BIN)/python docs/generate.py --check

bench: $(READY) ## Measure what a call costs beside nginx; ARGS="--only chat --profile" and more
	@$(BIN)/python -m benchmarks.gateway.bench $(ARGS)

bench-peers: $(READY) ## The same beside other gateways, which it installs under build/peers
	@$(BIN)/python -m benchmarks.gateway.bench --peers --json build/bench/peers.json $(ARGS)

bench-parts: $(READY) ## Measure what a gateway, its policies and its engine cost; three tables
	@$(BIN)/python benchmarks/footprint.py
	@$(BIN)/python benchmarks/policies.py
	@$(BIN)/python benchmarks/engine.py

instructions: $(READY) ## Count the instructions of a call, and hold them to their budget; ARGS="--against COMMIT"
	@$(BIN)/python -m benchmarks.gateway.instructions $(ARGS)

soak: $(READY) ## Serve for an hour among vendors that fail, and check every answer; MINUTES=5 is quicker
	@$(BIN)/python -m benchmarks.soak $(if $(MINUTES),--minutes $(MINUTES))

fuzz: $(READY) ## Have hostile clients and upstreams speak HTTP with us for SECONDS (600) of accidents each
	@$(BIN)/python -m tests.edge.wire.fuzzing $(or $(SECONDS),600)
	@$(BIN)/python -m tests.upstream.http1.fuzzing $(or $(SECONDS),600)

sheets: $(READY) ## Make the contact sheets in docs/engine anew
	@$(BIN)/python benchmarks/sheets.py

lock: ## Resolve the dependencies anew, with hashes
	@$(PYTHON) -m venv build/lock && build/lock/bin/pip --quiet install uv
	@build/lock/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --quiet --output-file requirements/gateway.txt
	@build/lock/bin/uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --quiet --output-file requirements/dev.txt

clean: ## Remove what the commands above made
	rm -rf $(VENV) build out .pytest_cache .mypy_cache .ruff_cache
