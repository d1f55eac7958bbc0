#!/usr/bin/env bash
# Installs what the tests need beside Python: a MariaDB server, of which they run private ones on sockets of their own, and
# the programs that the documentation's own examples use; npm, with the Node.js that it runs on, for an exchange that others
# wrote.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# shellcheck source=deploy/python-venv.sh
. deploy/python-venv.sh

# Debian keeps servers in /usr/sbin, which a user's PATH may leave out.
PATH=$PATH:/usr/sbin:/usr/local/sbin
missing=()
command -v mariadbd >/dev/null 2>&1 || missing+=(mariadb-server)
command -v openssl >/dev/null 2>&1 || missing+=(openssl)
command -v curl >/dev/null 2>&1 || missing+=(curl)
command -v jq >/dev/null 2>&1 || missing+=(jq)
command -v faketime >/dev/null 2>&1 || missing+=(faketime)
command -v node >/dev/null 2>&1 || missing+=(nodejs)
command -v npm >/dev/null 2>&1 || missing+=(npm)
[ "${#missing[@]}" -gt 0 ] || exit 0

echo "Installing ${missing[*]} for the tests" >&2
install_packages "${missing[@]}" || {
    echo "The tests need the packages ${missing[*]}, and this user may not install them: install them and repeat." >&2
    exit 1
}
