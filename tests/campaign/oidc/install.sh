#!/usr/bin/env bash
# Installs oidc-provider, as package-lock.json has it, into build/oidc, where the campaign's exchange runs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

mkdir -p build/oidc
cp tests/campaign/oidc/{package.json,package-lock.json,server.mjs} build/oidc/
cmp --silent tests/campaign/oidc/package-lock.json build/oidc/.installed && exit 0
npm ci --prefix build/oidc --no-audit --no-fund --ignore-scripts --loglevel=error >&2
cp tests/campaign/oidc/package-lock.json build/oidc/.installed
