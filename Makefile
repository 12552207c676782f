.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
STAGE ?= dev
STEP := @sh tools/set_up.sh
INSTALL := $(UV) pip install --python $(BIN)/python
export AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED := true
export PYTHONDONTWRITEBYTECODE := # or each of hundreds of processes compiles the libraries that it imports

help: ## lists these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-12s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/.ready node_modules/.ready ## installs all dependencies into .venv and node_modules

.venv/.ready: pyproject.toml requirements.txt requirements-dev.txt
	$(STEP) "make .venv with $$($(PYTHON) --version)" $(PYTHON) -m venv .venv
	$(STEP) "install uv" $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	$(STEP) "install Python packages" $(INSTALL) -r requirements.txt -r requirements-dev.txt
	$(STEP) "install sagebuild" $(INSTALL) --no-deps --editable .
	@touch $@

.venv/.sdk: requirements-sdk.txt .venv/.ready
	$(STEP) "install the SageMaker SDK" $(INSTALL) -r requirements-sdk.txt
	@touch $@

node_modules/.ready: package-lock.json
	$(STEP) "install Node packages" npm ci --no-audit --no-fund
	@touch $@

demo: setup ## runs a whole build on this laptop, from the spoken sentence to the endpoint
	$(BIN)/python -m demo

local: setup ## deploys the service to an AWS on this laptop, and leaves it running
	$(BIN)/python -m demo --stay

notebook: setup .venv/.sdk ## opens the notebooks in JupyterLab, with the service on this laptop
	$(STEP) "install JupyterLab" $(INSTALL) --group notebook
	$(BIN)/python -m demo --notebook

format: setup ## fixes what ruff can fix, and lays out Python files and the state machine
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python -m tools.format_state_machine

check: setup ## runs the linters, the type checker and the fast tests; run it before each commit
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	npx asl-validator --json-path statemachine.asl.json
	$(BIN)/pytest --numprocesses 2 tests/unit tests/functional tests/contract

test: check .venv/.sdk ## runs all checks and tests of CI
	$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder tests/e2e tests/sdk tests/local # the longest first

examples: setup .venv/.sdk ## installs PyTorch and TensorFlow (large), and runs their tests
	$(STEP) "install pip" $(INSTALL) 'pip>=25.1' # for --group
	$(STEP) "install PyTorch and TensorFlow (some minutes)" $(BIN)/python -m pip install --disable-pip-version-check --group examples
	$(BIN)/pytest -m examples tests/local tests/e2e

faults: setup ## runs a build under each fault in each state, as a table (15 minutes; ROWS="word" selects rows)
	$(BIN)/python -m tests.e2e.print_faults $(ROWS)

deploy: setup ## deploys the service to AWS, with your credentials
	npx serverless deploy --stage $(STAGE)

remove: setup ## removes the service from AWS, with everything that builds created
	npx serverless remove --stage $(STAGE)

docs: setup ## writes docs/parameters.md and its JSON Schema, from the parameter models
	$(BIN)/python -m tools.generate_parameter_docs

pictures: setup .venv/.sdk ## writes docs/pictures, from builds on this laptop (some minutes; needs Chromium)
	$(STEP) "install what draws pictures" $(INSTALL) --group pictures
	$(BIN)/python -m tools.make_pictures

images: setup .venv/.sdk ## writes sagebuild/images/images.json, from the SageMaker SDK's tables
	$(BIN)/python -m tools.generate_images

prices: setup ## writes sagebuild/cost/prices.json, from AWS's public price list
	$(BIN)/python -m tools.generate_prices

models: setup ## writes interactionModels/, from the intents and the language files
	$(BIN)/python -m tools.generate_interaction_models

skill: setup ## writes .skill/, the Alexa skill package of the deployed stack, for ask deploy
	$(BIN)/python -m tools.skill_package --stage $(STAGE)

lock: setup ## resolves the dependencies in pyproject.toml, and pins them in requirements*.txt
	$(UV) pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate pyproject.toml -o requirements.txt
	$(UV) pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate pyproject.toml --extra client --group dev -c requirements.txt -o requirements-dev.txt
	$(UV) pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --group sdk -c requirements.txt -c requirements-dev.txt -o requirements-sdk.txt

dist: setup ## builds the wheel and the source archive in dist
	rm -rf dist
	$(UV) build --quiet --no-build-isolation --python $(BIN)/python

clean: ## deletes installed packages, caches and build outputs
	rm -rf .venv node_modules .serverless .layer .local .skill .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help setup demo local notebook format check test examples faults deploy remove docs pictures images prices models skill lock dist clean
