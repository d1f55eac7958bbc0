#!/usr/bin/env bash
# Builds the gRPC clients that the documentation's examples and the benchmarks call, into build/bin.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

command -v go >/dev/null 2>&1 || {
    echo "ghz and grpcurl are built with Go, which is not on the PATH: install it and repeat." >&2
    exit 1
}
mkdir -p build/bin
GOBIN=$PWD/build/bin
export GOBIN
[ -x build/bin/ghz ] || go install github.com/bojand/ghz/cmd/ghz@v0.93.0
[ -x build/bin/grpcurl ] || go install github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4
