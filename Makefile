SHELL := /bin/sh
export STAGES_START := $(or $(STAGES_START),$(shell date +%s))
# Debian keeps runc and dockerd where only root's PATH points.
export PATH := $(PATH):/usr/sbin:/sbin

# Compilers and linters are short-lived: collecting less garbage is a sixth of their
# processor time, and the limit keeps the memory that it takes in bounds.
export GOGC ?= 400
export GOMEMLIMIT ?= 2GiB

GOLANGCI_LINT_VERSION := v2.15.0
LINT := bin/golangci-lint-$(GOLANGCI_LINT_VERSION)
STAGE := @./hack/stage
# How programs are built. The linker drops their DWARF, so the compiler makes none: it is a
# tenth of its work. That of the standard library stays, as in builds that tests run.
GCFLAGS := -gcflags=all=-dwarf=false -gcflags=std=
GO_BUILD := CGO_ENABLED=0 go build -trimpath $(GCFLAGS) -ldflags="-s -w"
# The same for checks and tests, so that they find the packages in the cache.
AS_BUILT := CGO_ENABLED=0 GOFLAGS="-trimpath $(GCFLAGS)"
# What nobody waits for takes the time that tests leave.
BESIDE := nice -n 10
GO_DIRS := cmd frontend hack internal llbgen variants testdata

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets.
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' Makefile

.PHONY: build
build: tools bin/buildkitd ## Build bin/dlvgen with its tools embedded, and bin/buildkitd beside it.
	$(STAGE) bin/dlvgen
	$(GO_BUILD) -o bin/dlvgen ./cmd/dlvgen

.PHONY: plugin
plugin: build ## Add bin/dlvgen to the docker command: `docker dlvgen build`.
	plugins="$${DOCKER_CONFIG:-$$HOME/.docker}/cli-plugins" && mkdir -p "$$plugins" && ln -sf "$(CURDIR)/bin/dlvgen" "$$plugins/docker-dlvgen"

.PHONY: tools
tools: ## Make and pack the tools that dlvgen carries: the stand-in for go, init, Delve.
	$(STAGE) tools
	CGO_ENABLED=0 go run -trimpath $(GCFLAGS) ./internal/cmd/toolstree -o internal/tools/tree -pack internal/tools/packed

# Child programs, of the versions in go.mod. internal/testenv builds the same, also their flags.
bin/buildkitd: TOOL := github.com/moby/buildkit/cmd/buildkitd
bin/buildctl: TOOL := github.com/moby/buildkit/cmd/buildctl
bin/docker-buildx: TOOL := github.com/docker/buildx/cmd/buildx
bin/gotestsum: TOOL := gotest.tools/gotestsum
bin/distribution: TOOL := -tags=distribution -gcflags="github.com/redis/...=-l -dwarf=false" ./internal/cmd/distribution
bin/distribution: internal/cmd/distribution/main.go
bin/buildkitd bin/buildctl bin/docker-buildx bin/gotestsum bin/distribution: go.mod go.sum
	$(STAGE) $@
	$(GO_BUILD) -o $@ $(TOOL)
	@touch $@

# Docker Compose, of the versions in its own go.mod.
bin/docker-compose: hack/compose/go.mod hack/compose/go.sum
	$(STAGE) $@
	cd hack/compose && $(GO_BUILD) -o $(CURDIR)/$@ github.com/docker/compose/v5/cmd

# The programs of a cluster, of the versions in their own go.mod.
KUBERNETES := kubelet kube-apiserver kubectl etcd
KUBERNETES_PROGRAMS := $(KUBERNETES:%=bin/kubernetes/%)
bin/kubernetes/kubelet: TOOL := k8s.io/kubernetes/cmd/kubelet
bin/kubernetes/kube-apiserver: TOOL := k8s.io/kubernetes/cmd/kube-apiserver
bin/kubernetes/kubectl: TOOL := k8s.io/kubernetes/cmd/kubectl
bin/kubernetes/etcd: TOOL := go.etcd.io/etcd/server/v3
$(KUBERNETES_PROGRAMS): hack/kubernetes/go.mod hack/kubernetes/go.sum
	$(STAGE) $@
	@mkdir -p bin/kubernetes
	cd hack/kubernetes && $(GO_BUILD) -o $(CURDIR)/$@ $(TOOL)

# The newest Delve that dlvgen carries is the one of go.mod.
bin/dlv: tools
	$(STAGE) $@
	@rm -f $@ && cp "internal/tools/tree/$$(go env GOOS)_$$(go env GOARCH)/delve/$$(go list -m -f '{{slice .Version 1}}' github.com/go-delve/delve)/dlv" $@

.PHONY: setup
setup: ## Install what tests and demo need and is missing (root; Debian or Ubuntu).
	@./hack/setup

# What is compiled later is downloaded while the first programs are compiled. What fails
# here does so there.
.PHONY: modules
modules:
	@go list -deps -test ./... tool >/dev/null 2>&1 </dev/null &

.PHONY: test
test: setup modules build bin/dlv bin/docker-buildx bin/distribution bin/gotestsum ## Build, check and test everything.
	@state=$$(mktemp -d "$${TMPDIR:-/tmp}/dlvgen-test-XXXXXX"); trap 'rm -rf "$$state"' EXIT INT TERM; \
		export DLVGEN_TESTENV_STATE="$$state/daemons" TEST_EVENTS="$$state/events"; mkdir "$$TEST_EVENTS"; \
		passed=0; $(MAKE) --no-print-directory -j3 test-race test-plain lint test-packages || passed=$$?; \
		./hack/summary "$$TEST_EVENTS"; exit $$passed

# The parts of test, which wait for different things: for the compiler, for containers. The
# longest begin first.
.PHONY: test-race test-plain test-packages
test-race test-plain test-packages:
	@./hack/tests $(@:test-%=%)

.PHONY: test-published
test-published: setup build bin/gotestsum ## Derive from programs of the Go module proxy: takes minutes.
	@./hack/tests published

.PHONY: test-compose
test-compose: setup build bin/docker-buildx bin/docker-compose bin/gotestsum ## Debug a project of Docker Compose 5, which is built first: takes minutes.
	@./hack/tests compose

.PHONY: test-kubernetes
test-kubernetes: setup build bin/dlv bin/gotestsum $(KUBERNETES_PROGRAMS) ## Debug pods of a Kubernetes cluster, which is built first: takes minutes.
	@./hack/setup kubernetes
	@./hack/tests kubernetes

.PHONY: bench
# ROWS selects rows by a regular expression: make bench ROWS=edit. ROUNDS is how often each way
# is measured.
bench: setup build bin/docker-buildx ## Measure, and print the table of docs/performance.md: ROWS=edit, ROUNDS=3.
	$(GO_BUILD) -o bin/bench ./internal/cmd/bench
	env -u GOGC -u GOMEMLIMIT bin/bench $(if $(ROWS),-rows '$(ROWS)',-save bin/bench.json) $(if $(ROUNDS),-rounds $(ROUNDS))

.PHONY: bench-docs
bench-docs: ## Write the table of the last whole `make bench` into README.md and docs/performance.md.
	CGO_ENABLED=0 go run -trimpath $(GCFLAGS) ./internal/cmd/bench -from bin/bench.json -docs .

FUZZTIME ?= 10m

.PHONY: fuzz
fuzz: tools ## Run every fuzz test for FUZZTIME, one after the other.
	@grep -r --include='*_test.go' '^func Fuzz' $(GO_DIRS) | sed 's|^\(.*\)/[^/]*:func \(Fuzz[A-Za-z0-9]*\).*|\1 \2|' | sort | while read -r dir name; do \
		./hack/stage "fuzz $$dir $$name" && go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5s "./$$dir" </dev/null || exit 1; \
	done

.PHONY: demo
demo: setup build ## From a production Dockerfile to a breakpoint, on this machine.
	CGO_ENABLED=0 go run -trimpath $(GCFLAGS) ./internal/cmd/demo

.PHONY: docs
docs: setup build bin/dlv ## Record the session of README.md again, and make the site.
	$(STAGE) recording
	CGO_ENABLED=0 go run -trimpath $(GCFLAGS) ./internal/cmd/record -o docs/session.cast
	@$(MAKE) --no-print-directory site

.PHONY: site
site: ## Make the site of the documentation, site/, from README.md and docs.
	$(STAGE) site
	cd hack/docs && $(GO_BUILD) -o $(CURDIR)/bin/docs . && $(CURDIR)/bin/docs -pictures && $(CURDIR)/bin/docs

.PHONY: lint
lint: $(LINT) ## Check format, and what go vet and golangci-lint find.
	$(STAGE) gofmt
	@files=$$(gofmt -l $(GO_DIRS)); [ -z "$$files" ] || { echo "not formatted, run make fmt:"; echo "$$files"; exit 1; }
	$(STAGE) golangci-lint
	$(AS_BUILT) $(BESIDE) $(LINT) run ./...
	cd hack/docs && $(AS_BUILT) $(BESIDE) $(CURDIR)/$(LINT) run ./...

.PHONY: fmt
fmt: ## Format the sources.
	gofmt -w $(GO_DIRS)

$(LINT): Makefile .golangci.yml hack/linter
	$(STAGE) $@
	$(AS_BUILT) $(BESIDE) ./hack/linter $(GOLANGCI_LINT_VERSION) $@

.PHONY: clean
clean: ## Delete what was built.
	rm -rf bin site internal/tools/tree internal/tools/packed/linux_* internal/tools/packed/index.json
