# The one vocabulary: what a person types here is what CI runs.

.DEFAULT_GOAL := help
.PHONY: help run setup test test-long lint deny bench protocols fuzz docs-write

help: ## say what there is to say
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

run: ## start the gateway with no configuration
	cargo run --release

setup: ## install what the tests need and is missing
	@.ci/setup

test: setup ## build one release binary, run every test runner, sum their results
	@.ci/test

test-long: setup ## the same tests with more cases, more connections and longer times
	@ROOMCAST_TEST_LONG=1 PROPTEST_CASES=20000 .ci/test

lint: ## formatting, clippy, house rules
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features -- -D warnings
	cargo test --workspace --all-features --quiet --test tidy

deny: ## licences, bans, sources and advisories of the dependencies
	@.ci/deny

bench: ## measure our gateway and the limit in one run, then the way over Redis
	cargo build --release -p roomcast -p roomcast-loadtest
	ROOMCAST_BIN="$${CARGO_TARGET_DIR:-target}/release/roomcast" \
		cargo run --release -p roomcast-loadtest -- bench
	ROOMCAST_BIN="$${CARGO_TARGET_DIR:-target}/release/roomcast" \
		cargo run --release -p roomcast-loadtest -- nodes
	cargo bench --quiet -p roomcast-adapter-redis --bench figures

protocols: ## measure plain WebSocket, Socket.IO and polling in one run
	cargo build --release -p roomcast -p roomcast-loadtest
	ROOMCAST_BIN="$${CARGO_TARGET_DIR:-target}/release/roomcast" \
		cargo run --release -p roomcast-loadtest -- protocols

fuzz: ## run the fuzz targets: TARGETS="frames plain" RUNS=1000000, all of them 10,000,000 times each by default
	@.ci/fuzz $(TARGETS)

docs-write: ## rewrite the pages of docs/ that are made from the code
	cargo run --quiet -p roomcast --example docs-write
