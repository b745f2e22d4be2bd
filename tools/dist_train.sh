#!/usr/bin/env bash
# Trains with several processes on this machine: one for each GPU, or on the CPU where there is none.
# Usage: dist_train.sh CONFIG PROCESSES [arguments of train.py]
# NNODES, NODE_RANK, MASTER_ADDR and PORT as in torch.distributed.run, for more than one machine.
set -euo pipefail

if [ $# -lt 2 ]; then
    sed -n '2,4s/^# //p' "$0" >&2
    exit 2
fi
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=tools/dist_common.sh
source "$here/dist_common.sh"
launch "$2" "$here/train.py" "$1" --launcher pytorch "${@:3}"
