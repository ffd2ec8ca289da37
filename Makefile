# Every target sets up what it needs in .venv; nothing here calls a system package manager.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=
PROTOS := $(wildcard protos/scorelens/v1/*.proto)

.DEFAULT_GOAL := help
.PHONY: help demo test test-heavy check format lint types generate lock assets pictures tools audit bench volume compiled images test-images test-k8s test-pods clean

help:  ## Show the targets.
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /  \1\t/' | expand -t 14

$(VENV)/run: requirements/run.txt requirements/build.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "scorelens needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3"; exit 1; }
	@echo "setting up $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev: $(VENV)/run requirements/dev.txt
	@echo "adding what the tests need (once) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

demo: $(VENV)/run  ## Run the whole system on a made-up corpus until Ctrl-C (ARGS=--exit ends by itself).
	@$(BIN)/scorelens demo $(ARGS)

PYTEST = $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadgroup --durations=25 --durations-min=5
test: $(VENV)/dev tools  ## Set everything up and run the tests.
	@$(PYTEST) -m "not heavy" $(ARGS)

test-heavy: $(VENV)/dev tools  ## Run the tests that take long: what befalls real servers amid a load, every page for everybody.
	@$(PYTEST) -m heavy $(ARGS)

tools: $(VENV)/dev
	@$(BIN)/python -m tests.tools

check: lint types generate-check test  ## Format, lint, types, drift of generated files, tests.

lint: $(VENV)/dev
	@$(BIN)/ruff format --check --quiet . || { echo "run: make format"; exit 1; }
	@$(BIN)/ruff check --quiet .

types: $(VENV)/dev
	@$(BIN)/mypy

format: $(VENV)/dev  ## Format the code.
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

generate: $(VENV)/dev  ## Generate code and documents from their sources.
	@$(BIN)/python -m grpc_tools.protoc -Iprotos --python_out=protos --grpc_python_out=protos \
	  --plugin=protoc-gen-mypy=$(BIN)/protoc-gen-mypy --mypy_out=quiet,readable_stubs:protos \
	  --plugin=protoc-gen-mypy_grpc=$(BIN)/protoc-gen-mypy_grpc --mypy_grpc_out=quiet,readable_stubs:protos $(PROTOS)
	@$(BIN)/python docs/make_settings.py
	@$(BIN)/python docs/make_metrics.py
	@$(BIN)/python docs/make_alert_rules.py

.PHONY: generate-check
generate-check: generate
	@git diff --exit-code --stat -- protos docs k8s || { echo "generated files differ from their sources: commit what 'make generate' wrote"; exit 1; }

$(BIN)/uv:
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check uv

LOCK = $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 --custom-compile-command "make lock"
lock: $(BIN)/uv  ## Lock the versions of all dependencies anew.
	@$(LOCK) pyproject.toml --extra all --group dev --group build -o requirements/dev.txt
	@$(LOCK) pyproject.toml --extra all -c requirements/dev.txt -o requirements/run.txt
	@$(LOCK) --group build -c requirements/dev.txt -o requirements/build.txt
	@$(LOCK) --group compile -c requirements/dev.txt -o requirements/compile.txt
	@$(LOCK) --group bench -c requirements/dev.txt -o requirements/bench.txt
	@for extra in scorer sidecar indexer client console train; do $(LOCK) pyproject.toml --extra $$extra -c requirements/dev.txt -o requirements/$$extra.txt; done

assets: $(VENV)/dev  ## Copy the console's scripts from the npm packages of assets/package-lock.json.
	@mkdir -p build/assets && cp assets/package.json assets/package-lock.json assets/.npmrc build/assets
	@cd build/assets && npm ci --silent
	@$(BIN)/python assets/make.py build/assets

pictures: $(VENV)/dev  ## Take the pictures of README and docs from the demo, in a browser.
	@$(BIN)/python -m docs.make_pictures

audit: $(VENV)/dev  ## Look the locked dependencies up in the public list of known faults.
	@$(BIN)/pip-audit --require-hashes --disable-pip -r requirements/run.txt

$(VENV)/bench: $(VENV)/dev requirements/bench.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	@touch $@

bench: $(VENV)/bench tools  ## Measure everything against its peers (ARGS="relay --write"; see docs/performance.md).
	@$(BIN)/python -m bench $(ARGS)

compiled: $(VENV)/dev tools  ## Build a wheel whose relay and indexer are compiled (needs a C compiler) in build/wheels, and test it.
	@$(BIN)/python -m bench.compiled
	@PYTHONPATH=build/compiled $(BIN)/python -m pytest $(if $(ARGS),$(ARGS),tests/scorelens_sidecar tests/scorelens_indexer tests/scorelens_store/embedded tests/scorelens_store/test_values.py)

RECORDS ?= 10_000_000
volume: $(VENV)/dev  ## Fill an embedded store with many small records and see that it stays healthy (RECORDS=1_000_000).
	@$(BIN)/python -m bench.volume --records $(RECORDS) $(ARGS)

images:  ## Build the images of the components with docker, podman or buildah (ARGS="--prefix registry.example/scorelens").
	@$(PYTHON) k8s/images.py $(ARGS)

test-images: $(VENV)/dev  ## Build all images on a base of Debian's packages, look into them and run the demo from them (root, buildah, debootstrap).
	@CI=true $(BIN)/python -m pytest $(if $(ARGS),$(ARGS),tests/images)

test-k8s: $(VENV)/dev tools  ## Give what is rendered for Kubernetes to a real API server (builds Kubernetes once: a quarter of an hour, Go 1.26).
	@$(BIN)/python -m tests.tools.api_server
	@$(BIN)/python -m pytest $(if $(ARGS),$(ARGS),tests/k8s/api)

test-pods: $(VENV)/dev tools  ## Run pods of the overlays as real processes: drained, restarted, rolled and lost under load (up to half an hour).
	@$(BIN)/python -m pytest $(if $(ARGS),$(ARGS),tests/k8s/pods/behaviour)

clean:  ## Remove the environment and build results.
	@rm -rf $(VENV) build dist
