#!/usr/bin/env bash
# Makes .venv with everything in requirements.lock and this package in it (editable).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# shellcheck source=deploy/python-venv.sh
. deploy/python-venv.sh

make_venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
