# Everything a developer or an operator types. `make run` and `make test` do all their own set-up.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed

.PHONY: run test check bench clean

$(STAMP): pyproject.toml constraints.txt
	@deploy/setup-venv "$(PYTHON)" "$(VENV)"
	@touch $(STAMP)

run: $(STAMP)
	@$(BIN)/burrow serve --config config.toml

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: $(STAMP)
	@deploy/setup-tests
	$(BIN)/pytest

bench: $(STAMP)
	@$(BIN)/burrow bench all

clean:
	rm -rf $(VENV) build
