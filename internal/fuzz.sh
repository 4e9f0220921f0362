#!/usr/bin/env bash
# Runs every fuzz target (or those that fit FUZZONLY) for FUZZTIME, FUZZJOBS of them at a
# time, each with one worker. Nothing is written into the tree: an input that fails is kept in
# .cache/fuzz/PACKAGE/TARGET; copied into the package's testdata/fuzz/TARGET, it
# is tried by every `go test` from then on.
set -euo pipefail
cd "$(dirname "$0")/.."
export FUZZTIME=${FUZZTIME:-20s} FAILED="$PWD/.cache/fuzz"
CORPUS=$(go env GOCACHE)/fuzz
WORK=$(mktemp -d)
export CORPUS WORK
trap 'rm -rf "$WORK"' EXIT

# one DIR TARGET: fuzz one target, in a copy of its package's testdata.
one() {
	local dir=$1 target=$2 work=$WORK/$1/$2
	mkdir -p "$work"
	if [ -d "$dir/testdata" ]; then
		cp -r "$dir/testdata" "$work/testdata"
	fi
	if (cd "$work" && "$WORK/$dir/test" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "$FUZZTIME" \
		-test.fuzzminimizetime 200ms -test.parallel 1 -test.fuzzcachedir "$CORPUS/sessiond/$dir") >"$work.log" 2>&1; then
		echo "ok   $target ($dir): $(grep -o 'execs: [0-9]*' "$work.log" | tail -1)"
		return
	fi
	# Go calls it a failure, without an input, where the time is over in the midst of a try.
	if grep -q '^    context deadline exceeded$' "$work.log" && ! grep -q 'Failing input' "$work.log"; then
		echo "ok   $target ($dir): $(grep -o 'execs: [0-9]*' "$work.log" | tail -1), the last one cut short"
		return
	fi
	echo "FAIL $target ($dir)"
	cat "$work.log"
	mkdir -p "$FAILED/$dir/$target"
	for input in "$work/testdata/fuzz/$target"/*; do
		if [ -e "$input" ] && [ ! -e "$dir/testdata/fuzz/$target/${input##*/}" ]; then
			cp "$input" "$FAILED/$dir/$target/"
			echo "the input is $FAILED/$dir/$target/${input##*/}"
		fi
	done
	return 1
}
export -f one

targets=$(grep -ro --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sed 's|^\./\(.*\)/[^/]*:func |\1 |' | sort -u | grep -E "${FUZZONLY:-.}") || {
	echo "no fuzz target fits '$FUZZONLY'; they are called PACKAGE FuzzNAME" >&2
	exit 2
}
for dir in $(cut -d' ' -f1 <<<"$targets" | sort -u); do
	mkdir -p "$WORK/$dir"
	go test -c -fuzz Fuzz -o "$WORK/$dir/test" "./$dir"
done
xargs -P "${FUZZJOBS:-2}" -L 1 bash -c 'set -euo pipefail; one "$1" "$2"' one <<<"$targets"
