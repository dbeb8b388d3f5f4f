#include "compaction.hpp"

namespace deepntk {

namespace {

bool pays(std::size_t kept, std::size_t width, const LayerWork& work, double flopsPerGather) {
  const double dropped = static_cast<double>(width - kept);
  const double forwardFlops = 2.0 * work.inputs * work.widthAbove;
  const double backwardFlops = 2.0 * work.deltaRows * (work.widthAbove + work.widthBelow);
  // The activations are moved once, the weights above once forward and once backward, the weights below
  // backward.
  const double gathered =
      static_cast<double>(kept) *
      (work.inputs + work.widthAbove + (work.deltaRows > 0 ? work.widthAbove + work.widthBelow : 0));
  return dropped * (forwardFlops + backwardFlops + work.gramFlopsPerUnit) > gathered * flopsPerGather;
}

}  // namespace

Units chooseUnits(const std::vector<double>& sums, const LayerWork& work, Compaction compaction,
                  double flopsPerGather) {
  Units units;
  units.width = sums.size();
  if (compaction == Compaction::never) return units;
  for (std::size_t j = 0; j < sums.size(); j++) {
    if (sums[j] != 0) units.kept.push_back(static_cast<std::uint32_t>(j));
  }
  units.all =
      units.kept.size() == sums.size() ||
      (compaction == Compaction::whereItPays && !pays(units.kept.size(), sums.size(), work, flopsPerGather));
  return units;
}

}  // namespace deepntk
