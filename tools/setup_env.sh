#!/usr/bin/env bash
# Makes the project's environment, or completes it: torch, then mmcv with its compiled ops, then the rest.
#
#   tools/setup_env.sh                      .venv in the repository, made if it is missing
#   ENV_DIR=/path/to/env tools/setup_env.sh an environment that is there already: what it has stays as it is, torch and
#                                           mmengine and mmdet too, and what is missing is added
#
# TORCH_SPEC  what pip installs when there is no torch   (default: torch==2.13.0)
# PYTHON      the interpreter that makes the environment (default: python3)
# EXTRAS      extras of this package to install          (default: tests,pretrained)
# OPS         full compiles mmcv's ops; none, without a compiler, puts a stand-in there that names what is missing when
#             an op is called (mmdet's two-stage models need some, ours none). Compiled ops that are there stay.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

ENV_DIR=${ENV_DIR:-.venv}
PYTHON=${PYTHON:-python3}
TORCH_SPEC=${TORCH_SPEC:-torch==2.13.0}
EXTRAS=${EXTRAS:-tests,pretrained}
OPS=${OPS:-full}
ENV_PYTHON=$ENV_DIR/bin/python
OURS=$ENV_DIR/.made_by_mmdet_panseg
FINISHED=$ENV_DIR/.mmdet_panseg_ready

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
    if [ ! -e "$OURS" ] && "$ENV_PYTHON" -c '' 2>/dev/null; then
        say "using the environment $ENV_DIR"
        "$ENV_PYTHON" -m pip --version >/dev/null 2>&1 || "$ENV_PYTHON" -m ensurepip >/dev/null \
            || die "$ENV_DIR has no pip and ensurepip fails; install pip there first"
        return
    fi
    "$ENV_PYTHON" -m pip --version >/dev/null 2>&1 && return
    if [ ! -e "$OURS" ] && [ -n "$(ls -A "$ENV_DIR" 2>/dev/null)" ]; then
        die "$ENV_DIR exists and is no Python environment; name another folder with ENV_DIR=..."
    fi
    local python
    python=$(find_python)
    say "making $ENV_DIR with $("$python" --version)"
    mkdir -p "$ENV_DIR"
    touch "$OURS"
    "$python" -m venv "$ENV_DIR"
}

pip_install() {
    # Tested versions are for environments made here; another one keeps what it has.
    local constraints=()
    [ -e "$OURS" ] && constraints=(-c requirements/constraints.txt)
    "$ENV_PYTHON" -m pip install --quiet --disable-pip-version-check "${constraints[@]}" "$@"
}

imports() { "$ENV_PYTHON" -c "import $1" >/dev/null 2>&1; }

install_torch() {
    imports torch && return
    say "installing $TORCH_SPEC"
    pip_install "$TORCH_SPEC"
    imports torch || die "$TORCH_SPEC was installed but 'import torch' fails; run it by hand to see why"
}

install_opencv() {
    imports cv2 && return
    # Both distributions fill the same package; the headless build, installed last, loads without a window system.
    pip_install opencv-python
    pip_install --force-reinstall --no-deps opencv-python-headless
    imports cv2 || die "'import cv2' fails in $ENV_DIR; run it by hand to see why"
}

torch_has_gpu() { "$ENV_PYTHON" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>/dev/null; }

stand_in_is_there() { compgen -G "$ENV_DIR/lib/python3*/site-packages/mmcv/_ext.py" >/dev/null; }

ops_are_compiled() { "$ENV_PYTHON" -c 'import sys, mmcv._ext as ops; sys.exit(hasattr(ops, "IS_STAND_IN"))' 2>/dev/null; }

mmcv_is_ready() {
    ops_are_compiled || return 1
    torch_has_gpu || return 0
    "$ENV_PYTHON" -c 'import sys; from mmcv.ops import get_compiling_cuda_version as version
sys.exit(version() == "not available")' 2>/dev/null
}

compile_mmcv() {
    local started=$SECONDS build wheels=$ENV_DIR/mmcv_wheel
    rm -rf "$wheels"
    # A process group of its own, so that an interrupted script ends the compilers too.
    set -m
    MMCV_WITH_OPS=1 MAX_JOBS=${MAX_JOBS:-$(nproc)} "$ENV_PYTHON" -m pip wheel --quiet --disable-pip-version-check \
        --no-build-isolation --no-deps --wheel-dir "$wheels" "$@" -r requirements/mmcv.txt &
    build=$!
    set +m
    trap 'kill -- "-$build" 2>/dev/null || true' EXIT
    while kill -0 "$build" 2>/dev/null; do
        sleep 5
        if (( (SECONDS - started) % 60 < 5 )); then say "  still compiling, $(( (SECONDS - started) / 60 )) min"; fi
    done
    wait "$build" || die "mmcv did not compile; the compiler's message is above"
    trap - EXIT
    replace_mmcv "$wheels"/*.whl
    rm -r "$wheels"
    say "mmcv is installed after $(( (SECONDS - started) / 60 )) min $(( (SECONDS - started) % 60 )) s"
}

replace_mmcv() {
    # What was there served until now, and still would if the compiler had failed.
    if imports mmcv; then
        rm -f "$("$ENV_PYTHON" -c 'import mmcv; print(mmcv.__path__[0])')/_ext.py"
        "$ENV_PYTHON" -m pip uninstall --quiet --yes mmcv mmcv-lite onedl-mmcv
    fi
    pip_install "$@"
}

install_mmcv_without_ops() {
    imports mmcv._ext && return
    say "installing mmcv without its compiled ops (OPS=none): ours need none; mmdet's two-stage models do not run"
    # Built where it cannot see torch, mmcv leaves its ops out; pip must not keep that wheel.
    imports mmcv || pip_install --no-cache-dir -r requirements/mmcv.txt
    cp tools/mmcv_without_ops.py "$("$ENV_PYTHON" -c 'import mmcv; print(mmcv.__path__[0])')/_ext.py"
    imports mmcv._ext || die "mmcv does not import; run '$ENV_PYTHON -c \"import mmcv._ext\"' to see why"
}

install_mmcv() {
    mmcv_is_ready && return
    command -v g++ >/dev/null || die "g++ is needed to compile mmcv's ops (Debian: apt-get install g++ python3-dev)"
    if torch_has_gpu && ! command -v nvcc >/dev/null; then
        die "torch sees a GPU, so mmcv's ops need nvcc: install the CUDA toolkit that torch was built for, $(
            "$ENV_PYTHON" -c 'import torch; print(torch.version.cuda)'), and put nvcc on the PATH"
    fi
    if imports mmcv; then say "mmcv is here without the compiled ops that this torch needs: to be replaced"; fi
    say "compiling mmcv's ops: 10 to 15 minutes on two cores the first time, seconds when pip still has the wheel"
    compile_mmcv
    if ! mmcv_is_ready; then
        say "the wheel that pip had kept does not fit this torch: compiling again"
        compile_mmcv --no-cache-dir
    fi
    mmcv_is_ready || die "mmcv was installed without the compiled ops that this torch needs ('import mmcv._ext').
        Check that torch imports in $ENV_DIR, remove pip's wheel with 'pip cache remove onedl_mmcv' and run this again."
}

install_the_rest() {
    imports mmengine || pip_install onedl-mmengine
    imports mmdet.version || pip_install -r requirements/openmmlab.txt
    pip_install --no-build-isolation -e ".[$EXTRAS]"
    # Its metadata asks for numpy 1, and it works with numpy 2.
    case ",$EXTRAS," in *,tests,*) pip_install --no-deps panopticapi-lite==0.2.0 ;; esac
}

stamp() { cat setup.cfg pyproject.toml requirements/*.txt tools/setup_env.sh | cksum; printf '%s %s\n' "$EXTRAS" "$PWD"; }

main() {
    case $OPS in full|none) ;; *) die "OPS=$OPS: must be full or none" ;; esac
    if [ "$(stamp)" = "$(cat "$FINISHED" 2>/dev/null)" ] && "$ENV_PYTHON" -c '' 2>/dev/null; then
        [ "$OPS" = none ] || ! stand_in_is_there && return
    fi
    make_environment
    pip_install -r requirements/build.txt
    install_torch
    install_opencv
    if [ "$OPS" = none ]; then install_mmcv_without_ops; else install_mmcv; fi
    install_the_rest
    "$ENV_PYTHON" -c 'import mmdet_panseg' || die "the environment is complete but mmdet_panseg does not import"
    stamp > "$FINISHED"
    say "ready: $ENV_PYTHON has torch $("$ENV_PYTHON" -c 'import torch; print(torch.__version__)'), mmcv $(ops_are_compiled && echo with || echo without) ops, mmengine and mmdet"
}

main
