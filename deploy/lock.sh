#!/usr/bin/env bash
# Writes the lock files: what `make setup` installs, what the image installs, what `make generate` runs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# shellcheck source=deploy/python-venv.sh
. deploy/python-venv.sh

make_venv build/lock
build/lock/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'

# compile LOCK SOURCE…: for every Python from the oldest supported one on. Hashes only: where the files come from is the
# business of who installs them.
compile() {
    local lock=$1
    shift
    build/lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --output-file "$lock" "$@"
}

compile requirements.lock pyproject.toml --group dev
# The image gets the same versions, without the tools of development.
compile deploy/locks/runtime.lock pyproject.toml --constraints requirements.lock
compile deploy/locks/generate.lock deploy/locks/generate.in
