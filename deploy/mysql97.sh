#!/usr/bin/env bash
# Unpacks Debian's newest MySQL server under build/mysql97/ without touching the system, and prints the folder.
#
# ROOT/mysqld runs it with the libraries it came with; as root it wants --user. The version is whatever Debian's unstable holds: 9.7 or newer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
home=$PWD/build/mysql97
root=$home/root

if [ -x "$root/mysqld" ] && "$root/mysqld" --version >/dev/null 2>&1; then
    echo "$root"
    exit 0
fi
command -v apt-get >/dev/null 2>&1 || {
    echo "The MySQL server is fetched with apt-get, which this system does not have." >&2
    exit 1
}

# The mirror that this system uses for its own packages, on the same terms.
mirror=
trusted=no
while read -r uri origin trust; do
    [[ $origin == Debian && $uri != *security* ]] || continue
    mirror=$uri trusted=$trust
    break
done < <(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(TRUSTED)' 'Created-By: Packages')
if [ -z "$mirror" ]; then
    echo "apt knows no Debian mirror yet: run apt-get update once and repeat." >&2
    exit 1
fi
keys=signed-by=/usr/share/keyrings/debian-archive-keyring.gpg
[ "$trusted" != yes ] || keys=trusted=yes

rm -rf "$home"
mkdir -p "$home/preferences.d" "$home/lists/partial" "$home/archives/partial" "$root"
echo "deb [$keys] $mirror sid main" >"$home/sources.list"
: >"$home/status"
options=(
    -o "Dir::Etc::sourcelist=$home/sources.list" -o Dir::Etc::sourceparts=-
    -o Dir::Etc::preferences=/dev/null -o "Dir::Etc::preferencesparts=$home/preferences.d"
    -o "Dir::State=$home" -o "Dir::State::lists=$home/lists" -o "Dir::State::status=$home/status"
    -o "Dir::Cache=$home" -o "Dir::Cache::archives=$home/archives"
    # apt's own user may not be able to write here.
    -o "APT::Sandbox::User=$(id -un)"
    -o APT::Get::AllowUnauthenticated=false -o Acquire::Languages=none -o Acquire::Retries=3
)
{
    apt-get "${options[@]}" -qq update
    apt-get "${options[@]}" -qq --yes --no-install-recommends --download-only install mysql-server-core
    for package in "$home"/archives/*.deb; do
        dpkg -x "$package" "$root"
    done
} >&2
rm -rf "$home/archives" "$home/lists"

libraries=$root/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || echo "$(uname -m)-linux-gnu")
loader=$(find "$root/usr" -name 'ld-linux-*.so.*' | head -n 1)
# It reads no configuration of this system, needs none of its folders, and takes every further option after these.
cat >"$root/mysqld" <<RUN
#!/bin/sh
[ "\$1" != --no-defaults ] || shift
exec "$loader" --library-path "$libraries:$libraries/private" "$root/usr/sbin/mysqld" --no-defaults \\
    --secure-file-priv=NULL --lc-messages-dir="$root/usr/share/mysql" --mysqlx=0 "\$@"
RUN
chmod 755 "$root/mysqld"
"$root/mysqld" --version >&2
echo "$root"
