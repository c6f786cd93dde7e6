# Every command of the project. On a fresh machine each target sets up what it needs.
.PHONY: help demo run azure test browser chaos mutants fuzz bench bench-short conformance live consumers infra-check lint package architecture openapi requirements clean
PY := .venv/bin/python
# Images of containers like to set it. Then no bytecode is kept, and each process that a test starts compiles the SDKs again.
unexport PYTHONDONTWRITEBYTECODE

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' Makefile

demo: .venv/.installed  ## end-to-end demo, no Azure account; about a minute
	$(PY) -m local demo

run: .venv/.installed  ## the app on http://127.0.0.1:7071 with emulators of Azure, until Ctrl-C
	$(PY) -m local run

azure: .venv/.installed  ## Azure emulators only, for any SDK or CLI
	$(PY) -m local azure

test: .venv/.installed  ## full test suite
	scripts/browser
	@$(PY) -m tests.infra.compiler
	$(PY) -m pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder

browser: .venv/.installed  ## the dashboard in a real Chromium, installed where that is possible
	scripts/browser
	$(PY) -m pytest tests/browser tests/dashboard

chaos: .venv/.installed  ## fault injection: every call × every failure, 3,000 random histories
	CHAOS=1 $(PY) -m pytest tests/faults --deselect tests/faults/test_cuts.py --timeout 1500
	$(PY) -m tests.faults.chaos

mutants: .venv/.installed  ## mutation tests of the invariants, in a copy
	$(PY) -m tests.faults.mutations

fuzz: .venv/.installed  ## fuzz the HTTP API and the Event Grid trigger
	FUZZ=1 $(PY) -m pytest -s tests/http/test_contract.py tests/http/test_events_fuzz.py tests/http/test_duplicates.py --timeout 1500

bench: .venv/.installed  ## the ten measurements of docs/reference/measurements.md, against their goals; half an hour
	$(PY) -m tests.emulators.conformance.install
	$(PY) -m benchmarks --write

bench-short: .venv/.installed  ## smoke-test the benchmarks, a minute
	$(PY) -m benchmarks --short

conformance: .venv/.installed  ## Azure CLI and JavaScript SDKs against the emulators
	$(PY) -m tests.emulators.conformance.install
	$(PY) -m pytest tests/emulators
	$(PY) -m pytest tests/emulators/conformance/javascript.py tests/emulators/conformance/azure_cli.py

live: .venv/.installed  ## docs/reference/parity.md against a real subscription: make live SUBSCRIPTION=… LOCATION=… CONFIRM=yes
	$(PY) -m tests.live

consumers:  ## tests of the ASP.NET Core sample, where dotnet is installed
	scripts/consumers

infra-check: .venv/.installed  ## tests of templates (compiled, predicted), hooks, scripts, workflows and their documents
	@$(PY) -m tests.infra.compiler
	$(PY) -m pytest --numprocesses 2 --dist loadfile tests/infra

package: .venv/.installed  ## dist/app.zip: exactly what is deployed
	scripts/package

lint: .venv/.installed  ## style, types, import rules
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache

.venv/.installed: requirements.txt requirements-dev.txt local/azurite/package-lock.json
	test -x $(PY) || scripts/venv
	$(PY) -m pip install --quiet --disable-pip-version-check "$$(grep '^uv==' requirements-dev.txt)"
	.venv/bin/uv pip install --quiet --system-certs --python $(PY) -r requirements-dev.txt
	$(PY) -m local.azurite install
	touch $@

architecture: .venv/.installed  ## regenerate docs/reference/modules.md from the modules' first lines
	$(PY) scripts/architecture.py

openapi: .venv/.installed  ## regenerate shared/http/openapi.json from the request and response classes
	$(PY) -m scripts.openapi

requirements: .venv/.installed  ## upgrade the pinned requirements to the newest versions that fit
	.venv/bin/uv pip compile --quiet --system-certs --upgrade --python-version 3.13 --no-header --no-annotate requirements.in -o requirements.txt
	.venv/bin/uv pip compile --quiet --system-certs --upgrade --python-version 3.13 --no-header --no-annotate requirements-dev.in -o requirements-dev.txt

clean:  ## what the commands have installed and made
	rm -rf .venv .run dist local/azurite/node_modules tests/telemetry/kusto/node_modules
