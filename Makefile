.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
STAGE ?= dev
PORT_OPTION = $(if $(PORT),--port $(PORT))
STEP := @sh tools/set_up.sh
INSTALL := $(UV) pip install --python $(BIN)/python
export AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED := true
export PYTHONDONTWRITEBYTECODE := # empty, so that hundreds of child processes use cached bytecode

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-12s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/.ready node_modules/.ready ## install what the project needs, into .venv and node_modules

.venv/.ready: pyproject.toml requirements.txt requirements-dev.txt
	$(STEP) "make .venv with $$($(PYTHON) --version)" $(PYTHON) -m venv .venv
	$(STEP) "install uv" $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	$(STEP) "install Python packages" $(INSTALL) -r requirements.txt -r requirements-dev.txt
	$(STEP) "install sagebuild" $(INSTALL) --no-deps --editable .
	@touch $@

.venv/.sdk: requirements-sdk.txt .venv/.ready
	$(STEP) "install the SageMaker SDK" $(INSTALL) -r requirements-sdk.txt
	@touch $@

.venv/.lint/.ready: requirements-lint.txt .venv/.ready
	$(STEP) "make .venv/.lint" $(UV) venv --clear --python $(BIN)/python .venv/.lint
	$(STEP) "install linters of templates" $(UV) pip install --python .venv/.lint/bin/python -r requirements-lint.txt
	@touch $@

.venv/.audit/.ready: requirements-audit.txt .venv/.ready
	$(STEP) "make .venv/.audit" $(UV) venv --clear --python $(BIN)/python .venv/.audit
	$(STEP) "install tools for audits" $(UV) pip install --python .venv/.audit/bin/python -r requirements-audit.txt
	@touch $@

.venv/.mutants: requirements-mutants.txt .venv/.ready
	$(STEP) "install mutmut" $(INSTALL) -r requirements-mutants.txt
	@touch $@

node_modules/.ready: package-lock.json
	$(STEP) "install Node packages" npm ci --no-audit --no-fund
	@touch $@

demo: setup ## run a whole build on this laptop, from the spoken sentence to the answering endpoint
	$(BIN)/python -m demo $(PORT_OPTION)

local: setup ## deploy the service on this laptop, and leave it running (PORT=4577)
	$(BIN)/python -m demo --stay $(PORT_OPTION)

notebook: setup .venv/.sdk ## deploy the service on this laptop, and open the notebooks in JupyterLab
	$(STEP) "install JupyterLab" $(INSTALL) --group notebook
	$(BIN)/python -m demo --notebook $(PORT_OPTION)

format: setup ## fix what ruff can fix, and format the Python files and the state machine
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python -m tools.format_state_machine

check: setup .venv/.lint/.ready ## run the linter, the type checker and the fast tests: before each commit
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	npx asl-validator --json-path statemachine.asl.json
	$(BIN)/pytest --numprocesses 2 --ignore tests/functional/exhaustive tests/unit tests/functional tests/contract

test: check .venv/.sdk ## run everything that CI runs
	$(BIN)/pytest --numprocesses 3 tests/functional/exhaustive
	$(BIN)/pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder tests/e2e tests/sdk tests/local # the longest first

examples: setup .venv/.sdk ## run the tests that need PyTorch, transformers and TensorFlow (large downloads)
	$(STEP) "install pip" $(INSTALL) 'pip>=25.1' # for --group
	$(STEP) "install PyTorch, transformers and TensorFlow (some minutes)" $(BIN)/python -m pip install --disable-pip-version-check --group examples
	$(BIN)/pytest -m examples tests/local tests/e2e

pipeline: setup .venv/.sdk ## run a ready pipeline on this machine, and compare it with its expect.json (NAME=digits)
	$(BIN)/pytest -m '' 'tests/e2e/test_ready_pipelines.py::test_a_ready_pipeline_is_built_and_answers[$(NAME)]'

fuzz: setup ## send 100,000 invalid inputs through the handlers (2 minutes; FUZZ_SEED=2 tries others)
	FUZZ_CASES=$${FUZZ_CASES:-100000} $(BIN)/pytest --show-capture no tests/functional/exhaustive/test_fuzz.py

faults: setup ## inject every fault in every state of a build, and print a table (9 minutes; ROWS="word" selects rows)
	$(BIN)/python -m tests.e2e.print_faults $(ROWS)

soak: setup ## run 200 builds under random faults, stops and deletions, and balance the books (10 minutes; SEED=2 BUILDS=50)
	$(BIN)/python -m tests.e2e.soak --builds $(or $(BUILDS),200) --seed $(or $(SEED),1)

mutants: setup .venv/.mutants ## change modules in small ways, and list the changes that no test notices (MODULE=lock selects one)
	$(BIN)/python -m tools.mutants $(MODULE)

deploy: setup ## deploy to AWS, with your credentials
	npx serverless deploy --stage $(STAGE)

remove: setup ## remove the service from AWS, with everything that builds have created
	npx serverless remove --stage $(STAGE)

audit: .venv/.audit/.ready node_modules/.ready ## look for insecure code, and for known vulnerabilities of dependencies in PyPI's and npm's databases
	.venv/.audit/bin/bandit --quiet --configfile pyproject.toml --recursive sagebuild handlers skill local demo tools
	.venv/.audit/bin/pip-audit --no-deps --disable-pip -r requirements.txt
	.venv/.audit/bin/pip-audit --no-deps --disable-pip -r requirements-dev.txt
	npm audit --audit-level=high

docs: setup ## generate docs/parameters.md, docs/project.md, docs/pipelines.md, the JSON Schemas in docs, and a table in local/README.md
	$(BIN)/python -m tools.generate_parameter_docs
	$(BIN)/python -m tools.generate_project_docs
	$(BIN)/python -m tools.generate_event_schema
	$(BIN)/python -m tools.generate_local_docs

pictures: setup .venv/.sdk ## make docs/pictures from real builds on this laptop (some minutes)
	$(STEP) "install the libraries for pictures" $(INSTALL) --group pictures
	$(BIN)/python -m tools.make_pictures

measure: dist ## measure the time from pip install to a first prediction, with the commands of docs/project.md
	$(BIN)/python -m tools.measure_first_prediction

bench: setup ## measure starts, builds and a burst of messages, print a table, and write bench/results.json (10 minutes)
	$(BIN)/python -m bench

images: setup .venv/.sdk ## generate sagebuild/images/images.json from the SageMaker SDK's tables
	$(BIN)/python -m tools.generate_images

prices: setup ## generate sagebuild/cost/prices.json from AWS's public price list
	$(BIN)/python -m tools.generate_prices

models: setup ## generate interactionModels/ from skill/languages
	$(BIN)/python -m tools.generate_interaction_models

skill: setup ## assemble the Alexa skill package of the deployed stack, for ask deploy
	$(BIN)/python -m tools.skill_package --stage $(STAGE)

lock: setup ## pin the dependencies of pyproject.toml again, in requirements*.txt
	$(UV) pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --group lambda -o requirements.txt
	$(UV) pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate pyproject.toml --extra mcp --extra ui --group dev -c requirements.txt -o requirements-dev.txt
	$(UV) pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --group sdk -c requirements.txt -c requirements-dev.txt -o requirements-sdk.txt
	$(UV) pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --group lint -o requirements-lint.txt
	$(UV) pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --group audit -o requirements-audit.txt
	$(UV) pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --group mutants -c requirements.txt -c requirements-dev.txt -o requirements-mutants.txt

dist: setup .venv/.audit/.ready ## build the wheels of sagebuild, with the packaged service, and of sagebuild-local, the source archive, and the SBOM of the layer, in dist
	rm -rf dist
	$(BIN)/python -m tools.package_release
	$(UV) build --quiet --sdist --wheel --no-build-isolation --python $(BIN)/python
	$(UV) build --quiet --wheel --no-build-isolation --python $(BIN)/python --out-dir dist local
	.venv/.audit/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible requirements.txt \
		--output-file "dist/sagebuild-$$($(BIN)/python -c 'from importlib.metadata import version; print(version("sagebuild"))').cdx.json"

clean: ## delete everything that can be made again
	rm -rf .venv node_modules .serverless .layer .local .mutants .skill .mypy_cache .pytest_cache .ruff_cache .hypothesis dist sagebuild/deployment/release
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help setup demo local notebook format check test examples pipeline fuzz faults soak mutants deploy remove audit docs pictures measure bench images prices models skill lock dist clean
