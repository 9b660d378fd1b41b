#!/usr/bin/env bash
# Runs the Autobahn test suite against this crate's echo examples and compares the outcome of
# every case with autobahn/expected.json.
#
# Usage: autobahn/run.sh [--cases PATTERN,...] [--report DIR] [RUN...]
#
# RUN is one of (default: all five, one after the other)
#   server-tokio  the suite as client against examples/echo_server
#   server-std    the suite as client against examples/echo_server_std
#   server-mio    the suite as client against examples/echo_server_mio
#   client-tokio  the suite as server against examples/echo_client
#   client-std    the suite as server against examples/echo_client_std
#
# --cases PATTERN,...  only these of the 517 cases, e.g. '6.4.*,7.*' (shell patterns on the number)
# --report DIR         where the suite's reports and all logs go, in a folder per run; open
#                      RUN/1/index.html and RUN/2/index.html (default: report/ in AUTOBAHN_DIR)
#
# Prints each difference and one summary line per run. Exit status: 0 if all is as expected, 1 if
# not, 2 if the command line is wrong, or the suite or the examples cannot be built.
#
# The first start installs the suite (half a minute). It runs on Python 2.7 only, which is taken
# from PATH, from pyenv, or else from Debian 11's packages, unpacked without touching the system.
# Needs python3 (3.11 or newer) with pip, and a C compiler for the suite to be fast.
#
# Environment:
#   AUTOBAHN_DIR      where the suite is installed (default: target/autobahn); reused when complete
#   CARGO_TARGET_DIR  as for cargo
#   ENDPOINTS         folder of ready-made programs with the examples' names and command lines, to
#                     be tested in their place; nothing is built then
#   DEBIAN_MIRROR     where Debian 11 is found (default: the mirror that apt-get here uses)

set -euo pipefail

virtualenv=virtualenv==16.7.12 # the last that makes environments of Python 2.7 by itself
wsaccel=wsaccel==0.6.6         # optional: masking and UTF-8 validation in C, five times as fast
debian_packages=(python2.7-minimal libpython2.7-minimal libpython2.7-stdlib libpython2.7-dev
    libssl1.1 libffi7 libexpat1)

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")

main() {
    local options=() runs=()
    while (($#)); do
        case $1 in
        -h | --help) usage && exit ;;
        --cases | --report)
            (($# >= 2)) || fail "$1 needs a value"
            options+=("$1" "$2") && shift
            ;;
        server-tokio | server-std | server-mio | client-tokio | client-std) runs+=("$1") ;;
        *) usage >&2 && fail "unknown argument: $1" ;;
        esac
        shift
    done

    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "python3 is needed, 3.11 or newer"
    suite=${AUTOBAHN_DIR:-$root/target/autobahn}
    mkdir -p "$suite" && suite=$(cd "$suite" && pwd)
    installed || (install) # which sets variables that are not for cargo or the tests

    local endpoints=${ENDPOINTS:-}
    if [[ -z $endpoints ]]; then
        cargo build --release --examples --features connect,tokio --manifest-path "$root/Cargo.toml" ||
            fail "cannot build the examples"
        endpoints=${CARGO_TARGET_DIR:-$root/target}/release/examples
    fi

    # In place of this shell, so that a signal to it reaches the program that ends all the others.
    exec python3 "$here/autobahn.py" --wstest "$suite/wstest" --endpoints "$endpoints" \
        --report "$suite/report" "${options[@]}" "${runs[@]}"
}

usage() {
    sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

fail() {
    echo "autobahn/run.sh: $*" >&2
    exit 2
}

pins() {
    cat "$here/requirements.txt"
    echo "$virtualenv $wsaccel"
}

installed() {
    pins | cmp -s - "$suite/pins" && "$suite/wstest" --autobahnversion >/dev/null 2>&1
}

install() {
    echo "Installing the Autobahn test suite into $suite" >&2
    rm -rf "$suite"/{pins,wstest,env,virtualenv,python,apt}

    local python libraries environment=PYTHONUNBUFFERED=1
    if ! python=$(find_python); then
        unpack_python
        python=$suite/python/usr/bin/python2.7
        libraries=$(dirname "$(find "$suite/python" -name 'libssl.so.1.1')")
        libraries=$libraries:$suite/python/lib/$(basename "$libraries")
        export LD_LIBRARY_PATH=$libraries CPATH=$suite/python/usr/include
        environment+=" LD_LIBRARY_PATH='$libraries'"
        "$python" -c 'import ssl, zlib' || fail "Debian's Python 2.7 does not run here"
    fi

    python3 -m pip download --quiet --no-deps --dest "$suite/virtualenv" "$virtualenv" ||
        fail "cannot download $virtualenv (is there a pip for python3, and a network?)"
    python3 -m zipfile -e "$suite"/virtualenv/*.whl "$suite/virtualenv"
    "$python" "$suite/virtualenv/virtualenv.py" --quiet --no-download "$suite/env" ||
        fail "cannot make an environment of $python"

    local pip=("$suite/env/bin/python" -m pip install --quiet --no-deps --no-build-isolation)
    export PIP_NO_PYTHON_VERSION_WARNING=1
    "${pip[@]}" --requirement "$here/requirements.txt" || fail "cannot install the suite's packages"
    if command -v cc >/dev/null; then
        CC=cc "${pip[@]}" "$wsaccel" || echo "No wsaccel: the suite will be slow" >&2
    else
        echo "No C compiler, so no wsaccel: the suite will be slow" >&2
    fi

    # The suite's own start script names its interpreter in the first line, which has a short limit.
    cat >"$suite/wstest" <<EOF
#!/bin/sh
export $environment
exec "$suite/env/bin/python" "$suite/env/bin/wstest" "\$@"
EOF
    chmod +x "$suite/wstest"
    "$suite/wstest" --autobahnversion >&2 || fail "the installed suite does not run"
    pins >"$suite/pins"
}

# Prints the path of a Python 2.7 that runs; pyenv's stand-in on PATH often does not.
find_python() {
    local python
    for python in python2.7 "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/2.7*/bin/python2.7; do
        "$python" -c 'import ssl, sys, zlib; print(sys.executable)' 2>/dev/null && return
    done
    return 1
}

# Unpacks Debian 11's Python 2.7 into $suite/python, with apt-get in folders of its own.
unpack_python() {
    local apt=$suite/apt keys=/usr/share/keyrings/debian-archive-keyring.gpg mirror package
    command -v apt-get >/dev/null && command -v dpkg >/dev/null ||
        fail "no Python 2.7 here, and no apt-get and dpkg to get Debian's"
    [[ -e $keys ]] || fail "no Python 2.7 here, and no $keys to get Debian's"
    mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' |
        grep --max-count=1 '/debian/*$' || true)}
    [[ $mirror ]] ||
        fail "no Python 2.7 here, and apt-get knows no mirror of Debian: set DEBIAN_MIRROR"

    mkdir -p "$apt"/{state/lists/partial,cache/archives/partial,packages} "$suite/python"
    touch "$apt/status"
    echo "deb [signed-by=$keys] $mirror bullseye main" >"$apt/sources.list"
    # Also without what the system does after an update, which may be to empty its own folders.
    cat >"$apt/apt.conf" <<EOF
Dir::Etc::SourceList "$apt/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State "$apt/state";
Dir::State::Status "$apt/status";
Dir::Cache "$apt/cache";
Acquire::Languages "none";
APT::Sandbox::User "";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
EOF
    local get=(apt-get --quiet=2 --config-file "$apt/apt.conf")
    "${get[@]}" update || fail "cannot read Debian 11's list of packages from $mirror"
    (cd "$apt/packages" && "${get[@]}" download "${debian_packages[@]}") ||
        fail "cannot download Debian 11's Python 2.7 from $mirror"
    for package in "$apt"/packages/*.deb; do
        dpkg -x "$package" "$suite/python"
    done
}

main "$@"
