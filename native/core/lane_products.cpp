// Compiled without contraction into fused multiply-adds (-ffp-contract=off), like all that has a twin.
#include "lane_products.hpp"

#include <algorithm>
#include <cmath>

#include "unroll.hpp"
#include "vector_products.hpp"
#include "vectors.hpp"

namespace deepntk {

#define DEEPNTK_TARGET
#define DEEPNTK_NAMESPACE portable
#if defined(__GNUC__)
#define DEEPNTK_LANES 2
#else
#define DEEPNTK_LANES 8
#endif
#define DEEPNTK_COLUMNS 3
#include "lane_products_loops.hpp"

#ifdef DEEPNTK_X86_VECTORS
#define DEEPNTK_TARGET __attribute__((target("avx512f")))
#define DEEPNTK_NAMESPACE avx512
#define DEEPNTK_LANES 8
#define DEEPNTK_COLUMNS 4
#include "lane_products_loops.hpp"

#define DEEPNTK_TARGET __attribute__((target("avx2")))
#define DEEPNTK_NAMESPACE avx2
#define DEEPNTK_LANES 4
#define DEEPNTK_COLUMNS 3
#include "lane_products_loops.hpp"
#endif

namespace {

#ifdef DEEPNTK_X86_VECTORS
#define DEEPNTK_VERSIONS(name) avx512::name, avx2::name, portable::name

template <auto withAvx512, auto withAvx2, auto withNone, typename... Arguments>
void call(Arguments... arguments) {
  switch (vectorSet()) {
    case VectorSet::avx512:
      return withAvx512(arguments...);
    case VectorSet::avx2:
      return withAvx2(arguments...);
    default:
      return withNone(arguments...);
  }
}
#else
#define DEEPNTK_VERSIONS(name) portable::name

template <auto function, typename... Arguments>
void call(Arguments... arguments) {
  function(arguments...);
}
#endif

}  // namespace

void multiply(std::size_t rows, std::size_t columns, std::size_t inner, ConstLaneMatrix a, ConstLaneMatrix b,
              LaneMatrix c, Entries entries, bool add) {
  call<DEEPNTK_VERSIONS(multiply)>(rows, columns, inner, a, b, c, entries, add);
}

void rectifyLanes(Pack* x, std::size_t count) {
  call<DEEPNTK_VERSIONS(rectifyLanes)>(x, count);
}

void gateLanes(const Pack* x, const Pack* values, bool spread, std::size_t units, std::size_t inputs,
               std::size_t chains, Pack* out) {
  call<DEEPNTK_VERSIONS(gateLanes)>(x, values, spread, units, inputs, chains, out);
}

void factorLanes(const Pack* a, std::size_t n, Pack* r, Pack* inverses) {
  call<DEEPNTK_VERSIONS(factorLanes)>(a, n, r, inverses);
}

void solveTransposed(const Pack* r, const Pack* inverses, std::size_t n, Pack* w, std::size_t columns) {
  call<DEEPNTK_VERSIONS(solveTransposed)>(r, inverses, n, w, columns);
}

void solveUpper(const Pack* r, const Pack* inverses, std::size_t n, Pack* w, std::size_t columns) {
  call<DEEPNTK_VERSIONS(solveUpper)>(r, inverses, n, w, columns);
}

}  // namespace deepntk
