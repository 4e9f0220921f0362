# The few verbs of the project; `make help` lists them.

SHELL := /bin/bash
GO ?= go
CACHE := $(CURDIR)/.cache
BIN := $(CACHE)/bin
LINT_VERSION := v2.15.0
GOSEC_VERSION := v2.29.0
VULN_VERSION := v1.8.0
VULN_DB ?= https://vuln.go.dev
FUZZTIME ?= 20s
BENCHTIME ?= 1s
BENCH_BASELINE := internal/bench/baseline.json
NFPM_VERSION := v2.43.4
CYCLONEDX_VERSION := v1.10.0

# SQLite's full text search is in the driver with a tag only. This is the one place
# that sets it, for whatever is built from here, by the tests too.
TAGS := sqlite_fts5
export GOFLAGS := $(strip $(GOFLAGS) -tags=$(TAGS))

# Without git, or outside of a clone, the go command's own idea is used.
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null)
COMMIT := $(shell git rev-parse HEAD 2>/dev/null)
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null)
DATE := $(shell TZ=UTC0 git log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd 2>/dev/null)
LDFLAGS := $(if $(VERSION),-X main.stamped=$(VERSION) -X main.stampedCommit=$(COMMIT) -X main.stampedDate=$(DATE))

.DEFAULT_GOAL := help

.PHONY: help
help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/sessiond, and what it runs: bin/sessiond-tui, bin/sessiond-export
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/sessiond ./cmd/sessiond-tui ./cmd/sessiond-export

.PHONY: demo
demo: build ## play the main job with the real Claude Code and no network (LIVE=1: your own login)
	@claude=$$(command -v claude || ./internal/claudecli/install.sh pinned) && \
		$(GO) run ./internal/demo $(CURDIR)/bin/sessiond "$$claude"

.PHONY: claude
claude: ## bring the pinned versions of Claude Code into .cache/claude
	./internal/claudecli/install.sh

.PHONY: tools
tools: ## bring the npm packages that tests use into .cache/npm
	./internal/npmtools/install.sh

.PHONY: test
test: claude tools ## run every test under the race detector, the real Claude Code's included
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		echo "test: THE PYTHON CLIENT IS NOT TESTED: there is no python3 from 3.11 on (CI=true makes that a failure)"
	$(GO) test -race -timeout 90m ./...

.PHONY: race
race: ## run the tests of PKG (default all) RUNS times (default 20) under the race detector
	$(GO) test -race -timeout 24h -count=$(or $(RUNS),20) $(or $(PKG),./...)

.PHONY: vet
vet: ## run go vet, for macOS too
	$(GO) vet ./...
	CGO_ENABLED=0 GOOS=darwin $(GO) vet ./...

.PHONY: lint
lint: $(BIN)/golangci-lint-$(LINT_VERSION) ## check formatting, vet, and run the linters, for macOS too
	@test -z "$$(gofmt -l $$(git ls-files '*.go' 2>/dev/null || find . -name '*.go'))" || { gofmt -l .; exit 1; }
	@$(MAKE) --no-print-directory vet
	$< run ./...

# Under a name of its own, so that a new version is installed when one is asked for.
$(BIN)/golangci-lint-$(LINT_VERSION):
	GOBIN=$(BIN) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	mv $(BIN)/golangci-lint $@

# Not looked for: G304, files whose names are no constants. This program opens those
# that its user names, and those in directories that it has checked. Not looked at:
# internal, which is tests and tools, and no part of the program. Which errors may be
# ignored (G104) is in .gosec.json; every other exception stands in its line.
.PHONY: gosec
gosec: ## look for what makes a program insecure
	$(GO) run github.com/securego/gosec/v2/cmd/gosec@$(GOSEC_VERSION) -quiet -conf .gosec.json -exclude=G304 -exclude-dir=internal ./...

# govulncheck exits with 3 where it has found something. Without its database it can
# say nothing, which is no fault of the code: STRICT=1 makes it one.
.PHONY: vuln
vuln: $(BIN)/govulncheck-$(VULN_VERSION) ## look for known vulnerabilities; tells where their database is out of reach (STRICT=1: fails)
	@out=$$($< -db $(VULN_DB) ./... 2>&1); code=$$?; printf '%s\n' "$$out"; \
	if [ $$code = 1 ] && grep -q '^govulncheck: fetching vulnerabilities' <<< "$$out"; then \
		echo "vuln: NOTHING WAS CHECKED: the database of vulnerabilities is out of reach: $(VULN_DB)"; \
		test -z "$(STRICT)"; \
	else exit $$code; fi

$(BIN)/govulncheck-$(VULN_VERSION):
	GOBIN=$(BIN) $(GO) install golang.org/x/vuln/cmd/govulncheck@$(VULN_VERSION)
	mv $(BIN)/govulncheck $@

.PHONY: fuzz
fuzz: ## run every fuzz target (ONLY=regexp: some) for FUZZTIME (default 20s), FUZZJOBS (default 2) at a time
	@FUZZTIME=$(FUZZTIME) FUZZONLY='$(ONLY)' FUZZJOBS=$(or $(FUZZJOBS),2) ./internal/fuzz.sh

.PHONY: bench
bench: build ## measure the daemon, each figure beside a yardstick of the same run (ONLY=regexp: a part of it)
	@mkdir -p $(CACHE)/bench
	$(GO) run ./internal/bench --only '$(ONLY)' --json $(CACHE)/bench/bench.json --pictures $(CACHE)/bench bin/sessiond

.PHONY: bench-quick
bench-quick: build ## the same with a tenth of the work, in less than a minute
	$(GO) run ./internal/bench --quick --only '$(ONLY)' bin/sessiond

.PHONY: bench-check
bench-check: build ## fail where a ratio is worse, beyond its noise, than in the committed BASELINE
	$(GO) run ./internal/bench --check $(or $(BASELINE),$(BENCH_BASELINE)) --only '$(ONLY)' bin/sessiond

.PHONY: bench-keep
bench-keep: ## make the last make bench the baseline, its figures and pictures those of the docs
	cp $(CACHE)/bench/bench.json $(BENCH_BASELINE)
	mkdir -p docs/pictures && cp $(CACHE)/bench/*.svg docs/pictures/
	$(GO) run ./internal/bench --document docs/performance.md $(BENCH_BASELINE)

.PHONY: benchmarks
benchmarks: ## run every Go benchmark for BENCHTIME (default 1s), for benchstat
	$(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) ./...

.PHONY: torture
torture: ## kill, stop and starve whatever there is, for ROUNDS (default 20) from SEED (default: the time)
	@echo "seed $(SEED)"
	$(GO) test -timeout 0 -count 1 -v -run '^TestTorture(Jobs)?$$' ./internal/torture -rounds $(ROUNDS) -seed $(SEED)
torture: ROUNDS ?= 20
torture: SEED := $(or $(SEED),$(shell date +%s))

.PHONY: soak
soak: ## have sessions and clients come and go for DURATION (default 20m), and look at what the daemon takes
	@mkdir -p $(CACHE)
	$(GO) test -timeout 0 -count 1 -v -run '^TestSoak$$' ./internal/torture -soak $(or $(DURATION),20m) -soak-json $(CACHE)/soak.json

.PHONY: dist
dist: $(BIN)/nfpm-$(NFPM_VERSION) $(BIN)/cyclonedx-gomod-$(CYCLONEDX_VERSION) ## build archives, a .deb, bills of materials and checksums into dist/
	$(GO) run ./internal/dist -version '$(VERSION)' -commit '$(COMMIT)' -epoch '$(SOURCE_DATE_EPOCH)' -out '$(or $(OUT),dist)' -go $(GO) \
		-nfpm $(BIN)/nfpm-$(NFPM_VERSION) -cyclonedx $(BIN)/cyclonedx-gomod-$(CYCLONEDX_VERSION)

.PHONY: dist-check
dist-check: $(BIN)/nfpm-$(NFPM_VERSION) $(BIN)/cyclonedx-gomod-$(CYCLONEDX_VERSION) ## build the committed state twice, in two places: equal byte for byte, and it runs
	$(GO) test -timeout 1h -count 1 -v -run '^TestRelease$$' ./internal/dist -release

# Without paths of this machine in them: their own sums are in what they make.
$(BIN)/nfpm-$(NFPM_VERSION):
	GOFLAGS=-trimpath GOBIN=$(BIN) $(GO) install github.com/goreleaser/nfpm/v2/cmd/nfpm@$(NFPM_VERSION)
	mv $(BIN)/nfpm $@

$(BIN)/cyclonedx-gomod-$(CYCLONEDX_VERSION):
	GOFLAGS=-trimpath GOBIN=$(BIN) $(GO) install github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@$(CYCLONEDX_VERSION)
	mv $(BIN)/cyclonedx-gomod $@

.PHONY: generate
generate: ## write the generated files anew
	$(GO) generate ./...

.PHONY: pictures
pictures: ## make the pictures of the terminal UI anew, of its real screen, and what else its tests keep of it
	$(GO) test -count 1 ./cmd/sessiond-tui/tui -update

.PHONY: traces
traces: claude ## record the traces of the pinned versions of Claude Code anew
	$(GO) run ./internal/traces/record

.PHONY: clean
clean: ## remove what was built, and .cache
	rm -rf bin dist $(CACHE)
