# Every command of the project. On a fresh machine each target sets up what it needs.
.PHONY: help demo run azure test browser chaos mutants fuzz bench bench-short conformance live consumers infra-check lint package architecture openapi requirements clean
PY := .venv/bin/python

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' Makefile

demo: .venv/.installed  ## the main job end to end, no Azure account needed
	$(PY) -m local demo

run: .venv/.installed  ## the app on http://127.0.0.1:7071 with emulators of Azure, until Ctrl-C
	$(PY) -m local run

azure: .venv/.installed  ## only the emulators of Azure, for any SDK or CLI
	$(PY) -m local azure

test: .venv/.installed  ## every test that a change must pass
	scripts/browser
	@$(PY) -m tests.infra.compiler
	$(PY) -m pytest --numprocesses 3 --dist loadfile

browser: .venv/.installed  ## the dashboard in a real Chromium, installed where that is possible
	scripts/browser
	$(PY) -m pytest tests/browser tests/dashboard

chaos: .venv/.installed  ## every mode cut at every call in every way; 2,000 histories; progress, then cases and violations
	CHAOS=1 $(PY) -m pytest tests/faults --deselect tests/faults/test_cuts.py --timeout 1500
	$(PY) -m tests.faults.chaos

mutants: .venv/.installed  ## each invariant broken on purpose, in a copy: a test must notice
	$(PY) -m tests.faults.mutations

fuzz: .venv/.installed  ## the HTTP face under generated calls and mutated deliveries
	FUZZ=1 $(PY) -m pytest -s tests/http/test_contract.py tests/http/test_events_fuzz.py tests/http/test_duplicates.py --timeout 1500

bench: .venv/.installed  ## the eight measurements of docs/explanation/performance.md, each held to its goal
	$(PY) -m benchmarks --write

bench-short: .venv/.installed  ## shows in a minute that they run
	$(PY) -m benchmarks --short

conformance: .venv/.installed  ## the emulators against clients nobody here wrote: Azure's JavaScript SDKs and command line
	$(PY) -m tests.emulators.conformance.install
	$(PY) -m pytest tests/emulators
	$(PY) -m pytest tests/emulators/conformance/javascript.py tests/emulators/conformance/azure_cli.py

live: .venv/.installed  ## docs/reference/parity.md against a real subscription: make live SUBSCRIPTION=… LOCATION=… CONFIRM=yes
	$(PY) -m tests.live

consumers:  ## the ASP.NET Core sample against its proof, where dotnet is installed
	scripts/consumers

infra-check: .venv/.installed  ## templates (compiled, predicted), hooks, scripts, workflows, and what the documents say of them
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

architecture: .venv/.installed  ## docs/reference/modules.md, from the modules' own first lines
	$(PY) scripts/architecture.py

openapi: .venv/.installed  ## shared/http/openapi.json, the API's description, from the classes that it describes
	$(PY) -m scripts.openapi

requirements: .venv/.installed  ## the pinned requirements, with the newest versions that fit
	.venv/bin/uv pip compile --quiet --system-certs --upgrade --python-version 3.13 --no-header --no-annotate requirements.in -o requirements.txt
	.venv/bin/uv pip compile --quiet --system-certs --upgrade --python-version 3.13 --no-header --no-annotate requirements-dev.in -o requirements-dev.txt

clean:  ## what the commands have installed and made
	rm -rf .venv .run dist local/azurite/node_modules tests/telemetry/kusto/node_modules
