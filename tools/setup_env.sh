#!/usr/bin/env bash
# Makes the project's environment, or completes it: torch, then mmcv with its compiled ops, then the rest.
#
#   tools/setup_env.sh                      .venv in the repository, made if it is missing
#   ENV_DIR=/path/to/env tools/setup_env.sh an environment that is there already; its torch stays as it is
#
# TORCH_SPEC  what pip installs when there is no torch   (default: torch==2.13.0)
# PYTHON      the interpreter that makes the environment (default: python3)
# EXTRAS      extras of this package to install          (default: tests,pretrained)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

ENV_DIR=${ENV_DIR:-.venv}
PYTHON=${PYTHON:-python3}
TORCH_SPEC=${TORCH_SPEC:-torch==2.13.0}
EXTRAS=${EXTRAS:-tests,pretrained}
CONSTRAINTS=requirements/constraints.txt

say() { printf '[setup] %s\n' "$*"; }
die() { printf '[setup] error: %s\n' "$*" >&2; exit 1; }

python_is_supported() { "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))'; }

find_python() {
    local candidate
    for candidate in "$PYTHON" python3.11 python3.12 python3.10; do
        if command -v "$candidate" >/dev/null && python_is_supported "$candidate" 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    die "Python 3.10, 3.11 or 3.12 is needed and none was found; name one with PYTHON=/path/to/python"
}

make_environment() {
    [ -x "$ENV_DIR/bin/python" ] && "$ENV_DIR/bin/python" -m pip --version >/dev/null 2>&1 && return
    local python
    python=$(find_python)
    say "making $ENV_DIR with $("$python" --version)"
    "$python" -m venv --clear "$ENV_DIR"
}

pip_install() { "$ENV_DIR/bin/python" -m pip install --quiet --disable-pip-version-check -c "$CONSTRAINTS" "$@"; }
imports() { "$ENV_DIR/bin/python" -c "import $1" >/dev/null 2>&1; }

install_torch() {
    imports torch && return
    say "installing $TORCH_SPEC"
    # The constraints do not name torch: a machine with a GPU needs the build that fits its driver.
    pip_install "$TORCH_SPEC"
    imports torch || die "$TORCH_SPEC was installed but 'import torch' fails; run it by hand to see why"
}

install_mmcv() {
    imports mmcv._ext && return
    command -v g++ >/dev/null || die "g++ is needed to compile mmcv's ops (Debian: apt-get install g++ python3-dev)"
    if imports mmcv; then
        say "mmcv is here without its compiled ops: replacing it"
        "$ENV_DIR/bin/python" -m pip uninstall --quiet --yes mmcv mmcv-lite onedl-mmcv
    fi
    say "compiling mmcv's ops: 10 to 15 minutes on two cores the first time, seconds when pip still has the wheel"
    local started=$SECONDS
    MMCV_WITH_OPS=1 MAX_JOBS=${MAX_JOBS:-$(nproc)} pip_install --no-build-isolation -r requirements/mmcv.txt &
    local build=$!
    # An interrupted script must not leave the compiler running.
    trap 'kill "$build" 2>/dev/null || true' EXIT
    while kill -0 "$build" 2>/dev/null; do
        sleep 5
        (( (SECONDS - started) % 60 < 5 )) && say "  still compiling, $(( (SECONDS - started) / 60 )) min"
    done
    wait "$build" || die "mmcv did not compile; the compiler's message is above"
    trap - EXIT
    if ! imports mmcv._ext; then
        # A wheel that pip kept from a build without torch has no ops.
        say "the cached wheel has no ops: compiling again"
        MMCV_WITH_OPS=1 pip_install --no-build-isolation --no-cache-dir --force-reinstall --no-deps -r requirements/mmcv.txt
    fi
    imports mmcv._ext || die "mmcv was installed without compiled ops ('import mmcv._ext' fails).
        Check that torch imports in $ENV_DIR, remove pip's wheel with 'pip cache remove onedl_mmcv' and run this again."
    say "mmcv is ready after $(( (SECONDS - started) / 60 )) min $(( (SECONDS - started) % 60 )) s"
}

install_the_rest() {
    pip_install -r requirements/openmmlab.txt
    pip_install --no-build-isolation -e ".[$EXTRAS]"
    # OpenCV with a window system does not load on a machine without one; the headless build serves the same calls.
    imports cv2 || pip_install --force-reinstall --no-deps opencv-python-headless
    imports cv2 || die "'import cv2' fails in $ENV_DIR; run it by hand to see why"
}

stamp() { cat setup.cfg pyproject.toml requirements/*.txt tools/setup_env.sh | cksum; printf '%s %s\n' "$EXTRAS" "$PWD"; }

main() {
    local finished="$ENV_DIR/.mmdet_panseg_ready"
    if [ -f "$finished" ] && [ "$(stamp)" = "$(cat "$finished")" ]; then
        return
    fi
    make_environment
    pip_install -r requirements/build.txt
    install_torch
    install_mmcv
    install_the_rest
    "$ENV_DIR/bin/python" -c 'import mmdet_panseg' || die "the environment is complete but mmdet_panseg does not import"
    stamp > "$finished"
    say "ready: $ENV_DIR/bin/python has torch $("$ENV_DIR/bin/python" -c 'import torch; print(torch.__version__)'), mmcv with ops, mmengine and mmdet"
}

main
