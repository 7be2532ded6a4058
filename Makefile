# Everything a developer or an operator types. `make run` and `make test` do all their own set-up.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed

.PHONY: run test check bench pictures clean

$(STAMP): pyproject.toml constraints.txt
	@deploy/setup-venv "$(PYTHON)" "$(VENV)"
	@touch $(STAMP)

run: $(STAMP)
	@deploy/setup-web
	@deploy/setup-native $(VENV)
	@$(BIN)/burrow serve --config config.toml

check: $(STAMP)
	@deploy/setup-native $(VENV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	@deploy/setup-web needed
	cd web && npm run --silent check
	if command -v cargo >/dev/null; then cd relay/native && cargo fmt --check && cargo clippy --quiet --workspace --all-targets; fi

test: $(STAMP)
	@deploy/setup-tests
	@deploy/setup-web needed
	@deploy/setup-native $(VENV)
	cd web && npm run --silent test
	if command -v cargo >/dev/null; then cd relay/native && cargo test --quiet --workspace; fi
	$(BIN)/pytest

# Pictures of each screen of the web client, to look at.
pictures: $(STAMP)
	@deploy/setup-web needed
	$(BIN)/python -m tests.e2e.web.pictures build/pictures

bench: $(STAMP)
	@$(BIN)/burrow bench all

clean:
	rm -rf $(VENV) build web/dist web/node_modules relay/native/target
