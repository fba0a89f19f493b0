# The front door: `make help` lists what is here. Needs only Python 3.11+, make and a package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCH := .venv-bench
ARGS ?=

# Checks need settings, not secrets: a fixed key, a database that is gone afterwards, an address served over TLS.
CHECK_ENV := SECRET_KEY=for-checks-only-0123456789-abcdefghijklmnopqrstuvwxyz DEBUG=0 DATABASE_URL=sqlite:///:memory: \
	PUBLIC_URL=https://unified.example ALLOWED_HOSTS=unified.example
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url

.DEFAULT_GOAL := help
.PHONY: help run test bench lint format types imports migrations-check deploy-check checks requirements translations ci clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.installed ## Serve everything on http://127.0.0.1:8000 (PORT=9000 changes it); Ctrl-C stops it
	@[ -n "$$SECRET_KEY" ] || grep -qs '^[[:space:]]*\(export \)\?SECRET_KEY=' .env || \
		(umask 077; $(BIN)/python -c 'import secrets; print("\nSECRET_KEY=" + secrets.token_urlsafe(50))' >> .env)
	@exec $(BIN)/python manage.py serve

test: $(VENV)/.installed-dev ## Run every test: SQLite always, PostgreSQL, Redis and Chromium where found (ARGS="-k name")
	@exec $(BIN)/python tests/run.py $(ARGS)

bench: $(BENCH)/.installed ## Measure everything, check the targets, write docs/benchmarks.md (ARGS="--quick --only ledger")
	@exec $(BENCH)/bin/python -m benchmarks.run $(ARGS)

lint: $(VENV)/.installed-dev ## Look for mistakes in Python and templates
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djlint --quiet --lint templates

format: $(VENV)/.installed-dev ## Put Python code into the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/.installed-dev ## Check types
	$(CHECK_ENV) $(BIN)/mypy

imports: $(VENV)/.installed-dev ## Check that no import runs against the arrows
	$(CHECK_ENV) PYTHONPATH=clients/python:examples $(BIN)/lint-imports

migrations-check: $(VENV)/.installed-dev ## Check that the models and the migrations agree
	$(CHECK_ENV) $(BIN)/python manage.py makemigrations --check --dry-run

deploy-check: $(VENV)/.installed ## Check the settings of an installation served over TLS; needs only what the product runs on
	$(CHECK_ENV) $(BIN)/python manage.py check --deploy --fail-level WARNING

checks: lint types imports migrations-check deploy-check ## Everything but the tests

requirements: $(VENV)/.installed-dev ## Compile the hashed requirements from the .in files (UPGRADE=--upgrade takes new versions)
	$(COMPILE) $(UPGRADE) --output-file requirements.txt requirements.in
	$(COMPILE) $(UPGRADE) --constraint requirements.txt --output-file requirements-dev.txt requirements-dev.in
	$(COMPILE) $(UPGRADE) --constraint requirements.txt --output-file requirements-bench.txt requirements-bench.in

translations: $(VENV)/.installed-dev ## Collect the texts of pages into locale/ and compile what is translated (needs GNU gettext)
	$(CHECK_ENV) $(BIN)/python manage.py makemessages --locale de --no-obsolete --add-location file --ignore .venv --ignore tests --ignore benchmarks \
		--ignore examples --ignore clients
	$(CHECK_ENV) $(BIN)/python manage.py compilemessages --locale de --ignore .venv

ci: ## What the build server runs, setting the machine up first (Debian, as root)
	bash .ci/run

clean: ## Remove what make made; keeps .env and the data in var/
	rm -rf $(VENV) $(BENCH) test-results .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps say which requirements are installed; pip runs again only when the file has changed since.
$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit("Unified needs Python 3.11 or newer." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt | $(VENV)/bin/pip
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

# What is compared and measured with stays out of the product's environment.
$(BENCH)/.installed: requirements-bench.txt
	@$(PYTHON) -c 'import sys; sys.exit("Unified needs Python 3.11 or newer." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.txt
	@touch $@
