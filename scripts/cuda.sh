#!/usr/bin/env bash
# The CUDA addon, from a checkout:
#
#   scripts/cuda.sh build     builds build-cuda/Release/deepntk_cuda.node (npm run build:cuda)
#   scripts/cuda.sh compile   compiles native/cuda and its device test, and runs what needs no GPU; for CI
#   scripts/cuda.sh stand-in [JEST ARGUMENTS]
#                             the suite with DEEPNTK_BACKEND=cuda where there is no GPU: over an addon that has all of the
#                             CUDA addon but the GPU, whose part the CPU plays (needs neither nvcc nor cuBLAS)
#   scripts/cuda.sh test      on a machine with a GPU, everything: the build, the device test, the suite on the GPU,
#                             compute-sanitizer, the benchmark, the paper's training study (npm run test:cuda)
#
# Needs nvcc (CUDA 12 or 13), cmake, a C++ compiler, OpenBLAS, and the headers of cuBLAS: those of the toolkit, or in the
# folder DEEPNTK_CUBLAS_INCLUDE, or of the package nvidia-cublas of a Python, installed or as a wheel on this disk.
# DEEPNTK_CUDA_ARCHITECTURES: as CMAKE_CUDA_ARCHITECTURES, e.g. 90.
# Exit status 2 where nvcc or the headers are missing, so that a caller can skip; 1 where something fails.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

say() { echo "cuda: $*"; }

# The folder of cublas_v2.h, on stdout; nothing where there is none.
cublas_include() {
  if [ -n "${DEEPNTK_CUBLAS_INCLUDE:-}" ]; then
    echo "$DEEPNTK_CUBLAS_INCLUDE"
    return
  fi
  local folder wheel
  for folder in "${CUDA_HOME:-}" "${CUDA_PATH:-}" "$(dirname "$(readlink -f "$(command -v nvcc)")")/.." /usr/local/cuda; do
    [ -f "$folder/include/cublas_v2.h" ] && { echo "$folder/include"; return; }
  done
  folder=$(python3 -c 'import glob, site, sys
paths = site.getsitepackages() + [site.getusersitepackages()] + sys.path
print(next((f[:-12] for p in paths for f in glob.glob(p + "/nvidia/*/include/cublas_v2.h")), ""))' 2>/dev/null)
  [ -n "$folder" ] && { echo "$folder"; return; }
  wheel=$(find "${DEEPNTK_WHEELS:-/}" -xdev -name 'nvidia_cublas*.whl' -not -path '/proc/*' -print -quit 2>/dev/null)
  [ -n "$wheel" ] || return
  # A zip file; only the headers are taken out of it.
  python3 - "$wheel" build-cuda-headers <<'PYTHON' && dirname "$(find "$PWD/build-cuda-headers" -name cublas_v2.h)"
import sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
archive.extractall(sys.argv[2], [name for name in archive.namelist() if name.endswith('.h')])
PYTHON
}

require_tools() {
  command -v nvcc >/dev/null || { say 'skipped: nvcc was not found'; exit 2; }
  include=$(cublas_include)
  [ -f "${include:-}/cublas_v2.h" ] || { say 'skipped: the headers of cuBLAS (cublas_v2.h) were not found'; exit 2; }
  say "$(nvcc --version | sed -n 's/.*release \([^,]*\),.*/nvcc \1/p'), headers of cuBLAS $(awk '/define CUBLAS_VER_(MAJOR|MINOR|PATCH)/ { printf "%s%s", sep, $3; sep = "." }' "$include/cublas_api.h")"
}

build() {
  npx cmake-js compile --out build-cuda --target deepntk_cuda --CDDEEPNTK_CUDA=ON "--CDDEEPNTK_CUBLAS_INCLUDE=$include" \
    ${DEEPNTK_CUDA_ARCHITECTURES:+"--CDCMAKE_CUDA_ARCHITECTURES=$DEEPNTK_CUDA_ARCHITECTURES"}
}

# The tests of native/, with the device test among them.
compile() {
  cmake -S . -B build-cuda-core -DCMAKE_BUILD_TYPE=Release -DDEEPNTK_CUDA=ON "-DDEEPNTK_CUBLAS_INCLUDE=$include" \
    ${DEEPNTK_CUDA_ARCHITECTURES:+"-DCMAKE_CUDA_ARCHITECTURES=$DEEPNTK_CUDA_ARCHITECTURES"} >/dev/null &&
    cmake --build build-cuda-core --parallel "$(nproc)" --target cuda_host_test cuda_device_test &&
    ctest --test-dir build-cuda-core --tests-regex '^cuda' --output-on-failure
}

stand_in() {
  npx cmake-js compile --out build-cuda-stand-in --target deepntk_cuda_stand_in --CDDEEPNTK_CUDA_STAND_IN=ON &&
    DEEPNTK_CUDA_ADDON="$PWD/build-cuda-stand-in/Release/deepntk_cuda_stand_in.node" DEEPNTK_BACKEND=cuda \
      DEEPNTK_REQUIRE_CUDA=1 npx jest "$@"
}

failures=()
# step NAME COMMAND...
step() {
  say "$1"
  "${@:2}" || { failures+=("$1"); say "FAILED: $1"; }
}

everything() {
  command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
  step 'TypeScript' npm run --silent build
  step 'the addon deepntk_cuda' build
  step 'the device test' compile
  ./build-cuda-core/cuda_device_test
  [ $? -eq 77 ] && { say 'no CUDA device: nothing below can run'; failures+=('a CUDA device'); return; }
  node dist/cli/main.js doctor --backend cuda
  step 'the suite with DEEPNTK_BACKEND=cuda' env DEEPNTK_BACKEND=cuda DEEPNTK_REQUIRE_CUDA=1 npx jest
  if command -v compute-sanitizer >/dev/null; then
    step 'compute-sanitizer memcheck' compute-sanitizer --tool memcheck --leak-check full --error-exitcode 1 ./build-cuda-core/cuda_device_test
    # Racecheck and synccheck are about shared memory and barriers: the conditional sampler's. Initcheck: what is read was written.
    for tool in racecheck synccheck initcheck; do
      step "compute-sanitizer $tool" compute-sanitizer --tool "$tool" --error-exitcode 1 ./build-cuda-core/cuda_device_test
    done
  else
    say 'compute-sanitizer was not found: not run'
    failures+=('compute-sanitizer')
  fi
  step 'the device test without graphs' env DEEPNTK_CUDA_GRAPHS=0 ./build-cuda-core/cuda_device_test
  step "the benchmark, and the paper's training study" node bench/cuda.js --study
}

case "${1:-}" in
  build) require_tools && build ;;
  compile) require_tools && compile ;;
  stand-in) stand_in "${@:2}" ;;
  test)
    require_tools
    everything
    [ ${#failures[@]} -eq 0 ] && say 'all passed' || { say "not passed: $(IFS=,; echo "${failures[*]}")"; exit 1; }
    ;;
  *)
    sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'
    exit 1
    ;;
esac
