#!/usr/bin/env bash
# native/core under sanitizers, with clang: its tests under AddressSanitizer with UndefinedBehaviorSanitizer, and under
# ThreadSanitizer; then, for FUZZ_SECONDS (default 10) each, libFuzzer on hostile nets and on hostile plans of the chain,
# from the corpus in build-asan/corpus, which grows from run to run; then the addon, its argument checks and jobs, under
# AddressSanitizer in Node. Any report ends the script with a status other than 0.
#
# No suppressions: OpenBLAS runs on one thread (OPENBLAS_NUM_THREADS=1), as it does in every job of ours, because its own
# threads synchronize by means that ThreadSanitizer does not see. What it does to memory is not instrumented.
set -euo pipefail
cd "$(dirname "$0")/.."

export OPENBLAS_NUM_THREADS=1
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:allocator_may_return_null=0
export UBSAN_OPTIONS=print_stacktrace=1
seconds=${FUZZ_SECONDS:-10}

build() {
  local folder=$1
  shift
  cmake -S . -B "$folder" -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=Release "$@" >/dev/null
  cmake --build "$folder" --parallel "$(nproc)" | grep -E 'warning|error' || true
}

echo '--- AddressSanitizer and UndefinedBehaviorSanitizer'
build build-asan -DDEEPNTK_SANITIZE=address,undefined,float-cast-overflow -DDEEPNTK_FUZZ=ON
ctest --test-dir build-asan --output-on-failure

echo '--- ThreadSanitizer'
build build-tsan -DDEEPNTK_SANITIZE=thread
ctest --test-dir build-tsan --output-on-failure

for target in network chain; do
  echo "--- libFuzzer: $target, $seconds s"
  mkdir -p "build-asan/corpus/$target"
  "build-asan/${target}_fuzz" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -max_len=1024 -print_final_stats=1 \
    -verbosity=0 -artifact_prefix=build-asan/ "build-asan/corpus/$target" native/fuzz/findings/"$target" 2>&1 | grep -vE "NEW_FUNC|\" # Uses|ecommended dictionary"
done

echo '--- the addon under AddressSanitizer'
node scripts/sanitize-addon.js --seconds "$seconds"
echo 'no reports'
