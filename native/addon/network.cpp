#include "network.hpp"

#include <limits>
#include <utility>

namespace deepntk {

namespace {

constexpr std::size_t kMaxInt = std::numeric_limits<int>::max();

}  // namespace

Network readNetwork(Arguments& arguments) {
  std::vector<std::size_t> widths = arguments.sizes("widths");
  if (widths.size() < 2) arguments.fail("widths: expected at least two numbers");
  const std::size_t layers = widths.size() - 1;
  std::size_t parameters = 0;
  for (std::size_t l = 1; l <= layers; l++) {
    parameters += product(arguments.env(), {widths[l], widths[l - 1] + 1});
    product(arguments.env(), {parameters});
    // BLAS counts in 32-bit integers; the longest row that it sees is the deltas of all outputs at one layer.
    if (product(arguments.env(), {widths[l], widths[layers]}) > kMaxInt)
      arguments.fail("widths: too large for BLAS");
  }
  const double* const values = arguments.float64("parameters", parameters).data;
  const Span<double> weightGains = arguments.float64("weightGains", layers);
  const Span<double> biasGains = arguments.float64("biasGains", layers);
  return Network(std::move(widths), values, {weightGains.data, layers}, {biasGains.data, layers});
}

}  // namespace deepntk
