.POSIX:

# The Python that .venv is made with: make PYTHON=python3.12 repro
PYTHON = python3
# Where `make serve` shows the report.
PORT = 8000

# Stages call python: it is .venv's.
USE_VENV = PATH="$$PWD/.venv/bin:$$PATH"; export PATH

help:
	@echo 'make repro         set up .venv, run the pipeline, print both models'"'"' test metrics'
	@echo 'make test          set up .venv, check style and types, run every test'
	@echo 'make bench         measure speed and memory, write benchmarks/; under 30 minutes'
	@echo 'make verify        run the pipeline in two clean clones and compare all that they wrote'
	@echo 'make kills         kill a small pipeline at many moments, finish it, compare all that it wrote'
	@echo 'make mend          mend what a killed DVC cannot read; make repro does it too'
	@echo 'make serve         show the report at http://localhost:$(PORT)/ (make PORT=8080 serve for another)'
	@echo 'make pictures      take the README'"'"'s pictures anew, from drawn portraits and their report'
	@echo 'make requirements  compile requirements.txt from requirements.in to the newest versions'
	@echo 'make clean         remove .venv, unfinished work and the tools'"'"' caches; keep all results'
	@echo
	@echo 'make PYTHON=python3.12 repro makes .venv with another Python than python3.'

repro: .venv/installed versions.yaml
	@$(USE_VENV); python -m tools.mend && python -m agegender check && dvc repro && python -m agegender metrics

test: .venv/installed versions.yaml
	@$(USE_VENV); ruff check && ruff format --check && mypy && python -m pytest -n 2 --dist loadfile

bench: .venv/installed versions.yaml
	@$(USE_VENV); python -m benchmarks

verify: .venv/installed
	@$(USE_VENV); python -m tools.verify

kills: .venv/installed
	@$(USE_VENV); python -m tools.kills

mend: .venv/installed
	@$(USE_VENV); python -m tools.mend

serve:
	@test -f report/index.html || { echo 'error: there is no report yet; make repro writes it'; exit 1; }
	@$(PYTHON) -m http.server --bind 127.0.0.1 --directory report $(PORT)

pictures: .venv/installed
	@$(USE_VENV); python -m tools.pictures

requirements: .venv/installed
	@.venv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	    --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	    --output-file .venv/compiled.txt requirements.in
	@{ echo '# Every package, pinned for Python 3.11 and newer on Linux and macOS.'; \
	    echo '# `make requirements` writes this file from requirements.in.'; \
	    cat .venv/compiled.txt; } > requirements.txt
	@.venv/bin/python -m tools.versions

clean:
	rm -rf .venv progress .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find agegender benchmarks stages tests tools -name __pycache__ -exec rm -rf {} +

.venv/installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Python 3.11 or newer is needed, and $(PYTHON) is " + sys.version.split()[0] + "; run make PYTHON=python3.11")'
	@test -x .venv/bin/python || { echo 'Making .venv'; $(PYTHON) -m venv .venv; }
	@echo 'Installing the packages of requirements.txt into .venv; that takes some minutes'
	@.venv/bin/python -m pip install --quiet --quiet --disable-pip-version-check --requirement requirements.txt
	@touch .venv/installed
	@echo 'Installed'

# The pins that stages depend on, carried over whenever requirements.txt has changed.
versions.yaml: requirements.txt .venv/installed
	@.venv/bin/python -m tools.versions
