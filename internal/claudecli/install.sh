#!/bin/sh
# install.sh [NAME...]: brings the real Claude Code into .cache/claude/VERSION,
# and prints the path of each program. A NAME is a version, or a word of
# versions.txt (pinned, kept); without one it is every version named there.
#
# What is there already is left alone. Each version is installed beside its
# place and renamed into it, so that it is there whole or not at all, whoever
# else installs it at the same time.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=$here/../../.cache/claude
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

# program VERSION prints the path of an installed program, if there is one.
# The package that holds it has the platform's name; npm takes the right one.
program() {
	for p in "$cache/$1"/node_modules/@anthropic-ai/claude-code-*/claude; do
		if [ -x "$p" ]; then
			echo "$p"
			return
		fi
	done
}

install() {
	command -v npm >/dev/null || {
		echo "install.sh: npm is needed to bring Claude Code $1" >&2
		exit 1
	}
	echo "bringing Claude Code $1 into $cache/$1" >&2
	temp=$(mktemp -d "$cache/.$1.XXXXXX")
	trap 'rm -rf "$temp"' EXIT
	npm install --prefix "$temp" --ignore-scripts --no-audit --no-fund --loglevel=error "@anthropic-ai/claude-code@$1" >&2
	# Not mv: where somebody else was faster, it would move into that directory.
	node -e 'require("fs").renameSync(process.argv[1], process.argv[2])' "$temp" "$cache/$1" 2>/dev/null || true
	rm -rf "$temp"
	trap - EXIT
}

[ $# -gt 0 ] || set -- $(cut -d' ' -f1 "$here/versions.txt")
for name; do
	version=$(sed -n "s/^$name //p" "$here/versions.txt")
	version=${version:-$name}
	[ -n "$(program "$version")" ] || install "$version"
	path=$(program "$version")
	[ -n "$path" ] || {
		echo "install.sh: $cache/$version holds no program for this machine; remove it and try again" >&2
		exit 1
	}
	echo "$path"
done
