# Every target sets everything up in .venv first. Begin with `make demo` or `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := demo
PLAYERS := docs/players

.PHONY: demo docs test test-slow sanitize check bench clean

demo: $(READY)
	rm -rf $(DEMO)
	$(BIN)/python examples/ask_the_examples.py $(DEMO)

docs: $(READY)
	$(BIN)/tapehead trace ntm-copy --length 12 --seed 1 --out $(PLAYERS)/ntm-copy.html
	$(BIN)/tapehead trace ntm-associative-recall --length 6 --seed 1 --out $(PLAYERS)/ntm-associative-recall.html
	$(BIN)/tapehead trace --data family --question "Who are the siblings of Johann Sebastian Bach?" --out $(PLAYERS)/dnc-kinship.html
	$(BIN)/tapehead trace --data london --question "shortest path from Moorgate to Paddington" --out $(PLAYERS)/ntm-search.html

test: check
	$(BIN)/python -m pytest

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow

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
	rm -rf $(VENV) $(DEMO)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(READY)
