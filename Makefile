# Everything runs in .venv, activated or not. `make` lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3.11
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONUTF8 := 1

PYTHON_READY := .venv/.python-ready
NODE_READY := .venv/.node-ready
COMPILED := .build/.compiled
LINTED := .build/.linted
# Folders too: they change when a file comes or goes.
CONTRACTS := $(shell find contracts \( -type d -o -name '*.vy' -o -name '*.vyi' \) 2>/dev/null)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# ---- environment -----------------------------------------------------------------------------------------------------

.PHONY: setup
setup: $(PYTHON_READY) $(NODE_READY) ## install everything into .venv and node_modules; does only what a lock file asks for anew
	@:

# Each stamp is a copy of the lock file that was installed: a checkout that only touches the file installs nothing.
$(PYTHON_READY): requirements.txt
	@cmp -s $< $@ || $(MAKE) --no-print-directory install-python
	@touch $@

$(NODE_READY): package-lock.json $(PYTHON_READY)
	@cmp -s $< $@ || $(MAKE) --no-print-directory install-anvil
	@touch $@

.PHONY: install-python
install-python:
	@command -v $(PYTHON) > /dev/null && $(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
		echo "Python 3.11 is needed and '$(PYTHON)' is not it. Install it, or name it: make setup PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { \
		echo "$(PYTHON) has no venv module. On Debian and Ubuntu: apt-get install python3.11-venv" >&2; exit 1; }
	@echo "Installing Python packages into .venv (a few minutes the first time) ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt > .venv/pip.log 2>&1 || { \
		tail -n 30 .venv/pip.log >&2; echo "Installing failed; the whole log is .venv/pip.log" >&2; exit 1; }
	@cp requirements.txt $(PYTHON_READY)

.PHONY: install-anvil
install-anvil:
	@command -v node > /dev/null && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || { \
		echo "Node.js 20 or newer is needed, for the local chain (anvil)." >&2; exit 1; }
	@command -v npm > /dev/null || { echo "npm is needed, for the local chain (anvil). It comes with Node.js." >&2; exit 1; }
	@echo "Installing anvil into node_modules ..."
	@npm ci --no-audit --no-fund --loglevel=error
	@rm -f $(BIN)/anvil
	@printf '%s\n' '#!/bin/sh' \
		'# Ape asks anvil to record every step (--steps-tracing), and anvil writes old states to disk, gigabytes in a test run.' \
		'# Without both, tests and scripts run several times faster; 500 states stay in memory. STEPS_TRACING=1 leaves both in.' \
		'[ -n "$$STEPS_TRACING" ] || for a; do' \
		'    shift' \
		'    if [ "$$a" = --steps-tracing ]; then set -- "$$@" --max-persisted-states 0; else set -- "$$@" "$$a"; fi' \
		'done' \
		'exec "$$(dirname "$$0")/../../node_modules/.bin/anvil" "$$@"' > $(BIN)/anvil
	@chmod +x $(BIN)/anvil
	@$(BIN)/anvil --version > /dev/null 2>&1 || { rm $(BIN)/anvil; anvil --version > /dev/null 2>&1 && \
		echo "The locked anvil does not run on this machine: using $$(command -v anvil)." || { \
		echo "The locked anvil does not run on this machine. Install Foundry, so that anvil is on PATH," \
			"and run make setup again." >&2; exit 1; }; }
	@cp package-lock.json $(NODE_READY)

# Ape does not notice that an imported module or interface changed, so every change compiles everything.
$(COMPILED): $(CONTRACTS) ape-config.yaml $(PYTHON_READY)
	@ape compile --force
	@mkdir -p .build && touch $@

.PHONY: compile
compile: setup $(COMPILED) ## compile the contracts, if any changed

# ---- checks ----------------------------------------------------------------------------------------------------------

.PHONY: test
test: setup $(COMPILED) ## run the tests; ARGS goes to pytest, as in make test ARGS="tests/unit -k refund"
	@ape test -n 2 --dist loadgroup -m "not fuzz" $(ARGS)

.PHONY: browser
browser: setup $(COMPILED) ## run the tests of the web page in an installed Chromium
	@ape test -m browser $(ARGS)

.PHONY: fuzz
fuzz: setup $(COMPILED) ## run the property tests and state machines for longer
	@HYPOTHESIS_PROFILE=fuzz ape test -m fuzz $(ARGS)

.PHONY: lint
lint: setup $(LINTED) ## check style and likely mistakes
	@ruff check
	@ruff format --check

# Off, because they are wrong here or a matter of taste: memory of loops over calldata (1), view and pure, which do not
# see reads of code and calls to other contracts (4, 5), unused loop variables (8), arguments that an interface asks for (10), a leading underscore for every argument
# (11), and the order of decorators (12).
# Modules that use others cannot be compiled alone, as this linter does.
LINTABLE := $(shell grep -L '^uses:' $(filter %.vy,$(CONTRACTS)) 2>/dev/null)
$(LINTED): $(CONTRACTS) $(PYTHON_READY)
	@$(if $(LINTABLE),natrix lint $(LINTABLE) --disable NTX1 NTX4 NTX5 NTX8 NTX10 NTX11 NTX12)
	@mkdir -p .build && touch $@

.PHONY: format
format: setup ## put the Python files into their final form
	@ruff check --fix
	@ruff format

# ---- what people come for; ARGS goes to the script -------------------------------------------------------------------

.PHONY: demo
demo: setup $(COMPILED) ## train a model on a local chain and show it: DATA=..., INCENTIVE=...
	@ape run demo $(if $(DATA),--data '$(DATA)') $(if $(INCENTIVE),--incentive '$(INCENTIVE)') $(ARGS)

.PHONY: market
market: setup $(COMPILED) ## play a whole prediction market on a local chain: DATA=...
	@ape run market demo $(if $(DATA),--data '$(DATA)') $(ARGS)

.PHONY: gas accuracy simulate bench findings dashboard
gas: setup $(COMPILED) ## measure what each action costs, against the committed snapshot
accuracy: setup $(COMPILED) ## measure the models' accuracy on the data sets
simulate: setup $(COMPILED) ## run good and bad contributors against the incentives
bench: setup $(COMPILED) ## measure how many contributions a second go through
findings: setup $(COMPILED) ## make the tables and plots of the findings again
dashboard: setup $(COMPILED) ## open the web page
gas accuracy simulate bench findings dashboard:
	@ape run $@ $(ARGS)

# ---- upkeep ----------------------------------------------------------------------------------------------------------

.PHONY: lock
lock: ## make both lock files again from requirements.in and package.json; needs uv
	@command -v uv > /dev/null || { echo "uv is needed to make requirements.txt: pip install uv" >&2; exit 1; }
	@{ head -n 1 requirements.txt; \
		uv pip compile --quiet --universal --python-version 3.11 --no-header requirements.in; } > requirements.txt.new
	@mv requirements.txt.new requirements.txt
	@npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund --loglevel=error

.PHONY: clean
clean: ## remove everything that can be made again, the environment too
	@rm -rf .venv node_modules .build .cache .hypothesis .pytest_cache .ruff_cache out
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
