#!/usr/bin/env bash
# Installs what is missing, builds the tests and the example programs and runs the tests. --long: those that take
# minutes as well. Ends with ctest's summary and its exit code.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=release
case ${1-} in
    "") ;;
    --long) preset=everything ;;
    *)
        echo "usage: bash tests/run_tests.sh [--long]" >&2
        exit 2
        ;;
esac

bash cmake/install_packages.sh --browser
# One compiler per core, and no more than there is memory for: an optimised test file takes up to 2 GB.
jobs=$(nproc)
by_memory=$(awk '/MemAvailable/ {print int($2 / 2000000)}' /proc/meminfo 2>/dev/null || echo "$jobs")
if [ "${by_memory:-1}" -lt "$jobs" ]; then jobs=$((by_memory > 0 ? by_memory : 1)); fi

generator=()
command -v ninja >/dev/null || generator=(-G "Unix Makefiles")
cmake --preset release "${generator[@]}"
cmake --build --preset release --parallel "$jobs"
exec ctest --preset "$preset" --parallel "$jobs"
