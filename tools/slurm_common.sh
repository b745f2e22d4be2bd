# Sourced by slurm_train.sh and slurm_test.sh, which set $here to this folder.

# launch PARTITION JOB_NAME SCRIPT [arguments]
launch() {
    local tasks="${GPUS:-8}"
    local gpus_per_node="${GPUS_PER_NODE:-8}"
    local -a placement
    if [ "$gpus_per_node" = 0 ]; then
        placement=(--ntasks="$tasks")
    else
        placement=(--gres=gpu:"$gpus_per_node" --ntasks="$tasks" --ntasks-per-node="$gpus_per_node")
    fi
    local -a extra
    read -r -a extra <<<"${SRUN_ARGS:-}"
    PYTHONPATH="$here/..${PYTHONPATH:+:$PYTHONPATH}" exec srun \
        -p "$1" \
        --job-name="$2" \
        "${placement[@]}" \
        --cpus-per-task="${CPUS_PER_TASK:-5}" \
        --kill-on-bad-exit=1 \
        "${extra[@]}" \
        python -u "${@:3}"
}
