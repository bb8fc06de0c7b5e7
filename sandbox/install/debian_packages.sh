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
root() { test "$(id -u)" = 0; }

version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')

need "python$version-venv" "the project's own environment"              "$python" -c 'import venv, ensurepip'
need "python$version-dev"  "headers to compile OMERO's wire protocol"   header
need g++                   "compiles OMERO's wire protocol (zeroc-ice)" command -v g++
need libssl-dev            "zeroc-ice speaks TLS"                       file /usr/include/openssl/ssl.h
need libbz2-dev            "zeroc-ice compresses messages"              file /usr/include/bzlib.h
need ca-certificates       "downloads from PyPI over TLS"               file /etc/ssl/certs/ca-certificates.crt
need nodejs                "builds the panel's scripts and styles"     command -v node
need npm                   "gets what they are built of"               command -v npm
want nginx-light           "OMERO.web and the Prefect UI under one address" file /usr/sbin/nginx
want docker.io             "runs converter containers (dockerd)"        command -v dockerd
want docker-compose        "starts a site's containers in tests"         command -v docker-compose
want systemd               "checks the units of deployments/systemd"     command -v systemd-analyze
want chromium              "browser tests and screenshots"              command -v chromium
want fonts-dejavu-core     "letters in those screenshots"               file /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
want openssh-client        "a person's way to the cluster"              command -v ssh
want charliecloud-runtime  "runs workflow containers in jobs"           command -v ch-run
want squashfs-tools        "makes those containers"                     command -v mksquashfs
if root; then
    want systemd-container     "starts those units in tests (systemd-nspawn)" command -v systemd-nspawn
    want munge                 "tells Slurm's daemons who asks"         file /usr/sbin/munged
    want slurmctld             "the sandbox's cluster: scheduler"       file /usr/sbin/slurmctld
    want slurmd                "the sandbox's cluster: nodes"           file /usr/sbin/slurmd
    want slurm-client          "sbatch, squeue, sacct, scontrol"        command -v sbatch
    want slurmdbd              "Slurm's accounting"                     file /usr/sbin/slurmdbd
    want mariadb-server-core   "its database (the program alone)"       file /usr/sbin/mariadbd
    want mariadb-client-core   "makes that database"                    file /usr/bin/my_print_defaults
    want openssh-server        "the cluster's login"                    file /usr/sbin/sshd
else
    say "not root: a local job runner stands for Slurm, whose packages are left out"
fi

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

# Some of these packages start a daemon and have it started with the machine. The sandbox runs its own,
# and another sshd or scheduler on this machine is nobody's wish: while they are installed none is
# started (policy-rc.d, Debian policy 9.3.3), and under systemd the units of those that are new are masked.
policy=/usr/sbin/policy-rc.d
keep_still() {
    root || return 0
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' > $policy
        chmod 755 $policy
        trap 'rm -f $policy' EXIT
    fi
    [ -d /run/systemd/system ] || return 0
    for name in $wanted; do
        case $name in
            munge|slurmctld|slurmd|slurmdbd) units=$name.service ;;
            openssh-server) units="ssh.service ssh.socket" ;;
            nginx-light) units=nginx.service ;;
            *) continue ;;
        esac
        # shellcheck disable=SC2086  # a list of names, split on purpose
        if SYSTEMD_OFFLINE=1 systemctl mask --quiet $units; then
            say "$name: will not be a service of this machine (systemctl unmask $units makes it one)"
        else
            say "$name: its units could not be masked; it may be started with this machine"
        fi
    done
}

install() {
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        -o Dpkg::Use-Pty=0 "$@" >&2
}

keep_still
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
