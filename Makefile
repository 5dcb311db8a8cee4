# What people type. Each target says what it does; the work is in scripts/ where it is more than a line.

SHELL := bash
# A benchmark of one row: make bench WORK=proxy_1k ROUNDS=3
WORK ?=
ROUNDS ?= 7
# Of each fuzz target.
FUZZ_SECONDS ?= 60

.PHONY: run test lint bench fuzz drill soak docs help

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 8

run: ## the demo website with Rempart before it
	@demo/run

test: ## unit tests, cases, a moment of fuzzing; closes with `N passed, N failed`
	@scripts/setup
	@scripts/test

lint: ## formatting, clippy, licences and sources, the house rules
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy -p rempart-config -p rempart-edge -p rempart --features rempart/fault --all-targets -- -D warnings
	@command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	cargo deny --log-level error check bans licenses sources
	cargo run -q -p xtask -- lint

bench: ## Rempart beside its peers; WORK= one row, ROUNDS= how often
	cargo build --release -p rempart -p rempart-bench
	cargo run --release -q -p rempart-bench -- run --profile rempart --rounds $(ROUNDS) $(if $(WORK),--work $(WORK))

fuzz: ## every parser for FUZZ_SECONDS (60) each
	@scripts/fuzz $(FUZZ_SECONDS)

drill: ## public outages replayed against the program; ONLY= some, SCALE= of their times (1)
	cargo build -p rempart --features fault --bin rempart-fault
	target/debug/rempart-fault drill --seconds-scale $(or $(SCALE),1) $(if $(ONLY),--only $(ONLY))

soak: ## crowds at what nobody has stored, idle HTTP/2 connections, every drill with latencies judged, then every parser for SECONDS (3600) each
	cargo build --release -p rempart -p rempart-bench
	target/release/rempart-bench crowd
	target/release/rempart-bench h2-idle --bytes-max 24576
	cargo build --release -p rempart --features fault --bin rempart-fault
	target/release/rempart-fault drill --latency
	@scripts/fuzz $(or $(SECONDS),3600)

docs: ## writes what is printed from the types: docs/configuration.md
	cargo run -q -p rempart -- reference > docs/configuration.md.new
	mv docs/configuration.md.new docs/configuration.md
