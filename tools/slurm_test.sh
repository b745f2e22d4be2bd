#!/usr/bin/env bash
# Tests under slurm, one process for each GPU.
# Usage: slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [arguments of test.py]
# GPUS (8), GPUS_PER_NODE (8; 0 for CPUs), CPUS_PER_TASK (5) and SRUN_ARGS come from the environment.
set -euo pipefail

if [ $# -lt 4 ]; then
    sed -n '2,4s/^# //p' "$0" >&2
    exit 2
fi
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=tools/slurm_common.sh
source "$here/slurm_common.sh"
launch "$1" "$2" "$here/test.py" "$3" "$4" --launcher=slurm "${@:5}"
