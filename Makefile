# Needs python3 (3.11+) with venv, and make: no compiler, no root.
PY    ?= python3
FILES ?=
V     := .venv
UV    := 0.13.9

SHELL := /bin/bash
INSTALL := $(V)/bin/python -m pip -q --disable-pip-version-check install --no-deps --require-hashes
# The one package of the lock without a wheel: from its line to the last that goes on.
SDIST := /^merkletools==/,/[^\\]$$/

.DELETE_ON_ERROR:
.PHONY: help setup demo demo-station demo-notary demo-court demo-city s3 pyz html test slow check format openapi lock bench clean

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/make \1|\2/p' Makefile | awk -F'|' '{ printf "%-17s %s\n", $$1, $$2 }'

setup: $(V)/.ready ## install everything into .venv (the other targets do so when needed)

demo: $(V)/.ready ## show the ledger at work; FILES="a.mp4 b.mp4" takes your own
	@$(V)/bin/tiezheng demo $(FILES)

demo-station: $(V)/.ready ## show an upload station at work, with all that can go wrong; ARGS="--lang zh"
	@PYTHONPATH=$(CURDIR):$(CURDIR)/tests $(V)/bin/python -m testkit.demo_station $(ARGS)

demo-notary: $(V)/.ready ## show who watches a ledger, and what they catch; ARGS="--lang zh"
	@PYTHONPATH=$(CURDIR):$(CURDIR)/tests $(V)/bin/python -m testkit.demo_notary $(ARGS)

demo-court: $(V)/.ready ## show what a court is handed, and ten ways to manipulate it; ARGS="--lang zh"
	@PYTHONPATH=$(CURDIR):$(CURDIR)/tests $(V)/bin/python -m testkit.demo_court $(ARGS)

demo-city: $(V)/.ready ## live a year of a city's enforcement, and count all of it again; ARGS="--lang zh"
	@PYTHONPATH=$(CURDIR):$(CURDIR)/tests $(V)/bin/python -m testkit.demo_city $(ARGS)

s3: $(V)/.ready ## start an S3 server to try, on 127.0.0.1, until Ctrl-C
	@$(V)/bin/python tests/testkit/ceph.py serve

pyz: $(V)/.ready ## build dist/tiezheng-verify.pyz, the verifier as one file
	@$(V)/bin/python -m portable.build dist/tiezheng-verify.pyz

html: $(V)/.ready ## build dist/verify.html, the verifier as a page without network
	@$(V)/bin/python -m browser.build dist/verify.html

# Much of a run is waiting: so one more at work than a small machine has cores. Syncs cost nothing in
# memory, with IN=/dev/shm; what passed is removed at once.
test: $(V)/.ready ## run the tests but the slow ones; IN=/dev/shm keeps their files in memory; ARGS="tests/unit"
	@$(if $(IN),TMPDIR=$(IN)) $(if $(PAUSES),PAUSES=$(PAUSES) PYTHONPATH=tests) \
		$(V)/bin/python -m pytest -n 3 $(if $(IN),-o tmp_path_retention_policy=failed) \
		$(if $(PAUSES),-p testkit.pauses) $(ARGS)

slow: $(V)/.tools ## run the slow tests
	@$(V)/bin/python -m pytest -n 2 -m slow

check: $(V)/.ready ## formatting, lint, types, layers
	@$(V)/bin/ruff format --check --quiet
	@$(V)/bin/ruff check --quiet
	@$(V)/bin/mypy
	@$(V)/bin/lint-imports --no-logo

format: $(V)/.ready ## format the code and mend what can be mended
	@$(V)/bin/ruff check --fix --quiet || true
	@$(V)/bin/ruff format

openapi: $(V)/.ready ## write docs/openapi.json anew
	@$(V)/bin/python -c 'from api.app import write_description; write_description()'

bench: $(V)/.tools ## measure speed and write docs/performance.md; ONLY="a c" QUICK=yes
	@$(V)/bin/python -m benchmarks $(ONLY) $(if $(QUICK),--quick)

COMPILE := --quiet --universal --python-version 3.11 --only-binary :all: --no-binary merkletools \
	--fork-strategy fewest --generate-hashes --custom-compile-command 'make lock' $(UPGRADE)

# Keeps every pin that still fits; `make lock UPGRADE=--upgrade` moves them all.
# Wheels only: an sdist would fetch build tools that no hash covers.
lock: ## write requirements.lock anew from pyproject.toml
	@rm -rf build/uv && $(PY) -m venv build/uv
	@build/uv/bin/python -m pip -q install uv==$(UV)
	@build/uv/bin/uv pip compile $(COMPILE) --extra media --extra notary --extra pkcs11 --group dev --group merkle \
		--output-file requirements.lock pyproject.toml
	@build/uv/bin/uv pip compile $(COMPILE) --group tools --constraint requirements.lock \
		--output-file tools.lock

clean: ## remove what make made
	rm -rf $(V) build dist demo .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

# Made from nothing each time, so that it holds the lock and no more, whatever
# an interrupted or older install left behind.
$(V)/.locked: requirements.lock
	@$(PY) -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "$(PY) is missing, older than 3.11, or without venv: apt-get install python3-venv (or name another: make PY=python3.12)" >&2; \
		echo "找不到 $(PY)，或其版本低于 3.11，或缺少 venv 模块：请执行 apt-get install python3-venv（或另行指定：make PY=python3.12）" >&2; \
		exit 2; }
	@echo "Installing into $(V) / 正在安装到 $(V) ..."
	@$(PY) -m venv --clear $(V)
	@$(INSTALL) --only-binary :all: -r <(sed '$(SDIST)d' requirements.lock)
	@$(INSTALL) --no-build-isolation --use-pep517 -r <(sed -n '$(SDIST)p' requirements.lock)
	@touch $@

$(V)/.tools: $(V)/.ready tools.lock
	@$(INSTALL) --only-binary :all: -r tools.lock
	@touch $@

$(V)/.ready: $(V)/.locked pyproject.toml
	@$(V)/bin/python -m pip -q --disable-pip-version-check install --no-deps --no-build-isolation -e .
	@touch $@
