#!/bin/bash
# A task of an analysis run. What a user typed is in the file `arguments` and nowhere else.
run=/scratch/omero/4c6ef0d0-90f4-4c5f-a4f5-6a5a9ec1a1bb
attempt=/scratch/omero/4c6ef0d0-90f4-4c5f-a4f5-6a5a9ec1a1bb/attempt-1
image=/apps/images/nuclei/nuclei_v1.0.0.sif
reference=''
memory_mb=16000
cpus=8
limit=3600
umask 077
task=${SLURM_ARRAY_TASK_ID:-0}
job=${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}
restarts=${SLURM_RESTART_COUNT:-0}
own=$SLURM_JOB_ID.$restarts.$$
place=$attempt/work/$task.$own
in=$run/staged/in/$task gt=$run/staged/gt files=$run/staged/files
out=$place/out work=$place/tmp data=$place/data
name=omero-flows-$own
node=${SLURMD_NODENAME:-$(hostname)}
signal=- child=
started=${SLURM_JOB_START_TIME:-$(date +%s)}

put() { printf '%s\n' "$2" > "$attempt/.$1.$own" && mv -f -- "$attempt/.$1.$own" "$attempt/$1"; }

finish() {
    code=$?
    trap '' TERM INT HUP
    rm -rf -- "$work" "$data"
    if [ "$(cat -- "$attempt/$task.running")" != "$own" ]; then
        echo "omero-flows: this task was started again elsewhere; nothing of this start is kept"
        rm -rf -- "$place"
        exit "$code"
    fi
    chmod u+rwx -- "$out"
    rm -rf -- "$attempt/out/$task" && mv -T -- "$out" "$attempt/out/$task" || [ "$code" != 0 ] || code=74
    rm -rf -- "$place"
    ended=$(date +%s)
    late=no
    [ "$signal" = - ] || [ $((ended - started)) -lt $((limit - 5)) ] || late=yes
    verdict="task=$task code=$code signal=$signal late=$late restarts=$restarts job=$job node=$node"
    put "$task.exitcode" "$verdict started=$started ended=$ended" || code=74
    echo "omero-flows: task $task ended with $code"
    exit "$code"
}

stop() {
    signal=$1
    echo "omero-flows: task $task was told to end (SIG$1)"
    : > /dev/null 2>&1
    if [ -n "$child" ]; then
        kill -TERM "$child" 2> /dev/null
        { sleep 1; kill -KILL "$child"; } 2> /dev/null &
        wait "$child"
    fi
    exit "$2"
}

put "$task.running" "$own" && put job.id "$job" && rm -f -- "$attempt/$task.exitcode" || exit 74
trap finish EXIT
trap 'stop TERM 143' TERM
trap 'stop INT 130' INT
trap 'stop HUP 129' HUP
echo "omero-flows: task $task of job $job begins on $node, start $((restarts + 1))"
mkdir -p -- "$out" "$work" "$data/in" "$data/gt" "$data/files" "$data/out" || exit 74
. "$attempt/arguments" || exit 74
export USER="${USER:-$(id -un)}"
apptainer run --containall --no-eval --workdir "$work" --writable-tmpfs --nv --bind "$in":/data/in:ro --bind "$gt":/data/gt:ro --bind "$files":/data/files:ro --bind "$out":/data/out --bind /nfs/omero/lab-a:/nfs/omero/lab-a:ro --bind /nfs/omero/lab-b:/nfs/omero/lab-b:ro "$image" "$@" &
child=$!
wait "$child"
