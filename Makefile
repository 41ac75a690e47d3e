.POSIX:

# The Python that .venv is made with: make PYTHON=python3.12 repro
PYTHON = python3
# GPU=1 installs TensorFlow with CUDA, for NVIDIA's GPUs on Linux.
GPU =
# Where the photos are: make SOURCE='/home/me/my faces.zip' repro; params.yaml keeps it.
SOURCE =
# Where `make serve` shows the report.
PORT = 8000

# Stages call python: it is .venv's, with its own packages and UTF-8, and finds the stages here.
USE_VENV = PATH="$$PWD/.venv/bin:$$PATH"; PYTHONUTF8=1; export PATH PYTHONUTF8; \
	unset PYTHONHOME PYTHONPATH PYTHONSAFEPATH PYTHONWARNINGS

help:
	@echo 'make repro         set up .venv, run the pipeline, print both models'"'"' test metrics'
	@echo 'make test          set up .venv, check style and types, run every test'
	@echo 'make serve         show the report at http://localhost:$(PORT)/ (make PORT=8080 serve for another)'
	@echo 'make demo          try the models on your photos at http://127.0.0.1:8001/'
	@echo 'make verify        run the pipeline in two clean clones of the last commit and compare the outputs'
	@echo 'make test-slow     run the slow tests: unusual settings, and kills at many random moments'
	@echo 'make bench         measure speed and memory, write benchmarks/; under 30 minutes'
	@echo 'make requirements  compile the requirements files from requirements.in to the newest versions'
	@echo 'make clean         remove .venv, unfinished work and caches of tools; keep all results'
	@echo
	@echo 'make SOURCE=PATH repro        makes PATH download.source in params.yaml first: photos of your own'
	@echo 'make GPU=1 repro              sets up .venv with CUDA, for an NVIDIA GPU on Linux'
	@echo 'make PYTHON=python3.12 repro  sets up .venv with another Python than python3'

repro: .git .venv/installed$(GPU) versions.yaml
	@$(USE_VENV); test -z "$$SOURCE" || python -m agegender source "$$SOURCE" && \
	python -m agegender check && dvc repro && python -m agegender metrics

# DVC needs one, and an archive of the files, such as GitHub's, has none.
.git:
	@grep -qs no_scm .dvc/config.local || { echo 'error: this folder is not a git repository, as DVC' \
	    'needs; run `git init` here, or download the project by `git clone`' >&2; exit 1; }

test: .venv/installed$(GPU) versions.yaml
	@$(USE_VENV); ruff check && ruff format --check && mypy && python -m pytest -n 3 --dist load --maxschedchunk 1

bench: .venv/installed$(GPU) versions.yaml
	@$(USE_VENV); python -m benchmarks

# dvc.lock holds the digest of every output.
verify: .venv/installed
	@$(USE_VENV); set -e; folder=$$(mktemp -d); trap 'rm -rf "$$folder"' 0; \
	for name in first second; do \
	    git clone --quiet . "$$folder/$$name"; \
	    ( cd "$$folder/$$name"; rm -f dvc.lock; DVC_SITE_CACHE_DIR="$$folder/cache-$$name" dvc repro ); \
	done; \
	diff "$$folder/first/dvc.lock" "$$folder/second/dvc.lock"; \
	echo 'The stages wrote the same bytes in both clones'; \
	cmp -s dvc.lock "$$folder/first/dvc.lock" || echo 'dvc.lock here is of other inputs or another processor'

test-slow: .venv/export versions.yaml
	@$(USE_VENV); python -m pytest -n 2 --dist worksteal tests/slow

serve:
	@test -f report/index.html || { echo 'error: there is no report yet; make repro writes it'; exit 1; }
	@$(PYTHON) -m http.server --bind 127.0.0.1 --directory report $(PORT)

demo: .venv/installed$(GPU) versions.yaml
	@$(USE_VENV); python -m agegender demo

# fewest: one version for all Pythons wherever there is one.
COMPILE = $(USE_VENV); tools/uv pip compile --quiet --universal --python-version 3.11 \
	--fork-strategy fewest --no-header --no-annotate --no-emit-index-url --no-emit-find-links

requirements: .venv/installed
	@$(COMPILE) --upgrade --output-file .venv/all.txt requirements.in
	@{ echo '# Every package, pinned for Python 3.11 and newer on Linux and macOS.'; \
	    echo '# `make requirements` writes this file from requirements.in.'; \
	    cat .venv/all.txt; } > requirements.txt
	@set -e; version=$$(sed -n 's/^tensorflow==//p' requirements.txt); \
	echo "tensorflow[and-cuda]==$$version" > .venv/gpu.in; \
	$(COMPILE) --no-strip-extras --upgrade --constraint requirements.txt --output-file .venv/gpu.txt .venv/gpu.in; \
	{ echo '# TensorFlow with CUDA, for NVIDIA GPUs on Linux: `make GPU=1 repro` installs it.'; \
	    echo '# `make requirements` writes this file.'; \
	    echo '--requirement requirements.txt'; \
	    grep -vxF -f requirements.txt .venv/gpu.txt; } > requirements-gpu.txt
	@printf 'onnxruntime\ntf2onnx\n' > .venv/export.in; \
	$(COMPILE) --upgrade --constraint requirements.txt --output-file .venv/export.txt .venv/export.in; \
	{ echo '# For `python -m agegender export MODEL --to onnx`, next to requirements.txt.'; \
	    echo '# `make requirements` writes this file.'; \
	    echo '--requirement requirements.txt'; \
	    grep -vxF -f requirements.txt .venv/export.txt; } > requirements-export.txt
	@.venv/bin/python -m tools.versions

clean:
	rm -rf .venv progress .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find agegender benchmarks cli portraits stages tests tools -name __pycache__ -exec rm -rf {} +

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "error: TensorFlow needs Python 3.11, 3.12 or 3.13 here, and $(PYTHON) is " + sys.version.split()[0] + "; run make PYTHON=python3.12")'
	@echo 'Making .venv'
	@$(PYTHON) -m venv .venv

.venv/installed: requirements.txt .venv/bin/python
	@$(USE_VENV); tools/install requirements.txt
	@touch .venv/installed

.venv/installed1: requirements.txt requirements-gpu.txt .venv/bin/python
	@$(USE_VENV); tools/install requirements-gpu.txt
	@touch .venv/installed .venv/installed1

.venv/export: requirements-export.txt .venv/installed
	@$(USE_VENV); tools/install requirements-export.txt
	@touch .venv/export

# The pins that stages depend on, carried over whenever requirements.txt has changed.
versions.yaml: requirements.txt .venv/installed$(GPU)
	@.venv/bin/python -m tools.versions
