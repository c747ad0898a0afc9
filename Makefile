# make up      build bin/comity and run a whole consortium (ARGS="--once" exits after the first week)
# make test    everything that must hold, under ten minutes on two cores
# make lint    what golangci-lint finds wrong or against the style
# make bench   the numbers in docs/benchmarks.md
# make bench-peers training beside scikit-learn on the same rows, in one run; needs python3-sklearn
# make soak    kills at random moments, and a full disk
# make network a consortium of processes on a network that fails; two minutes, needs root
# make sim     ten thousand trainings and as many questions under faults and lies, by seed
# make orders  a hundred orders and names of every kind of charter: 0 units may move
# make dist    archives for Linux and macOS in dist/

GO      ?= go
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)
HIGHS   := adapter/highs/highs.wasm adapter/highs/highs.LICENSE
MODULES := node_modules/.package-lock.json
WEB     := console/web/dist/map.json
LINTER  := 2.15.0

export CGO_ENABLED = 0

.PHONY: up build soak network sim orders test vet lint bench bench-peers arm64 dist clean

up: build
	./bin/comity up $(ARGS)

build: $(HIGHS) $(WEB)
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/comity ./cmd/comity

# Conformance tests read reference data from COMITY_DATA, by default from beside the
# checkout. Who has none can still run everything else.
test: build vet
	@if [ -z "$$COMITY_DATA" ] && [ ! -d ../shared/data ]; then \
	  echo "no reference data (COMITY_DATA is unset and ../shared/data is absent): conformance tests are left out"; \
	  COMITY_DATA="$$(mktemp -d)" $(GO) test -timeout 9m ./...; \
	else $(GO) test -timeout 9m ./...; fi

vet: $(HIGHS) $(WEB)
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "run gofmt on these files"; exit 1; }
	$(GO) vet ./...

# Apart from test, as the linter is no part of the module; other versions find other things.
lint: $(HIGHS) $(WEB)
	@golangci-lint version --short 2>/dev/null | grep -qx 'v\?$(LINTER)' || { echo "lint needs golangci-lint $(LINTER): $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$(LINTER)"; exit 1; }
	golangci-lint run ./...

bench: build
	$(GO) test -p 1 -run '^$$' -bench . -benchtime 3x -timeout 60m $$($(GO) list ./... | grep -v /modeler/forecast$$)
	$(GO) test -run '^$$' -bench . -benchtime 1x -timeout 60m ./modeler/forecast -args -refit 6
	./scripts/bench-up
	./scripts/bench-files

bench-peers: $(HIGHS)
	$(GO) test -run '^$$' -bench 'Million(Regression|Classes)' -benchtime 1x -cpu 1,2 ./modeler/learn/trees
	/usr/bin/python3 scripts/peers.py

# Two hundred kills and a full disk; about ten minutes, needs root for the disk.
soak: build
	./scripts/soak

network: build
	./test/network

# Half an hour of two cores; make test runs a hundred of each.
sim: $(HIGHS)
	COMITY_SEEDS=$${SEEDS:-10000} $(GO) test ./fleet/sim -run Seeds -v -count 1 -timeout 240m

# Half an hour of one core; the same tests try one order each in make test.
orders: $(HIGHS)
	COMITY_ORDERS=$${ORDERS:-100} $(GO) test ./allocator/solve -run 'NoOrder' -v -count 1 -timeout 240m | grep -E '^ *---|^ok|FAIL|order|renaming'

# The same commit gives the same bytes.
dist: $(HIGHS) $(WEB)
	./scripts/dist

# The same model digest on another processor; needs Debian's qemu-user-static.
arm64:
	./scripts/arm64

# What is not Go comes from the npm registry by exact versions and integrity hashes
# (package-lock.json), is embedded, and is not committed: HiGHS, and the map and scripts
# of the console.
$(MODULES): package.json package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund
	touch $@

adapter/highs/highs.wasm: $(MODULES)
	cp node_modules/highs/build/highs.wasm $@
	touch $@

adapter/highs/highs.LICENSE: $(MODULES)
	cp node_modules/highs/LICENSE $@
	touch $@

$(WEB): $(MODULES) $(wildcard console/web/*.*) $(wildcard console/web/verify/*.js) console/style.css canon/words.go
	node console/web/build.mjs

clean:
	rm -rf bin dist node_modules $(HIGHS) console/web/dist
