# `make demo` and `make test` do all the set-up themselves; see README.md.
PYTHON_ENV ?= .venv
PY := $(PYTHON_ENV)/bin/python
DEMO_CONFIG := configs/recipes/panoptic_cpu.py
DEMO_DIR := work_dirs/panoptic_cpu
# Where the processor computes in bfloat16, training takes four fifths of the time.
DEMO_AMP := $(if $(shell grep -m1 -o avx512_bf16 /proc/cpuinfo 2>/dev/null),--amp)

.PHONY: env demo test test-all lint bench

env:
	@ENV_DIR=$(PYTHON_ENV) tools/setup_env.sh

demo: env
	$(PY) tools/dataset_tools/make_scenes.py
	$(PY) tools/train.py $(DEMO_CONFIG) $(DEMO_AMP) --work-dir $(DEMO_DIR)
	$(PY) tools/test.py $(DEMO_CONFIG) $(DEMO_DIR) --work-dir $(DEMO_DIR)/test
	$(PY) tools/analysis_tools/picture_sheet.py $(DEMO_CONFIG) $(DEMO_DIR) --out $(DEMO_DIR)/pictures.png

test: env lint
	$(PY) -m pytest -m "not slow"

test-all: env lint
	$(PY) -m pytest

lint: env
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

bench: env
	$(PY) tools/benchmarks/solo_head.py
	$(PY) tools/benchmarks/panoptic.py
