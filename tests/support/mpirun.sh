# Source this for `launch N PROGRAM ...`: N ranks of a program, as many as are asked for on however few cores, by whichever
# of the two common launchers is there. The ranks outlive one that dies: what they make of it is their own affair.

launch() {
    local ranks=$1
    shift
    if mpirun --version 2>/dev/null | grep -q "Open MPI"; then
        OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
            mpirun --oversubscribe --bind-to none --enable-recovery -n "$ranks" "$@"
    else
        mpirun -disable-auto-cleanup -n "$ranks" "$@"
    fi
}
