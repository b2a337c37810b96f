# Thin lines over `python -m devstack` and the tools in .venv: the logic is there, not here.

PYTHON ?= python3
INSTANCES ?= 1
HURRY ?= 1
ORDER ?=
VENV = .venv/bin
# A Python that was asked for replaces a .venv of another one; the default leaves it alone.
THIS_PYTHON = $(if $(filter file,$(origin PYTHON)),,--this-python)

.PHONY: help setup run demo trace test test-emulators test-essentials test-all test-long check audit package infra-check infra-plans bench pictures reset clean

help: ## list these targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "  make run INSTANCES=2 HURRY=10   two Functions hosts, lease and poll times divided by ten"
	@echo "  make run PYTHON=python3.12      another interpreter, 3.11 to 3.13"

setup: ## make .venv and local.settings.json, where they are missing or out of date
	@$(PYTHON) -m devstack setup $(THIS_PYTHON)

run: ## start the service and its local cloud, reload on changes; Ctrl-C stops it
	@$(PYTHON) -m devstack up --instances $(INSTANCES) --hurry $(HURRY) --reload $(THIS_PYTHON)

demo: setup ## walk orders through the running service and show it
	@$(VENV)/python -m operate demo

trace: setup ## show what became of an order, step by step: make trace ORDER=<its id>
	$(if $(ORDER),,$(error which order? make trace ORDER=<its id>))
	@$(VENV)/python -m operate trace '$(subst ','\'',$(ORDER))'

test: setup ## run the tests of the service, a quarter of an hour
	$(VENV)/python -m pytest tests -n 2 --dist loadfile -m "not long"

test-emulators: setup ## run the tests of the emulators, about four minutes
	$(VENV)/python -m pytest emulators/tests -n 2 --dist loadfile -m "not long"

test-essentials: setup ## run what another Python has to pass, about five minutes
	$(VENV)/python -m pytest tests emulators/tests/functions -n 2 --dist loadfile -m "not long" --ignore tests/devstack --ignore tests/bench \
		--ignore tests/browser \
		--ignore-glob 'tests/e2e/test_[!t]*' --ignore-glob 'tests/e2e/test_t[!w]*'

test-all: setup ## run both, about twenty minutes
	$(VENV)/python -m pytest -n 2 --dist loadfile -m "not long"

test-long: setup ## run both with the full rounds of the fault tests, and what needs a package index or Go
	FULL_ROUNDS=1 $(VENV)/python -m pytest -m "long or not long"

check: setup ## check lint, format, types and import contracts
	$(VENV)/ruff check
	$(VENV)/ruff format --check
	$(VENV)/mypy
	$(VENV)/lint-imports

audit: setup ## ask for known weaknesses of what Azure installs, and say what could not be asked
	@$(VENV)/python -m operate audit

package: setup ## pack what Azure is given, list it, and run it with requirements.txt alone; half a minute
	@$(VENV)/python -m operate package
	$(VENV)/python -m pytest tests/e2e/test_package.py

infra-check: setup ## check the infrastructure code and the workflows, as far as this machine can, and say how far
	@$(VENV)/python infra/check.py

infra-plans: setup ## write what the infrastructure reads of the code, and its plans, anew; needs Terraform
	$(VENV)/python -m operate infra > infra/model.json
	@$(VENV)/python infra/check.py --write

bench: setup ## measure the service and its local cloud, about half an hour
	$(VENV)/python -m bench

pictures: setup ## take the pictures of the dashboard anew, some four minutes; needs Chromium or Chrome
	@$(VENV)/python -m tests.browser.pictures

reset: ## remove the local data
	@$(PYTHON) -m devstack reset

clean: reset ## remove the local data, .venv, packages and the caches of the tools
	@echo "clean removes .venv, .package, __pycache__ and the caches of the tools"
	@rm -rf .venv .package .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage htmlcov
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
