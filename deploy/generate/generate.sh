#!/usr/bin/env bash
# Writes the Python stubs of protos/ into DIRECTORY (generated/ if none is named), replacing what is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
directory=${1:-generated}

# shellcheck source=deploy/python-venv.sh
. deploy/python-venv.sh

# An environment of its own: the generator's protobuf is older than the service's, on purpose.
if [ ! .venv-generate/.installed -nt deploy/locks/generate.lock ]; then
    make_venv .venv-generate
    .venv-generate/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
        -r deploy/locks/generate.lock
    touch .venv-generate/.installed
fi

mkdir -p build
made=$(mktemp -d build/generated.XXXXXX)
trap 'rm -rf "$made"' EXIT
.venv/bin/buf generate --output "$made" 2>"$made/messages" || {
    cat "$made/messages" >&2
    exit 1
}
rm "$made/messages"
# Types for a file without a service would describe a module that does not exist.
find "$made" -name '*_pb2_grpc.pyi' | while read -r types; do
    [ -e "${types%.pyi}.py" ] || rm "$types"
done
# The stubs are typed; both packages are namespaces, so that other distributions may add to them.
touch "$made/buf/py.typed" "$made/mmt/py.typed"
chmod 755 "$made"
rm -rf "$directory"
mv "$made" "$directory"
