#!/bin/sh
# install.sh: brings the npm packages of versions.txt, which tests use and nothing
# that is shipped needs, into .cache/npm/VERSIONS, where VERSIONS are those of all of them.
#
# What is there already is left alone. All of it is installed beside its place and
# renamed into it, so that it is there whole or not at all.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=$here/../../.cache/npm
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
name=$(cut -d' ' -f2 "$here/versions.txt" | paste -sd- -)
[ ! -d "$cache/$name" ] || exit 0

command -v npm >/dev/null || {
	echo "install.sh: npm is needed to bring what the tests of the clients use" >&2
	exit 1
}
echo "bringing $(cut -d' ' -f1 "$here/versions.txt" | paste -sd' ' -) into $cache/$name" >&2
temp=$(mktemp -d "$cache/.$name.XXXXXX")
trap 'rm -rf "$temp"' EXIT
npm install --prefix "$temp" --ignore-scripts --no-audit --no-fund --loglevel=error $(tr ' ' '@' <"$here/versions.txt") >&2
# Not mv: where somebody else was faster, it would move into that directory.
node -e 'require("fs").renameSync(process.argv[1], process.argv[2])' "$temp" "$cache/$name" 2>/dev/null || true
[ -d "$cache/$name" ]
