# Thin on purpose: the work is in sandbox/install, the omero-flows command and the tests.
SHELL := /bin/sh
export VENV ?= .venv
PYTHON ?=
export PYTHON
bin := $(VENV)/bin
LANES ?= 2
typed := contracts blocks tasks flows converters cli deployments omero_ui

.DEFAULT_GOAL := help
.PHONY: help set-up demo demo-stop test lint bench screenshots lock clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo '  PYTHON=python3.12 make test   uses another Python (3.11 or 3.12)'

set-up: ## install everything (every other target does this by itself)
	@sandbox/install/set_up.sh
	@sandbox/install/panel_assets.sh

demo: set-up ## start the sandbox site, import and analyse sample images (ONCE=1: stop it afterwards; CLUSTER=local: without Slurm)
	@$(bin)/omero-flows demo $(if $(ONCE),--once) $(if $(CLUSTER),--cluster $(CLUSTER))

demo-stop: set-up ## stop the site that make demo left up
	@$(bin)/omero-flows sandbox down

# Two lanes, each with a site of its own, file by file and ring by ring: most tests wait for services.
test: set-up ## run all tests on real services (TESTS=tests/unit for some of them; LANES=0 for one after the other)
	@$(bin)/python -m pytest --numprocesses $(LANES) --dist loadfile --no-loadscope-reorder $(TESTS)

lint: set-up ## ruff, mypy --strict, the panel's TypeScript, the arrows between the folders
	@$(bin)/ruff check .
	@$(bin)/ruff format --check .
	@$(bin)/mypy --strict $(typed)
	@npm run --silent --prefix omero_ui/assets lint
	@$(bin)/python -m pytest -q tests/unit/test_arrows.py

bench: set-up ## measure; figures are kept in benchmarks/README.md
	@$(bin)/python -m benchmarks

screenshots: set-up ## take the pictures in docs/images anew, of the site that make demo left up
	@$(bin)/python -m tests.browser.screenshots

lock: set-up ## compile the lock files anew from pyproject.toml
	@sandbox/install/lock.sh

clean: ## remove the environment and caches (not the site, not the wheel cache)
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache *.egg-info
