#!/usr/bin/env bash
# mpi.sh PROGRAM: the conformance suite on 1 to 5 ranks, and what the others make of a rank that fails.
set -euo pipefail
source "$(dirname "$0")/../support/mpirun.sh"
program=$1
out=$(mktemp)
trap 'rm -f "$out"' EXIT

fail() {
    echo "mpi: $*" >&2
    cat "$out" >&2
    exit 1
}

for ranks in 1 2 3 4 5; do
    launch $ranks "$program" >"$out" 2>&1 || fail "$ranks ranks"
    grep -q "^$ranks ranks conform" "$out" || fail "$ranks ranks"
done
echo "conforms on 1 to 5 ranks"

# misbehaves HOW TEXT: rank 2 of four does; all others must say TEXT, soon.
misbehaves() {
    local begin=$SECONDS
    launch 4 timeout 60 "$program" "$1" 2 >"$out" 2>&1 || true  # a launcher's exit code says little
    [ "$(grep -c "$2" "$out")" -ge 3 ] || fail "$1: not all three survivors say '$2'"
    [ $((SECONDS - begin)) -lt 30 ] || fail "$1: took $((SECONDS - begin)) s"
    echo "$1: named by all others"
}
misbehaves hang "rank 2 did not answer within 2 s"
misbehaves exit "rank 2 did not answer within 2 s"
misbehaves throw "rank 2 ended with an error of its own"
misbehaves other "rank 2 sends"
