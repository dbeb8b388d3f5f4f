#include "cuda.hpp"
#include "features.hpp"
#include "gradients.hpp"
#include "gram_tile.hpp"
#include "lease.hpp"

namespace deepntk::cuda {

template <typename T>
void computeFeatures(Run& run, const FeatureShape& shape, const double* x, FeatureBlock<T> block) {
  const MixedMode mode = mixedMode();
  const Lease lease(run);
  computeFeatures(run, lease.device(), mode.arithmetic, shape, x, block);
}

template <typename T, typename Out>
void computeGramTile(Run& run, const FeatureShape& shape, FeatureBlock<const T> a, FeatureBlock<const T> b,
                     double scale, Out* tile, Out* mirror) {
  const MixedMode mode = mixedMode();
  const Lease lease(run);
  computeGramTile(run, lease.device(), mode.arithmetic, shape, a, b, scale, tile, mirror);
}

template <typename T>
void addGradients(Run& run, const FeatureShape& shape, FeatureBlock<const T> block, std::size_t directions,
                  const double* coefficients, double* gradients) {
  const MixedMode mode = mixedMode();
  const Lease lease(run);
  GradientProducts(run, lease.device(), mode.arithmetic, shape, block, directions)
      .addGradients(coefficients, gradients);
}

template <typename T>
void contractGradients(Run& run, const FeatureShape& shape, FeatureBlock<const T> block,
                       std::size_t directions, const double* vectors, double* products) {
  const MixedMode mode = mixedMode();
  const Lease lease(run);
  GradientProducts(run, lease.device(), mode.arithmetic, shape, block, directions)
      .contractGradients(vectors, products);
}

DEEPNTK_INSTANTIATE_FEATURES(double)
DEEPNTK_INSTANTIATE_FEATURES(float)

}  // namespace deepntk::cuda
