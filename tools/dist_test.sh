#!/usr/bin/env bash
# Tests with several processes on this machine: one for each GPU, or on the CPU where there is none.
# Usage: dist_test.sh CONFIG CHECKPOINT PROCESSES [arguments of test.py]
# NNODES, NODE_RANK, MASTER_ADDR and PORT as in torch.distributed.run, for more than one machine.
set -euo pipefail

if [ $# -lt 3 ]; then
    sed -n '2,4s/^# //p' "$0" >&2
    exit 2
fi
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=tools/dist_common.sh
source "$here/dist_common.sh"
launch "$3" "$here/test.py" "$1" "$2" --launcher pytorch "${@:4}"
