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

$(NODE_READY): package-lock.json
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
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -r requirements.txt > .venv/pip.log 2>&1 || { \
		tail -n 30 .venv/pip.log >&2; echo "Installing failed; the whole log is .venv/pip.log" >&2; exit 1; }
# pip would compile one after the other; what is no Python of this version stays as it is
	@$(BIN)/python -m compileall -qq -j 0 .venv/lib || true
	@cp requirements.txt $(PYTHON_READY)

.PHONY: install-anvil
install-anvil:
	@command -v node > /dev/null && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || { \
		echo "Node.js 20 or newer is needed, for the local chain (anvil) and the compiler of an example." >&2; exit 1; }
	@command -v npm > /dev/null || { echo "npm is needed, for the local chain (anvil) and the compiler of an example. It comes with Node.js." >&2; exit 1; }
	@echo "Installing anvil, Hardhat, solc and axe-core into node_modules ..."
	@npm ci --no-audit --no-fund --loglevel=error
	@mkdir -p $(BIN) && rm -f $(BIN)/anvil
	@printf '%s\n' '#!/bin/sh' \
		'# Ape asks anvil to record every step (--steps-tracing), and anvil writes old states to disk, gigabytes in a test run.' \
		'# Without both, tests and scripts run several times faster; 500 states stay in memory. STEPS_TRACING=1 leaves both in.' \
		'[ -n "$$STEPS_TRACING" ] || for a; do' \
		'    shift' \
		'    if [ "$$a" = --steps-tracing ]; then set -- "$$@" --max-persisted-states 0; else set -- "$$@" "$$a"; fi' \
		'done' \
		'# The program itself, without the Node.js that npm puts before it.' \
		'modules=$$(dirname "$$0")/../../node_modules' \
		'for program in "$$modules"/@foundry-rs/anvil-*/bin/anvil; do [ ! -x "$$program" ] || exec "$$program" "$$@"; done' \
		'exec "$$modules/.bin/anvil" "$$@"' > $(BIN)/anvil
	@chmod +x $(BIN)/anvil
	@$(BIN)/anvil --version > /dev/null 2>&1 || { rm $(BIN)/anvil; anvil --version > /dev/null 2>&1 && \
		echo "The locked anvil does not run on this machine: using $$(command -v anvil)." || { \
		echo "The locked anvil does not run on this machine. Install Foundry, so that anvil is on PATH," \
			"and run make setup again." >&2; exit 1; }; }
	@cp package-lock.json $(NODE_READY)

# Ape does not notice that an imported module or interface changed, so every change compiles everything.
$(COMPILED): $(CONTRACTS) ape-config.yaml $(PYTHON_READY)
	@ape compile --force
	@python -m comodels.artifacts
	@mkdir -p .build && touch $@

.PHONY: compile
compile: setup $(COMPILED) ## compile the contracts, if any changed

# ---- checks ----------------------------------------------------------------------------------------------------------

.PHONY: test
test: setup $(COMPILED) ## run the tests, as ape test does; ARGS goes to pytest, as in make test ARGS="tests/unit -k refund"
# once for all processes: where the environment forbids Python to write bytecode, each would compile it anew
	@python -m compileall -q -j 0 comodels encoders scripts tests
	@ape test -n 3 --dist loadgroup $(ARGS)

.PHONY: coverage
coverage: setup $(COMPILED) ## run the tests and write what of the contracts they hit to docs/coverage.md
	@ape test -n 3 --dist loadgroup --coverage --coverage-page=docs/coverage.md $(ARGS)

.PHONY: browser
browser: setup $(COMPILED) ## run the tests of the web page in an installed Chromium
	@ape test -m browser $(ARGS)

.PHONY: fuzz
fuzz: setup $(COMPILED) ## run the property tests and state machines for longer
	@HYPOTHESIS_PROFILE=fuzz ape test -m fuzz $(ARGS)

.PHONY: nodes
nodes: setup $(COMPILED) ## play the whole story by the commands on anvil and on Hardhat's node, and compare the gas
	@ape test -m nodes $(ARGS)

.PHONY: scale
scale: setup $(COMPILED) ## time export, rewards and leaderboard with 20,000 contributions in 3,000,000 blocks
	@ape test -m fuzz -s tests/e2e/test_scale.py $(ARGS)

.PHONY: kills
kills: setup $(COMPILED) ## kill commands at a hundred random moments each, undo blocks under them, play all faults of nodes; an hour
	@ape test -m fuzz tests/e2e/test_kills.py tests/e2e/test_market_run.py tests/e2e/test_faults.py $(ARGS)

.PHONY: sponsor
sponsor: setup $(COMPILED) ## queue and send 10,000 signed contributions through 20 kills; how many a second are taken
	@ape test -m fuzz -s tests/e2e/test_sponsor.py $(ARGS)

.PHONY: mutants
mutants: setup $(COMPILED) ## put small faults into the contracts and see which tests notice; takes hours
	@python tests/mutants.py $(ARGS)

.PHONY: pythons
pythons: setup $(COMPILED) ## install the library for each Python from 3.10 to 3.13 that is here, and use it
	@PYTHONPATH=. python tests/pythons.py

.PHONY: lint
lint: setup natrix types ## check style, types and likely mistakes
	@python -m comodels.bench.unroll --check
	@ruff check
	@ruff format --check

.PHONY: types
types: setup
	@mypy

.PHONY: natrix
natrix: $(LINTED)

# Off, because they are wrong here or a matter of taste: memory of loops over calldata (1), view and pure, which do not
# see reads of code and calls to other contracts (4, 5), unused loop variables (8), arguments that an interface asks for (10), a leading underscore for every argument
# (11), and the order of decorators (12).
# Modules that use others cannot be compiled alone, as this linter does, which takes its time: two at once, no more than
# what rules that are on ask for, and behind what compiles beside it.
LINTABLE := $(shell grep -L '^uses:' $(filter %.vy,$(CONTRACTS)) /dev/null | grep -v '^/dev/null$$')
$(LINTED): $(CONTRACTS) $(PYTHON_READY)
	@$(if $(LINTABLE),printf '%s\n' $(LINTABLE) | PATH=$(CURDIR)/.ci/natrix:$$PATH nice xargs -P 2 -n 8 sh -c \
		'natrix lint "$$@" --disable NTX1 NTX4 NTX5 NTX8 NTX10 NTX11 NTX12' natrix)
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

.PHONY: pictures
pictures: setup $(COMPILED) ## take the documents' pictures of the web page anew, in its tests
	@PICTURES=1 ape test tests/browser/test_page.py -k "readable or card" $(ARGS)

.PHONY: gas accuracy simulate bench findings dashboard
gas: setup $(COMPILED) ## measure what each action costs, against the committed snapshot
accuracy: setup $(COMPILED) ## measure the models' accuracy on the data sets
simulate: setup $(COMPILED) ## run good and bad contributors against the incentives
bench: setup $(COMPILED) ## measure how many contributions a second go through
findings: setup $(COMPILED) ## make the tables and plots of the findings again
dashboard: setup $(COMPILED) ## open the web page
gas accuracy simulate bench findings dashboard:
	@ape run $@ $(ARGS)

# ---- documents -------------------------------------------------------------------------------------------------------

DOCS_READY := .venv-docs/.ready

# An environment of its own, made when first asked for: nobody needs these tools to run or test anything.
$(DOCS_READY): requirements-docs.txt
	@echo "Installing what builds the pages into .venv-docs ..."
	@$(PYTHON) -m venv .venv-docs
	@.venv-docs/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-docs.txt > .venv-docs/pip.log 2>&1 || { \
		tail -n 30 .venv-docs/pip.log >&2; echo "Installing failed; the whole log is .venv-docs/pip.log" >&2; exit 1; }
	@touch $@

.PHONY: docs
docs: setup $(COMPILED) $(DOCS_READY) ## build the documents and the interface of contracts and modules as pages, in site/
	@NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --site-dir site 2>&1 | { grep -v ^INFO || true; }  # --quiet would count no warnings
	@echo "Open site/index.html"

.PHONY: notes
notes: ## print the changelog's part of a release: VERSION=0.2.0, or what is not released yet
	@awk -v v='$(or $(VERSION),Unreleased)' '/^## / { on = index($$0, "## [" v "]") == 1; n += on; next } on; END { exit !n }' \
		CHANGELOG.md || { echo "CHANGELOG.md has no part for $(VERSION)" >&2; exit 1; }

# ---- upkeep ----------------------------------------------------------------------------------------------------------

.PHONY: lock
lock: ## make the lock files again from requirements.in, requirements-docs.in and package.json; needs uv
	@command -v uv > /dev/null || { echo "uv is needed to make requirements.txt: pip install uv" >&2; exit 1; }
	@for name in requirements requirements-docs; do \
		{ head -n 1 $$name.txt; \
			uv pip compile --quiet --universal --python-version 3.11 --no-header $$name.in; } > $$name.txt.new; \
		mv $$name.txt.new $$name.txt; \
	done
	@npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund --loglevel=error

.PHONY: clean
clean: ## remove everything that can be made again, the environment too
	@rm -rf .venv .venv-docs node_modules .build site .mypy_cache .cache .hypothesis .pytest_cache .ruff_cache out
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
