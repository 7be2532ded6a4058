# Everything a developer or an operator types. `make run` and `make test` do all their own set-up.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed

# What goes through the relay is tested on both packet engines where the native one can be built.
ENGINES ?= $(shell command -v cargo >/dev/null && echo both || echo python)

.PHONY: run test check bench fuzz pictures clean

$(STAMP): pyproject.toml constraints.txt
	@deploy/setup-venv "$(PYTHON)" "$(VENV)"
	@touch $(STAMP)

run: $(STAMP)
	@deploy/setup-web
	@deploy/setup-native $(VENV)
	@$(BIN)/burrow serve --config config.toml

check: $(STAMP)
	@deploy/setup-native $(VENV) needed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	@deploy/setup-web needed
	cd web && npm run --silent check
	if command -v cargo >/dev/null; then deploy/check-native $(VENV); fi

test: $(STAMP)
	@deploy/setup-tests
	@deploy/setup-web needed
	@deploy/setup-native $(VENV) needed
	cd web && npm run --silent test
	if command -v cargo >/dev/null; then cd relay/native && cargo test --quiet --locked --workspace && fuzz/run 3; fi
	$(BIN)/pytest --engine $(ENGINES)

# Pictures of each screen of the web client and of the operators' page, to look at.
pictures: $(STAMP)
	@deploy/setup-web needed
	$(BIN)/python -m tests.e2e.web.pictures build/pictures
	$(BIN)/python -m tests.e2e.operator.pictures build/pictures

# Every fuzz target for so many seconds; what breaks one is kept in relay/native/fuzz/corpus.
FUZZ_SECONDS ?= 60
fuzz:
	@relay/native/fuzz/run $(FUZZ_SECONDS)

# LAB: options of the lab's table, for example LAB="--runs 3 --only cut rebinding".
bench: $(STAMP)
	@$(BIN)/burrow bench all
	@deploy/bench-lab $(VENV) $(LAB)

clean:
	rm -rf $(VENV) build web/dist web/node_modules relay/native/target relay/native/fuzz/target
