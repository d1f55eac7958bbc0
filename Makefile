SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
INSTALLED := .venv/.installed
# Tests to run, and further arguments to pytest: make test TESTS=tests/store ARGS=-x
TESTS ?=
ARGS ?=

.PHONY: help
help:  ## print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(INSTALLED)  ## make .venv with everything in it

$(INSTALLED): requirements.lock pyproject.toml deploy/setup.sh deploy/python-venv.sh
	@deploy/setup.sh
	@touch $@

.PHONY: demo
demo: setup  ## show the whole life of tokens against the sandbox exchange
	@$(BIN)/mmt demo

.PHONY: test
test: setup system-packages tools  ## run every test, and the linters as tests
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS) $(TESTS)

.PHONY: coverage
coverage: setup system-packages tools  ## the same with branch coverage, in a third more time
	@rm -f .coverage .coverage.*
	$(BIN)/python -m pytest -n auto --dist worksteal --cov --cov-report=term $(ARGS) $(TESTS)

.PHONY: system-packages
system-packages:
	@deploy/system-packages.sh

.PHONY: lint
lint: setup  ## run the linters alone
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/buf lint
	$(BIN)/buf format --diff --exit-code

.PHONY: format
format: setup  ## put code and protos into the one form
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format
	$(BIN)/buf format --write

.PHONY: generate
generate: setup  ## write generated/ from protos/
	deploy/generate/generate.sh

.PHONY: lock
lock:  ## resolve the dependencies anew: requirements.lock and deploy/locks/
	deploy/lock.sh

.PHONY: test-mysql
test-mysql: setup  ## run the store's tests on a real MySQL 9.7, fetched into build/
	root=$$(deploy/mysql97.sh) && MMT_TEST_MYSQL_ROOT=$$root $(BIN)/python -m pytest -m mysql $(ARGS) $(or $(TESTS),tests/store)

.PHONY: bench
bench: setup system-packages tools  ## measure server CPU per Resolve against a bare grpcio echo
	$(BIN)/python -m bench.resolve $(ARGS)

# How often each fault happens, and further arguments: make campaign-crash CRASHES='--workers 500' ARGS='--results FILE'
CRASHES ?= --workers 10000 --exchangers 2000 --databases 1000 --supervisors 300 --together 500 --holders 2
.PHONY: campaign-crash
campaign-crash: setup system-packages  ## kill, freeze and fill up a fleet for hours, and count what was lost
	PYTHONPATH=.:generated $(BIN)/python -m tests.campaign.crash $(CRASHES) $(ARGS)

OIDC_CRASHES ?= --workers 200 --exchangers 200 --databases 50 --supervisors 30 --together 50 --holders 1
.PHONY: campaign-oidc
campaign-oidc: setup system-packages  ## the same in less against npm's oidc-provider
	PYTHONPATH=.:generated $(BIN)/python -m tests.campaign.crash --oidc $(OIDC_CRASHES) $(ARGS)

# How large: make campaign-expiry EXPIRY='--tokens 1500 --life 420 --uphold-life 395'
EXPIRY ?=
.PHONY: campaign-expiry
campaign-expiry: setup system-packages  ## let 10,000 tokens expire within a minute, and measure what that does
	PYTHONPATH=.:generated $(BIN)/python -m tests.campaign.expiry $(EXPIRY) $(ARGS)

# How often: make campaign-rolls ROLLS=20
ROLLS ?= 200
.PHONY: campaign-rolls
campaign-rolls: setup system-packages  ## replace every process over and over while all verbs are called
	PYTHONPATH=.:generated $(BIN)/python -m tests.campaign.rolls --rolls $(ROLLS) $(ARGS)

# How many seeds: make campaign-simulation SEEDS=1000
SEEDS ?= 100000
.PHONY: campaign-simulation
campaign-simulation: setup  ## simulate refreshes under every fault, each seed another order of events
	PYTHONPATH=.:generated $(BIN)/python -m tests.simulation --seeds $(SEEDS) $(ARGS)

.PHONY: tools
tools: setup  ## build ghz and grpcurl into build/bin
	deploy/tools.sh

.PHONY: docker
docker:  ## build the image
	docker build --tag mmt .

.PHONY: clean
clean:  ## remove everything that was made here, the environments included
	rm -rf .venv .venv-generate build dist .coverage .coverage.* htmlcov
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find mmt_grpc generated tests deploy bench -name __pycache__ -type d -prune -exec rm -rf {} +
