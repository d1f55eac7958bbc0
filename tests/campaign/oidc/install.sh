#!/usr/bin/env bash
# Installs oidc-provider, as package-lock.json has it, into build/oidc, where the campaign's exchange runs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

mkdir -p build/oidc
cp tests/campaign/oidc/{package.json,package-lock.json,server.mjs} build/oidc/
cmp --silent tests/campaign/oidc/package-lock.json build/oidc/.installed && exit 0
own=()
# The system's Node.js does where it is new enough: the pinned one is 190 MB.
if node --eval 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)'; then own=(--omit=optional); fi
npm ci "${own[@]}" --prefix build/oidc --no-audit --no-fund --ignore-scripts --loglevel=error >&2
cp tests/campaign/oidc/package-lock.json build/oidc/.installed
