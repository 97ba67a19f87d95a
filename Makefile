# `make demo` runs the main job, `make test` passes the tests; both do all their own set-up.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

export MLAPI_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/mlapi
export PYTHONPATH := operator:images/runtime:.
export PYTHONDONTWRITEBYTECODE := 1
PYTHON ?= python3
LOCK := tests/requirements.lock
LOCK_KEY := $(shell { $(PYTHON) --version; cat $(LOCK); } | sha256sum | cut -c1-16)
VENV := $(MLAPI_CACHE)/venv-$(LOCK_KEY)
PY := $(VENV)/bin/python
RUN := $(VENV)/bin
# What `mlapi serve` takes is little beside what the tests take.
LAPTOP := $(MLAPI_CACHE)/laptop-$(LOCK_KEY)
DIGITS := $(MLAPI_CACHE)/digits.onnx
# Most tests wait for a server of their own; the scenarios share one cluster.
PARALLEL := --numprocesses 3 --dist loadgroup

.PHONY: help serve demo test test-full lint types unit integration e2e components wrk venv lock crd golden cluster clean-cluster bench-start bench-frameworks
help: ## the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

serve: $(LAPTOP)/ready ## the digits on this machine: no cluster, no root; trained here if they are not yet
	@test -f $(DIGITS) || { echo "training the digits ($(DIGITS))"; $(LAPTOP)/bin/python -m e2e.digits $(DIGITS); }
	$(LAPTOP)/bin/python -m mlapi_operator.cli serve -f examples/digits-fastapi.yaml --model $(DIGITS)

demo: venv ## a cluster, the operator, a model, its accuracy and its latency
	@$(PY) -m e2e.demo

test: lint types components wrk ## lint, types, unit, golden, contract, integration, end to end
	@$(RUN)/pytest $(PARALLEL) -m "not full" tests
	@$(RUN)/pytest -m "not full" e2e/scenarios

test-full: lint types components wrk ## everything, also what takes long
	@$(RUN)/pytest $(PARALLEL) tests
	@$(RUN)/pytest e2e/scenarios

lint: venv
	@$(RUN)/ruff check . && $(RUN)/ruff format --check .
	@$(RUN)/lint-imports --no-cache

types: venv
	@$(RUN)/mypy --cache-dir=$(MLAPI_CACHE)/mypy

unit: venv ## the tests that need no Kubernetes
	@$(RUN)/pytest tests/unit tests/golden

integration: components ## the tests against a real kube-apiserver
	@$(RUN)/pytest tests/integration

e2e: components ## the scenarios on a real cluster
	@$(RUN)/pytest -m "not full" e2e/scenarios

# Before the tests, as a build takes longer than any of them may.
components: venv
	@$(PY) -m e2e.cluster build

cluster: venv ## a real cluster on this machine
	@$(PY) -m e2e.cluster up

clean-cluster: venv ## ends that cluster and what is left of it
	@$(PY) -m e2e.cluster down

crd: venv ## writes crds/ and the chart's copy
	@$(PY) -m mlapi_operator.cli crd --write

golden: venv ## writes the golden files anew; read them as a diff
	@$(RUN)/pytest tests/golden tests/chart tests/gitops --update-golden -k golden

bench-start: venv ## apply to first answered prediction, by phase
	@$(PY) -m e2e.bench_start

bench-frameworks: venv wrk ## the three frameworks beside a bare ASGI server; 15 minutes on a quiet machine
	@$(PY) -m mlapi_operator.cli bench --report docs/benchmarks

# The load generator; where it cannot be installed, the tests that need it say so and are skipped.
wrk:
	@command -v wrk >/dev/null || [ "$$(id -u)" != 0 ] || { echo "installing wrk"; apt-get update -q; apt-get install -qy wrk; }

lock: venv ## pins anew what pyproject.toml asks for
	@compile() { $(RUN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q "$$@"; }; \
	compile --extra dev -o $(LOCK); \
	compile --extra runtime -c $(LOCK) -o images/runtime.lock; \
	for framework in fastapi litestar django-ninja; do \
		mkdir -p images/$$framework; \
		compile --extra $$framework -c $(LOCK) -o images/$$framework/requirements.lock; \
	done; \
	compile --extra operator -c $(LOCK) -o images/operator/requirements.lock; \
	echo hatchling | $(RUN)/uv pip compile - -c $(LOCK) --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q -o images/build.lock

venv: $(VENV)/ready

# An environment with uv. Debian splits venv out of python3, and only root can install it.
define environment
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "found $$($(PYTHON) --version), wanted Python 3.11 or later; name one, as in make PYTHON=python3.13" >&2; exit 1; }
@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	test "$$(id -u)" = 0 || { echo "$(PYTHON) comes without venv; install it: sudo apt-get install python3-venv" >&2; exit 1; }; \
	echo "installing python3-venv"; apt-get update -q; apt-get install -qy python3-venv; }
@echo "preparing the Python environment ($(@D))"
@mkdir -p $(MLAPI_CACHE)
@$(PYTHON) -m venv --clear $(@D)
@grep -A40 -E '^uv==' $(LOCK) | awk 'NR>1 && /^[a-z]/ {exit} {print}' > $(@D)/uv.lock
@$(@D)/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r $(@D)/uv.lock
endef

# Its name holds the hash of the lock, so no time stamp has to.
$(VENV)/ready:
	$(environment)
	@$(RUN)/uv pip install -q --compile-bytecode --python $(PY) --require-hashes -r $(LOCK)
	@touch $@

$(LAPTOP)/ready:
	$(environment)
	@$(@D)/bin/uv pip install -q --python $(@D)/bin/python -r pyproject.toml --extra cli --extra runtime skl2onnx onnx -c $(LOCK)
	@touch $@
