# One front door; everything that it does is a `toolkit` command. `make help` lists the verbs.
# make answers 2 for every failure: a pipeline that reads exit codes calls .venv/bin/toolkit itself.

env ?= local
ARGS ?=
PYTHON ?= python3
TOOLKIT = .venv/bin/toolkit

# Another Python's modules have no place in .venv.
unexport PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help apply plan smoke destroy outputs bootstrap sandbox-start sandbox-stop test test-full lint docs bench constraints

help: ## list the verbs
	@echo 'make [env=local] VERB [ARGS="…"]'
	@awk -F ':.*## ' '/^[a-z][a-z -]*:.*## / { split($$1, verbs, " "); for (i in verbs) printf "  %-14s %s\n", verbs[i], $$2 }' Makefile | sort

apply: .venv/.stamp-run ## provision the environment, prove that it works, keep the evidence
	@$(TOOLKIT) apply $(env) $(ARGS)

plan: .venv/.stamp-run ## show what apply would change
	@$(TOOLKIT) plan $(env) $(ARGS)

smoke: .venv/.stamp-run ## run the data-plane smoke tests
	@$(TOOLKIT) smoke $(env) $(ARGS)

destroy: .venv/.stamp-run ## destroy the platform
	@$(TOOLKIT) destroy $(env) $(ARGS)

outputs: .venv/.stamp-run ## print the outputs
	@$(TOOLKIT) outputs $(env) $(ARGS)

bootstrap: .venv/.stamp-run ## make the state account and the CI identity
	@$(TOOLKIT) bootstrap $(env) $(ARGS)

sandbox-start: .venv/.stamp-run ## start the local Azure
	@$(TOOLKIT) sandbox start $(ARGS)

sandbox-stop: .venv/.stamp-run ## stop the local Azure
	@$(TOOLKIT) sandbox stop $(ARGS)

test: .venv/.stamp-dev ## run the tests: unit, contract, end to end
	@.venv/bin/python -m pytest -n auto --dist loadfile -m 'not slow' $(ARGS)

test-full: .venv/.stamp-dev ## run the tests, and the ones that download and build the toolchain from nothing
	@.venv/bin/python -m pytest -n auto --dist loadfile $(ARGS)

lint: .venv/.stamp-dev ## ruff, mypy, the rules for imports, terraform fmt and validate, generated documentation
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@.venv/bin/python .ci/terraform_lint.py
	@.venv/bin/python -m docs.generate --check readmes errors variables adf-lint guard

docs: .venv/.stamp-dev ## write docs/rbac.md and the tables of the modules' READMEs
	@.venv/bin/python -m docs.generate $(ARGS)

bench: .venv/.stamp-dev ## measure, and write benchmarks/RESULTS.md
	@.venv/bin/python benchmarks/run.py $(ARGS)

constraints: .venv/.stamp-dev ## pin the newest versions within pyproject.toml's ranges
	@.venv/bin/python .ci/write_constraints.py

.venv/.stamp-run: pyproject.toml constraints.txt
	@$(PYTHON) .ci/venv.py run

.venv/.stamp-dev: pyproject.toml constraints.txt
	@$(PYTHON) .ci/venv.py dev
