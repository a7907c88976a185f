# Every target sets everything up in .venv first. Begin with `make demo` or `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TRITON_READY := $(VENV)/.triton
DEMO := demo
PLAYERS := docs/players

.PHONY: demo docs integrations package test test-slow test-triton sanitize check bench clean

demo: $(READY)
	rm -rf $(DEMO)
	$(BIN)/python examples/ask_the_examples.py $(DEMO)
	@echo 'Ask yourself: $(BIN)/tapehead ask family "Who are the nephews of Johann Sebastian Bach?"  (to type just tapehead: source $(BIN)/activate)'

# The players, the tutorials (which are run), the site; then every page is opened in a browser, if there is one.
docs: $(READY)
	$(BIN)/tapehead trace ntm-copy --length 12 --seed 1 --out $(PLAYERS)/ntm-copy.html
	$(BIN)/tapehead trace ntm-associative-recall --length 6 --seed 1 --out $(PLAYERS)/ntm-associative-recall.html
	$(BIN)/tapehead trace --data family --question "Who are the siblings of Johann Sebastian Bach?" --out $(PLAYERS)/ntm-kinship.html
	$(BIN)/tapehead trace dnc-reallocation --seed 1 --out $(PLAYERS)/dnc-reallocation.html
	$(BIN)/tapehead trace --data london --question "shortest path from Moorgate to Paddington" --out $(PLAYERS)/ntm-search.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	$(BIN)/python -m pytest tests/docs/test_site.py
	@echo 'Open site/index.html'

# The examples for other libraries, with these libraries.
integrations: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[integrations]'
	$(BIN)/python -m pytest tests/docs/test_examples.py

# Wheel and sdist, checked, and installed in fresh environments of every supported Python that is here.
package: $(READY)
	rm -rf dist
	$(BIN)/python -m build --installer pip --outdir dist . >/dev/null
	$(BIN)/twine check --strict dist/*
	$(BIN)/python tests/package_check.py dist

test: check
	$(BIN)/python -m pytest

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow

# Needs no GPU: Triton's interpreter and its compiler. The hook that checks shapes under pytest cannot read kernels,
# so the options of pyproject.toml are left out.
test-triton: $(TRITON_READY)
	TRITON_INTERPRET=1 $(BIN)/python -m pytest -o addopts="-q --strict-markers" -m triton tests/engine

sanitize: $(READY)
	$(BIN)/python -m pytest -m slow tests/engine/test_sanitizer.py

check: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy --strict tests/typing/consumer.py

bench: $(READY)
	$(BIN)/python -m benchmarks.speed

clean:
	rm -rf $(VENV) $(DEMO) site dist .cache

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(READY)

$(TRITON_READY): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,triton]'
	touch $(TRITON_READY)
