# Sourced by dist_train.sh and dist_test.sh, which set $here to this folder.

free_port() {
    python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# launch PROCESSES SCRIPT [arguments]
launch() {
    local processes="$1"
    if ! [[ "$processes" =~ ^[1-9][0-9]*$ ]]; then
        echo "error: the number of processes is '$processes', not a positive number" >&2
        exit 2
    fi
    local nodes="${NNODES:-1}"
    # machines must agree on a port; a single one takes any that is free, so that runs do not collide
    local port="${PORT:-$([ "$nodes" = 1 ] && free_port || echo 29500)}"
    if [ -z "${OMP_NUM_THREADS:-}" ]; then
        local threads=$(($(nproc) / processes))
        export OMP_NUM_THREADS=$((threads > 0 ? threads : 1))
    fi
    PYTHONPATH="$here/..${PYTHONPATH:+:$PYTHONPATH}" exec python -m torch.distributed.run \
        --nnodes="$nodes" \
        --node_rank="${NODE_RANK:-0}" \
        --master_addr="${MASTER_ADDR:-127.0.0.1}" \
        --master_port="$port" \
        --nproc_per_node="$processes" \
        "${@:2}"
}
