# make up      build bin/comity and run a whole consortium (ARGS="--once" exits after the first week)
# make test    everything that must hold, under ten minutes on two cores
# make bench   the numbers in docs/benchmarks.md

GO      ?= go
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)
HIGHS   := adapter/highs/highs.wasm

export CGO_ENABLED = 0

.PHONY: up build test vet bench arm64 clean

up: build
	./bin/comity up $(ARGS)

build: $(HIGHS)
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/comity ./cmd/comity

test: build vet
	$(GO) test -timeout 9m ./...

vet: $(HIGHS)
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "run gofmt on these files"; exit 1; }
	$(GO) vet ./...

bench: build
	$(GO) test -run '^$$' -bench . -benchtime 3x ./...
	./scripts/bench-up

# The same model digest on another processor; needs Debian's qemu-user-static.
arm64:
	./scripts/arm64

# HiGHS comes from the npm registry by exact version and integrity hash
# (package-lock.json) and is embedded; it is not committed.
$(HIGHS): package.json package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund
	cp node_modules/highs/build/highs.wasm $@
	touch $@

clean:
	rm -rf bin node_modules $(HIGHS)
