# Two commands on a fresh machine: make demo, make test.
GO ?= go
PYTHON ?= /usr/bin/python3
BIN := bin/kdonnx

.PHONY: all build demo test testdata hostile crashes reproduce bench bench-peers bench-kd bench-store bench-topk bench-cluster lint runtime generate contracts teacher clean

all: build

build: ## the kdonnx binary in bin/
	$(GO) build -o $(BIN) ./cmd/kdonnx

runtime: build ## ONNX Runtime, once, into the user's cache
	$(BIN) runtime install

demo: runtime ## distil the embedded teacher on the embedded data
	$(BIN) distill

testdata: ## the ONNX backend tests and strace, Debian packages
	@test -d /usr/share/libonnx-testdata/data && command -v strace >/dev/null || { \
		apt="apt-get install -y --no-install-recommends libonnx-testdata strace"; \
		test "$$(id -u)" = 0 && { $$apt || { apt-get update && $$apt; }; }; } || \
		echo "the ONNX backend tests or that of opened files will be skipped: apt-get install libonnx-testdata strace"

test: runtime testdata ## every test of the repository
	CGO_ENABLED=0 $(GO) build ./...
	$(GO) test -timeout 30m ./...

crashes: runtime ## a hundred crashes, hangs and memory-eaters of each kind (a few minutes)
	KDONNX_DEATHS=100 $(GO) test -count 1 -v -timeout 30m -run 'TestDeaths' ./runtime/ort

hostile: runtime testdata ## what kdonnx answers to every hostile file, printed and written to docs/hostile.md
	$(GO) test -count 1 -timeout 30m ./internal/hostile -run TestManifest -table $(abspath docs/hostile.md)
	@cat docs/hostile.md

bench: runtime ## speed, each figure as a ratio measured in the same run
	$(GO) test -run '^$$' -bench . -benchtime 2s ./...

PEERS ?= ../shared/peers

bench-peers: runtime ## training beside PyTorch, matrix product beside OpenBLAS (needs Debian's python3-torch and libopenblas0)
	@/usr/bin/python3 -c 'import torch' || { echo "bench-peers: install python3-torch, python3-numpy and libopenblas0"; exit 1; }
	KDONNX_PEERS=$(abspath $(PEERS)) KDONNX_BIN=$(abspath $(BIN)) $(GO) test -run '^$$' -bench 'Peers|BLAS|Infer' -benchtime 1x -timeout 60m -v ./bench

KD_TEACHER ?= ../shared/data/teachers/burn-mnist.onnx
KD_EPOCHS ?= 20

bench-kd: runtime ## an MNIST student distilled here and in PyTorch, five seeds each: MNIST=folder KD_TEACHER=file
	@test -n "$(MNIST)" || { echo "bench-kd: say where MNIST is: make bench-kd MNIST=folder"; exit 1; }
	@/usr/bin/python3 -c 'import torch' || { echo "bench-kd: install python3-torch and python3-numpy"; exit 1; }
	KDONNX_PEERS=$(abspath $(PEERS)) KDONNX_BIN=$(abspath $(BIN)) KDONNX_MNIST=$(abspath $(MNIST)) KDONNX_TEACHER=$(abspath $(KD_TEACHER)) KDONNX_EPOCHS=$(KD_EPOCHS) \
		$(GO) test -run '^$$' -bench '^BenchmarkKD$$' -benchtime 1x -timeout 120m -v ./bench

STORE_ROWS ?= 10000000

bench-store: runtime ## memory and speed of a target store of 10 million rows (needs 3 GB of disk)
	KDONNX_STORE_ROWS=$(STORE_ROWS) KDONNX_BIN=$(abspath $(BIN)) $(GO) test -run '^$$' -bench StoreAtScale -benchtime 1x -timeout 120m -v ./bench

bench-topk: runtime ## accuracy of students from a store of 16 logits of 1,000, beside all of them
	KDONNX_TOPK=1 $(GO) test -run '^$$' -bench TopKAccuracy -benchtime 1x -timeout 120m -v ./bench

CLUSTER_ROWS ?= 200000

bench-cluster: ## 100 specialists found in predictions of 10,000 classes: memory, time, and whether the planted look-alikes are found
	KDONNX_CLUSTER_ROWS=$(CLUSTER_ROWS) $(GO) test -run '^$$' -bench ClusterAtScale -benchtime 1x -timeout 60m -v ./bench

MNIST ?=
LETTER ?=
IRIS ?=

reproduce: runtime ## the experiments of the paper, from recipes/paper into docs/reproduction.md: MNIST=folder (hours; goes on where it stopped)
	@test -n "$(MNIST)" || { echo "reproduce: say where MNIST is: make reproduce MNIST=folder"; exit 1; }
	$(GO) build -o bin/reproduce ./cmd/reproduce
	bin/reproduce -mnist "$(MNIST)" -letter "$(LETTER)" -iris "$(IRIS)"

lint: ## formatting and vet
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...

generate: ## protobuf types and assembly anew (needs protoc)
	GOBIN=$(CURDIR)/bin $(GO) install google.golang.org/protobuf/cmd/protoc-gen-go
	PATH=$(CURDIR)/bin:$$PATH $(GO) generate ./...

recording: ## PyTorch's losses anew (needs python3-torch and python3-numpy)
	$(PYTHON) models/testdata/torch_losses.py
	$(PYTHON) distill/loss/testdata/torch_losses.py

CONTRACTS ?= out/contracts

contracts: ## teachers with awkward contracts and their rows, to try a tool on
	$(GO) run ./cmd/mkcontracts $(CONTRACTS)

teacher: ## train the embedded teacher anew (about a quarter of an hour)
	$(GO) run ./cmd/mkteacher -o models/embedded/teacher.onnx

clean:
	rm -rf bin out
