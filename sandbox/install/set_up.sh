#!/bin/sh
# Set the project up: Debian packages, an environment with every pinned dependency, OMERO's wire
# protocol, the project itself. Run it any number of times; the second run has nothing to do.
#
#     PYTHON=python3.12 VENV=.venv sandbox/install/set_up.sh
#
# Nothing outside the checkout is written but Debian's packages and a cache of the one wheel that is
# compiled here (XDG_CACHE_HOME, default ~/.cache/omero-flows/wheels).
set -eu
cd "$(dirname "$0")/../.."

venv=${VENV:-.venv}
wheels=${XDG_CACHE_HOME:-$HOME/.cache}/omero-flows/wheels
stamp=$venv/.set-up

say() { printf '\033[1mset-up:\033[0m %s\n' "$*" >&2; }
seconds() { date +%s; }

usable() { command -v "$1" >/dev/null 2>&1 && "$1" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null; }

find_python() {
    for candidate in ${PYTHON:-python3.11 python3.12 python3}; do
        if usable "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    say "no Python 3.11 or 3.12 among: ${PYTHON:-python3.11 python3.12 python3}. Install one (Debian 12: apt-get install python3)"
    exit 1
}

# What the environment was made from. A changed lock file, script or Python makes it anew.
fingerprint() {
    {
        cat requirements.lock sandbox/install/bootstrap.lock pyproject.toml sandbox/install/*.sh sandbox/install/*.py
        echo "${1:-}"
    } | sha256sum | cut -d ' ' -f 1
}

# Without PYTHON= whatever the environment was made with is right: asking for none is no wish to change.
if [ -z "${PYTHON:-}" ] && [ -x "$venv/bin/python" ] && usable "$venv/bin/python"; then
    version=$("$venv/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
else
    python=$(find_python)
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
fi
wanted=$(fingerprint "$version")
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
    exit 0
fi

began=$(seconds)
python=${python:-$(find_python)}
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
wanted=$(fingerprint "$version")
say "1 of 5: Debian packages"
sandbox/install/debian_packages.sh "$python"

say "2 of 5: environment $venv (Python $version)"
if [ -x "$venv/bin/python" ] && ! "$venv/bin/python" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$version')"; then
    say "it was made with another Python: making it anew"
    rm -rf "$venv"
fi
[ -x "$venv/bin/pip" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r sandbox/install/bootstrap.lock

say "3 of 5: dependencies, pinned with hashes (about 1.2 GB the first time)"
# uv would trust only the certificates it carries; sites with a proxy of their own need the system's.
# Compiled to bytecode here, once, on every core: a dozen processes start from this environment at every
# start of the site, and Prefect's server alone takes 4 s longer without.
UV_SYSTEM_CERTS=true "$venv/bin/uv" pip install --python "$venv/bin/python" --no-deps --require-hashes \
    --compile-bytecode -r requirements.lock

say "4 of 5: zeroc-ice, OMERO's wire protocol (compiled once, kept in $wheels)"
wheel=$("$venv/bin/python" sandbox/install/zeroc_ice.py --into "$wheels")
"$venv/bin/uv" pip install --python "$venv/bin/python" --no-deps --no-index --compile-bytecode "$wheel"

say "5 of 5: the project itself"
"$venv/bin/uv" pip install --python "$venv/bin/python" --no-deps --no-index --no-build-isolation --quiet --editable .
"$venv/bin/python" -c 'import Ice, omero, prefect' || { say "the environment does not import what it should: remove $venv and run again"; exit 1; }

echo "$wanted" > "$stamp"
say "done in $(($(seconds) - began)) s"
