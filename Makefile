# make test is what CI runs. It installs what is missing (npm packages, and Debian packages when it runs as root).
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
export GOTOOLCHAIN ?= local

BIN           := $(CURDIR)/.bin
GOLANGCI      := $(BIN)/golangci-lint
GOLANGCI_VER  := v2.15.0
STRIPE_MOCK   := $(BIN)/stripe-mock
STRIPE_VER    := v0.203.0
export STRIPE_MOCK
VERSITYGW     := $(BIN)/versitygw
VERSITYGW_VER := v1.8.0
export VERSITYGW

help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

run: ## the demo clinic at http://127.0.0.1:8090
	go run . serve --demo

build: ## one static binary, ./anteroom
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$$(git describe --tags --always --dirty)" -o anteroom .

web: web/node_modules ## build the web app into pb_public
	cd web && npm run build

test: tools lint test-go test-web drift test-browser ## everything CI checks

test-go: $(STRIPE_MOCK) $(VERSITYGW) web/node_modules tools ## Go tests; the race detector over everything that happens at once
	go test -timeout 15m ./...
	go test -race -timeout 15m -run '$(AT_ONCE)' $(addprefix ./hooks/,kernel identity billing scheduling forms realtime outbox phi)

# The race detector makes SQLite ten times slower, so it watches the tests in which many act at the same time.
AT_ONCE := RotationUnderLoad|OneRotationAtATime|Twenty|TwoAtOnce|TwiceAtOnce|Parallel(Guesses|RightPasswords|Decisions)|TabsSaveAtOnce|OnlyThoseConcernedHear|WorkerWakes|WhateverHappensAtOnce

test-web: web/node_modules ## types, lint and unit tests of the web app
	cd web && npm run typecheck && npm run lint && npm test

drift: web/node_modules ## pb_public must be what web/ builds
	cd web && npm run build
	@git diff --exit-code --stat -- pb_public || { echo "pb_public is not what web/ builds: run make web and commit it"; exit 1; }
	@test -z "$$(git status --porcelain -- pb_public)" || { git status --porcelain -- pb_public; echo "pb_public is not what web/ builds: run make web and commit it"; exit 1; }

test-browser: web/node_modules tools ## the whole story in a real browser, with axe
	CGO_ENABLED=0 go build -o $(BIN)/anteroom .
	cd web && ANTEROOM=$(BIN)/anteroom npm run e2e

lint: $(GOLANGCI) ## gofmt, vet and golangci-lint
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	$(GOLANGCI) run ./...

chaos: ## slow clients by the thousand, and an end under load; takes a minute
	ulimit -n 8192 2>/dev/null; go test -tags chaos -count=1 -timeout 5m -run Chaos -v .

bench: ## own appointments against bare PocketBase and the floor, in one run
	go run ./bench

vulnerabilities: ## known weaknesses of what is built in; needs a network that reaches their databases
	go run golang.org/x/vuln/cmd/govulncheck@v1.1.4 ./...
	cd web && npm audit --omit=dev

zones: ## renew the zone data that is built in, from Debian's tzdata
	@.ci/zones

tools: ## Chromium, PDF tools and ClamAV, when they are missing and this is root on Debian
	@.ci/tools

$(GOLANGCI):
	GOBIN=$(BIN) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VER)

$(STRIPE_MOCK):
	GOBIN=$(BIN) go install github.com/stripe/stripe-mock@$(STRIPE_VER)

$(VERSITYGW):
	GOBIN=$(BIN) go install github.com/versity/versitygw/cmd/versitygw@$(VERSITYGW_VER)

web/node_modules: web/package-lock.json
	cd web && npm ci --no-audit --no-fund
	@touch web/node_modules

.PHONY: vulnerabilities help run build web test test-go test-web drift test-browser lint chaos bench zones tools
