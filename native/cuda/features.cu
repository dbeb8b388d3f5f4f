#include "../addon/compute.hpp"
#include "features.hpp"
#include "gradients.hpp"
#include "gram_tile.hpp"
#include "lease.hpp"

namespace deepntk::compute {

void features(Run& run, std::size_t, const AnyFeaturesTask& any) {
  const cuda::Arithmetic arithmetic = cuda::mixedMode().arithmetic;
  const cuda::Lease lease(run);
  std::visit(
      [&](const auto& task) {
        cuda::computeFeatures(run, lease.device(), arithmetic, task.shape, task.x, task.block);
      },
      any);
}

void gramTile(Run& run, std::size_t, const AnyGramTileTask& any) {
  const cuda::Arithmetic arithmetic = cuda::mixedMode().arithmetic;
  const cuda::Lease lease(run);
  std::visit(
      [&](const auto& task) {
        cuda::computeGramTile(run, lease.device(), arithmetic, task.shape, task.a, task.b, task.scale,
                              task.tile, task.mirror);
      },
      any);
}

void products(Run& run, std::size_t, const AnyProductsTask& any) {
  const cuda::Arithmetic arithmetic = cuda::mixedMode().arithmetic;
  const cuda::Lease lease(run);
  std::visit(
      [&](const auto& task) {
        cuda::GradientProducts products(run, lease.device(), arithmetic, task.shape, task.block,
                                        task.directions);
        if (task.transposed) {
          products.addGradients(task.rows, task.columns);
        } else {
          products.contractGradients(task.columns, task.rows);
        }
      },
      any);
}

}  // namespace deepntk::compute
