# selfaudit: `make demo` runs a full rehearsal on bundled logs, `make test` passes the tests.

GO        ?= go
BIN       ?= bin/selfaudit
DEMO      ?= demo
FUZZTIME  ?= 30s
# Which source the binary is made of, where git can tell and the go command was told not to.
STAMP = -X main.versionOverride=$(shell git describe --tags --always --dirty 2>/dev/null) -X main.revisionOverride=$(shell git rev-parse HEAD 2>/dev/null)
# Pinned; run from the module proxy, not in our module graph.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## the static binary, bin/selfaudit
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "$(STAMP)" -o $(BIN) ./cmd/selfaudit

.PHONY: demo
demo: build ## a full rehearsal audit over the bundled CT logs
	@sh examples/demo.sh $(BIN) $(DEMO)

.PHONY: test
test: ## all tests; those that want a missing component are listed at the end
	@sh .ci/test

.PHONY: race
race: ## the tests of what is concurrent, under the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race -short ./sampler/collect/... ./sampler/ctlog/... ./sampler/draw/... ./internal/...

.PHONY: realtest
realtest: ## the program against real log servers and misbehaving ones (SEEDS=200 fault schedules)
	@sh realtest/run

.PHONY: bench
bench: ## speed and memory beside the peers, in one run
	@sh bench/run

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME
	@sh .ci/fuzz $(FUZZTIME)

.PHONY: golden
golden: ## rewrite the golden files, to be reviewed as data
	$(GO) test ./reports/workbook -update

.PHONY: lint
lint: ## formatting, vet, staticcheck
	@test -z "$$(gofmt -l cmd lint sampler reports internal *.go)" || { gofmt -l cmd lint sampler reports internal *.go; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

.PHONY: cross
cross: ## compile for the other platforms
	CGO_ENABLED=0 GOOS=windows GOARCH=amd64 $(GO) build -trimpath -o /dev/null ./cmd/selfaudit
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 $(GO) build -trimpath -o /dev/null ./cmd/selfaudit
	CGO_ENABLED=0 GOOS=darwin GOARCH=arm64 $(GO) build -trimpath -o /dev/null ./cmd/selfaudit

.PHONY: clean
clean: ## remove what the other targets made
	rm -rf bin $(DEMO)
