# Sourced by the other scripts: make_venv DIRECTORY makes a virtual environment with pip, or says in one line why not.

# run_as_root COMMAND…: runs it as root if this user may without being asked for a password, else fails.
run_as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        return 1
    fi
}

# install_packages NAME…: installs Debian packages without a question and without starting any daemon.
install_packages() {
    command -v apt-get >/dev/null 2>&1 || return 1
    local policy=/usr/sbin/policy-rc.d made=no status=0
    run_as_root true || return 1
    # A package's own service must not be started here: the tests run private servers on sockets of their own.
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | run_as_root tee "$policy" >/dev/null
        run_as_root chmod 755 "$policy"
        made=yes
    fi
    {
        run_as_root apt-get update -qq &&
            run_as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
    } >&2 || status=1
    if [ "$made" = yes ]; then
        run_as_root rm -f "$policy"
    fi
    return "$status"
}

make_venv() {
    local directory=$1 python=${PYTHON:-python3}
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        echo "Python 3.11 or newer is needed: set PYTHON to one." >&2
        return 1
    }
    if [ -x "$directory/bin/python" ] && "$directory/bin/python" -m pip --version >/dev/null 2>&1; then
        return 0
    fi
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        install_packages python3-venv || {
            echo "Python's venv module is missing: install the package python3-venv and repeat." >&2
            return 1
        }
    fi
    "$python" -m venv --clear "$directory"
}
