#!/bin/sh
# Builds the static OpenBLAS that goes into a prebuilt addon: sh scripts/build-openblas.sh PREFIX [SOURCE]
#
# Only what deepntk calls is in it: real matrices, no LAPACK, and the kernels of CPUs that are met today, chosen at run
# time. A distribution's library holds every CPU and complex numbers as well, and is several times as large.
# SOURCE is a folder with OpenBLAS's sources; without it the release below is cloned and its commit checked.
set -eu

version=0.3.28
commit=5ef8b1964658f9cb6a6324a06f6a1a022609b0c5

prefix=$1
source=${2:-}

if [ -z "$source" ]; then
  source=$(mktemp -d)
  trap 'rm -rf "$source"' EXIT
  git clone --quiet --depth 1 --branch "v$version" https://github.com/OpenMathLib/OpenBLAS.git "$source"
  [ "$(git -C "$source" rev-parse HEAD)" = "$commit" ] || { echo "build-openblas.sh: v$version is not $commit" >&2; exit 1; }
fi

case $(uname -m) in
  x86_64) base=PRESCOTT kernels='NEHALEM SANDYBRIDGE HASWELL ZEN SKYLAKEX COOPERLAKE SAPPHIRERAPIDS' ;;
  aarch64) base=ARMV8 kernels='ARMV8 CORTEXA53 CORTEXA57 NEOVERSEN1 NEOVERSEV1 NEOVERSEN2 ARMV8SVE' ;;
  *) echo "build-openblas.sh: no list of kernels for $(uname -m)" >&2; exit 1 ;;
esac

set -- TARGET=$base DYNAMIC_ARCH=1 "DYNAMIC_LIST=$kernels" \
  NO_SHARED=1 NOFORTRAN=1 NO_LAPACK=1 NO_LAPACKE=1 \
  BUILD_SINGLE=1 BUILD_DOUBLE=1 \
  USE_THREAD=1 USE_OPENMP=0 NUM_THREADS=64 \
  "CFLAGS=-ffunction-sections -fdata-sections"
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
make -C "$source" -j "$(getconf _NPROCESSORS_ONLN)" "$@" libs
make -C "$source" "$@" "PREFIX=$prefix" install
