# `make` alone lists what there is. Each target is one line of work; the scripts are in .ci/.

.DEFAULT_GOAL := help
STAGE := .ci/stage
SCRIPTS := .ci/run .ci/stage .ci/tools .ci/advisories .ci/clients .ci/accept .ci/soak .ci/fuzz .ci/dynamodb-local \
	e2e/clients/scenario.sh

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## Build and start a database on http://127.0.0.1:8000 with the tables of e2e/samples
	cargo run --release --locked -p stator-server --bin stator-node -- dev --manifests e2e/samples

.PHONY: test
test: lint clients node ## Run every test and check that a change can break (what CI runs)
	@$(STAGE) tests cargo test --locked --workspace --no-fail-fast

.PHONY: lint
lint: clients ## Check format, lints and scripts; writes nothing
	@$(STAGE) format cargo fmt --all --check
	@$(STAGE) clippy cargo clippy --locked --workspace --all-targets -- -D warnings
	@$(STAGE) shellcheck .venv/bin/shellcheck $(SCRIPTS)

.PHONY: fix
fix: ## Format the code and apply the fixes that clippy is sure of
	cargo clippy --fix --allow-dirty --allow-staged --workspace --all-targets
	cargo fmt --all

.PHONY: deny
deny: ## Check licences, sources and duplicates of dependencies (needs `make tools`)
	@$(STAGE) deny cargo deny --log-level error check bans licenses sources

.PHONY: advisories
advisories: ## Check dependencies against the RustSec database (needs `make tools`, fetches it)
	@.ci/advisories

.PHONY: accept
accept: clients ## Run the tests at the counts of acceptance and write docs/evidence/
	@.ci/accept

.PHONY: soak
soak: clients ## Repeat the crash test and random operations with new seeds until one fails
	@.ci/soak

MINUTES ?= 5
.PHONY: fuzz
fuzz: ## Fuzz every reader of foreign bytes, guided by coverage, each for MINUTES=5
	@.ci/fuzz each $(MINUTES)

.PHONY: bench
bench: ## Measure the release build against bare programs and write docs/BENCHMARKS.md
	@$(STAGE) build cargo build --release --locked -p stator-server -p stator-bench
	@$(STAGE) bench cargo run --release --locked --quiet -p stator-bench -- run --page docs/BENCHMARKS.md

.PHONY: clients
clients: ## Make ready the AWS clients that the tests run, shellcheck and sample data
	@$(STAGE) clients .ci/clients

.PHONY: tools
tools: ## Install cargo-deny if it is missing (about 3 minutes)
	@$(STAGE) tools .ci/tools

.PHONY: node
node: ## Build the binary that the end-to-end tests start
	@$(STAGE) build cargo build --locked -p stator-server
