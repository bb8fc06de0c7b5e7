#!/bin/sh
# Compile the lock files anew: every version and hash, for Python 3.11 and 3.12, from PyPI.
# zeroc-ice is left out because PyPI's sdist does not compile as it is (see zeroc_ice.py).
set -eu
cd "$(dirname "$0")/../.."

uv=${VENV:-.venv}/bin/uv
wheels=${XDG_CACHE_HOME:-$HOME/.cache}/omero-flows/wheels
export UV_SYSTEM_CERTS=true UV_CUSTOM_COMPILE_COMMAND="make lock"

"$uv" pip compile sandbox/install/bootstrap.in --universal --generate-hashes --python-version 3.11 \
    --quiet --output-file sandbox/install/bootstrap.lock
"$uv" pip compile pyproject.toml --universal --generate-hashes --all-extras --python-version 3.11 \
    --no-emit-package zeroc-ice --no-emit-package uv --no-emit-package setuptools --no-emit-package wheel \
    --find-links "$wheels" --quiet --output-file requirements.lock
# What the containers have (deployments/containers): the same versions, without the sandbox's and the tests' packages.
"$uv" pip compile pyproject.toml --universal --generate-hashes --extra web --python-version 3.11 \
    --constraint requirements.lock \
    --no-emit-package zeroc-ice --no-emit-package uv --no-emit-package setuptools --no-emit-package wheel \
    --find-links "$wheels" --quiet --output-file deployments/containers/requirements.lock
echo "lock: $(grep -c '^[a-z0-9].*==' requirements.lock) packages in requirements.lock" >&2
