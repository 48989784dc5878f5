# Source this for `launch N PROGRAM ...`: N ranks of a program, as many as are asked for on however few cores, by whichever
# of the two common launchers is there. The ranks outlive one that dies, what they make of it is their own affair; with
# LAPIDARY_SURVIVORS=kill the launcher ends them, as it does unless told otherwise.

launch() {
    local ranks=$1 options=()
    shift
    export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0}  # MPI libraries keep what they allocated
    if mpirun --version 2>/dev/null | grep -q "Open MPI"; then
        [ "${LAPIDARY_SURVIVORS:-leave}" = kill ] || options=(--enable-recovery)
        OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
            mpirun --oversubscribe --bind-to none "${options[@]}" -n "$ranks" "$@"
    else
        [ "${LAPIDARY_SURVIVORS:-leave}" = kill ] || options=(-disable-auto-cleanup)
        mpirun "${options[@]}" -n "$ranks" "$@"
    fi
}

# ranks_of RUN: the processes of pretrain that work on a run, by its full path.
ranks_of() {
    local pid
    for pid in $(pgrep -x pretrain); do
        { tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q -- "--run $1 " && echo "$pid"; } 2>/dev/null
    done
    true
}
