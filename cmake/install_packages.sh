#!/usr/bin/env bash
# Installs with apt-get what the library, its tests and its programs need and is not there yet. Says nothing and does
# nothing when all is there. Elsewhere than on Debian and its kin it names what is missing.
#
#   bash cmake/install_packages.sh [--browser]    --browser: Chromium as well (122 MB), for one test of the report's page
set -euo pipefail

# What is needed, as command, header or file (any of those given) and Debian package.
needed=(
    "cmake cmake"
    "make|ninja make"
    "c++|g++|clang++ g++"
    "<range/v3/version.hpp> librange-v3-dev"
    "<nlohmann/json.hpp> nlohmann-json3-dev"
    "<openssl/evp.h> libssl-dev"
    "<sentencepiece_trainer.h> libsentencepiece-dev"
    "<pcre2.h> libpcre2-dev"
    "<utf8proc.h> libutf8proc-dev"
    "<zstd.h> libzstd-dev"
    "<zlib.h> zlib1g-dev"
    "<catch2/catch.hpp>|<catch2/catch_all.hpp> catch2"
    "<CLI/CLI.hpp> libcli11-dev"
    "<Eigen/Core>|<eigen3/Eigen/Core> libeigen3-dev"
    "mpicxx libopenmpi-dev"
    "mpirun openmpi-bin"
    "/usr/share/javascript/chart.js/chart.min.js|/usr/share/nodejs/chart.js/dist/chart.min.js libjs-chart.js"
)
# The presets' build tool (make does, where that is all there is); for the benchmarks; for one test of system calls.
useful=(
    "ninja ninja-build"
    "<benchmark/benchmark.h> libbenchmark-dev"
    "strace strace"
)
case ${1-} in
    "") ;;
    --browser) useful+=("chromium|chromium-browser|google-chrome chromium") ;;
    *)
        echo "usage: bash cmake/install_packages.sh [--browser]" >&2
        exit 2
        ;;
esac

say() { printf 'packages: %s\n' "$*" >&2; }

# A header counts as present if the compiler finds it, or the package that has it is installed.
has_header() {
    local compiler
    compiler=$(command -v "${CXX:-c++}" || command -v g++ || command -v clang++) || return 1
    printf '#if !__has_include(%s)\n#error\n#endif\n' "$1" | "$compiler" -x c++ -E - >/dev/null 2>&1
}

present() {
    local thing
    while IFS= read -r thing; do
        case $thing in
            "<"*) has_header "$thing" && return 0 ;;
            /*) [ -e "$thing" ] && return 0 ;;
            *) command -v "$thing" >/dev/null && return 0 ;;
        esac
    done <<<"${1//|/$'\n'}"
    return 1
}

# Prints the packages of those entries that are not present.
missing() {
    local entry package
    for entry in "$@"; do
        package=${entry##* }
        if command -v dpkg-query >/dev/null &&
            [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ]; then
            continue
        fi
        present "${entry% *}" || printf '%s ' "$package"
    done
}

# The presets file of this project says nothing to an older CMake but that it cannot be read.
if version=$(cmake --version 2>/dev/null | sed -n '1s/.* //p') && [ -n "$version" ] &&
    [ "$(printf '%s\n' 3.25 "$version" | sort -V | head -n 1)" != 3.25 ]; then
    say "CMake 3.25 or newer is needed, this is $version: Debian 12 and Ubuntu 23.04 have it; elsewhere see cmake.org"
    exit 1
fi

needed_now=$(missing "${needed[@]}")
useful_now=$(missing "${useful[@]}")
[ -z "$needed_now$useful_now" ] && exit 0

if ! command -v apt-get >/dev/null; then
    say "no apt-get here; please install what these Debian packages hold: $needed_now$useful_now"
    command -v cmake >/dev/null || exit 1
    say "going on: CMake will say what it cannot find (see CMAKE_PREFIX_PATH)"
    exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null; then
        as_root=(sudo)
    elif [ -n "$needed_now" ]; then
        say "not root, and no sudo; please run as root: apt-get install $needed_now$useful_now"
        exit 1
    else
        exit 0
    fi
fi

install() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2; }

say "installing $needed_now$useful_now"
"${as_root[@]}" apt-get update -qq >&2 || say "apt-get update failed; trying with the lists at hand"
if [ -n "$needed_now" ]; then
    # shellcheck disable=SC2086  # a list of words
    install $needed_now || { say "apt-get could not install: $needed_now"; exit 1; }
fi
if [ -n "$useful_now" ]; then
    # shellcheck disable=SC2086
    install $useful_now || say "going on without: $useful_now"
fi
