#!/bin/sh
# Install the Debian packages that are missing, and say what each is for.
#
#     sandbox/install/debian_packages.sh python3.11
#
# A package counts as present when what it is needed for is there, however it came (a Python from
# pyenv brings its own headers and venv). Needs root or sudo only when something is missing.
set -eu

python=${1:?usage: debian_packages.sh PYTHON}
needed= wanted=

say() { printf 'packages: %s\n' "$*" >&2; }

# need NAME REASON CHECK... : without it nothing works
need() {
    name=$1 reason=$2; shift 2
    "$@" >/dev/null 2>&1 || { say "$name is missing: $reason"; needed="$needed $name"; }
}

# want NAME REASON CHECK... : without it one part is left out, by name
want() {
    name=$1 reason=$2; shift 2
    "$@" >/dev/null 2>&1 || { say "$name is missing: $reason"; wanted="$wanted $name"; }
}

header() { "$python" -c "import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path('include'), 'Python.h')))"; }
file() { test -e "$1"; }

version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')

need "python$version-venv" "the project's own environment"              "$python" -c 'import venv, ensurepip'
need "python$version-dev"  "headers to compile OMERO's wire protocol"   header
need g++                   "compiles OMERO's wire protocol (zeroc-ice)" command -v g++
need libssl-dev            "zeroc-ice speaks TLS"                       file /usr/include/openssl/ssl.h
need libbz2-dev            "zeroc-ice compresses messages"              file /usr/include/bzlib.h
need ca-certificates       "downloads from PyPI over TLS"               file /etc/ssl/certs/ca-certificates.crt
want docker.io             "runs converter containers (dockerd)"        command -v dockerd
want chromium              "browser tests and screenshots"              command -v chromium
want fonts-dejavu-core     "letters in those screenshots"               file /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf

if [ -z "$needed$wanted" ]; then
    say "all present"
    exit 0
fi

if [ "$(id -u)" = 0 ]; then sudo=
elif command -v sudo >/dev/null 2>&1; then sudo=sudo
else
    say "neither root nor sudo: cannot install$needed$wanted"
    if [ -n "$needed" ]; then
        say "ask your administrator for: apt-get install$needed"
        exit 1
    fi
    say "going on without$wanted: what needs them is skipped and says so"
    exit 0
fi

install() {
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        -o Dpkg::Use-Pty=0 "$@" >&2
}

say "installing$needed$wanted (apt-get)"
$sudo apt-get update -q >&2 || say "apt-get update failed: trying with the package lists that are here"
# shellcheck disable=SC2086  # lists of names, split on purpose
if [ -n "$needed" ] && ! install $needed; then
    say "apt-get could not install$needed: its message is above"
    exit 1
fi
# shellcheck disable=SC2086
if [ -n "$wanted" ] && ! install $wanted; then
    say "apt-get could not install$wanted: going on, what needs them is skipped and says so"
fi
