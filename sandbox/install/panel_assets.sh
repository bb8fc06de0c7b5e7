#!/bin/sh
# Build the panel's scripts and styles with npm, from the lock file, into omero_ui/static/omero_ui.
# The second run has nothing to do until a source changes. Nothing is fetched by a browser from elsewhere.
set -eu
cd "$(dirname "$0")/../../omero_ui/assets"

built=../static/omero_ui
stamp=$built/.built-from

say() { printf '\033[1mset-up:\033[0m %s\n' "$*" >&2; }
fingerprint() { cat "$@" | sha256sum | cut -d ' ' -f 1; }

wanted=$(fingerprint package.json package-lock.json tsconfig.json $(find scripts styles -type f | LC_ALL=C sort))
if [ -f $stamp ] && [ "$(cat $stamp)" = "$wanted" ]; then
    exit 0
fi
if ! command -v npm >/dev/null 2>&1; then
    say "npm is missing (apt-get install npm): the panel's scripts and styles cannot be built"
    exit 1
fi

packages=node_modules/.installed-from
locked=$(fingerprint package.json package-lock.json)
if [ ! -f $packages ] || [ "$(cat $packages)" != "$locked" ]; then
    say "the panel's npm packages, from the lock file"
    # No package runs a program of its own here: esbuild's comes as an ordinary package.
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
    echo "$locked" > $packages
fi
say "the panel's scripts and styles"
mkdir -p $built
npm run --silent build >&2
echo "$wanted" > $stamp
