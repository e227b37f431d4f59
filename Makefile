# One command for each thing that people do here. `make help` lists them.

SHELL := /bin/bash
SWIFT ?= swift
# Parallel compile jobs; empty leaves it to SwiftPM, one for each core.
JOBS ?=
BUILD_FLAGS := $(if $(JOBS),--jobs $(JOBS))
SOURCES := Package.swift Sources Tests sql

.DEFAULT_GOAL := help
.PHONY: help deps build run test roundtrips drill bench micro format lint release clean

help: ## List what can be made
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## Check for Swift, libpq, OpenSSL and PostgreSQL; install Debian packages where that is allowed
	@scripts/dependencies.sh

build: deps ## Build the program and its tests, the one debug build that run and test share
	$(SWIFT) build --build-tests $(BUILD_FLAGS)

run: build ## Start the demo: embedded PostgreSQL, a simulated gateway, and settled between them
	.build/debug/settled demo

# Each target is a process of its own, with its tests in parallel: nine servers and a dozen programs at once would only
# measure how patient the others are.
TEST_TARGETS := WireTests AlipayTests TaobaoTests PostgresTests JobQueueTests SettlementTests TelemetryTests WebTests SandboxTests \
	CommandTests EndToEndTests

test: build ## Run all tests
	@for target in $(TEST_TARGETS); do \
		echo "== $$target"; \
		$(SWIFT) test --skip-build --disable-xctest --filter "^$$target\." || exit 1; \
	done

roundtrips: build ## Check the wire against Alipay's and Taobao's Python SDKs (fetched into .build/roundtrips)
	@Tests/RoundTrips/environments.sh .build/roundtrips
	SETTLED_ROUNDTRIPS=$(CURDIR)/.build/roundtrips $(SWIFT) test --skip-build --disable-xctest --filter "RoundTripTests"

drill: build ## Rehearse documented errors and an outage on a private database and a simulated platform
	.build/debug/settled drill errors
	.build/debug/settled drill breaker

# One or several of intake,queue,gateway,line,depth,snapshot,feed,footprint, or --quick: make bench BENCH='--quick --rows queue'
BENCH ?=

bench: release ## Compare with other queues and receivers on this machine (Benchmarks/README.md; settled bench is the small one)
	python3 Benchmarks/run.py $(BENCH)

micro: release ## Count instructions and allocations of each step beside the recorded ones
	.build/release/settled bench micro
	Benchmarks/instructions.sh .build/release/settled Benchmarks/instructions.txt

format: ## Rewrite the sources in the project's style
	$(SWIFT) format --in-place --parallel --recursive $(SOURCES)

lint: ## Fail when a source is not in the project's style
	$(SWIFT) format lint --strict --parallel --recursive $(SOURCES)

release: deps ## Build for use: .build/release/settled
	$(SWIFT) build --configuration release --product settled --static-swift-stdlib $(BUILD_FLAGS)

clean: ## Remove everything that was built
	rm -rf .build
