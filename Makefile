# What can be done here; the work itself is done by the scripts in ops/ (see ops/README.md).
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test test-faults test-skew check web build test-unit servers-start servers-stop

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Build and start Askline on sample data (ARGS="--port 9000" to pass options on)
	@ops/demo.sh $(ARGS)

test: ## Run everything that CI runs, in both modes (ARGS="--only page,lint" for some parts)
	@ops/test.sh $(ARGS)

test-faults: ## Kill, stop, fill and cut everything (ARGS="--only F09,F13 --questions 50 --seed 7 --minutes 10")
	@ops/test-faults.sh $(ARGS)

test-skew: ## Run processes of this release beside those of an earlier one (ARGS=COMMIT)
	@ops/test-skew.sh $(ARGS)

check: ## Check format, lints, scripts and container files
	@ops/test.sh --only lint,scripts

test-unit: ## Run the tests of crates and workers, which need servers but no executable
	@ops/test.sh --only servers,unit

web: ## Build the browser page
	@ops/page.sh build

build: ## Build the release executable with its page
	@ops/page.sh build
	@ops/build.sh release

servers-start: ## Start the servers of the tests and leave them running
	@ops/packages.sh
	@ops/servers.sh start

servers-stop: ## Stop those that servers-start started
	@ops/servers.sh stop
