// Random nets and inputs for the tests.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "../core/mlp.hpp"
#include "../core/normal.hpp"

namespace deepntk {

struct RandomNet {
  std::vector<std::size_t> widths;
  std::vector<double> parameters, weightGains, biasGains;

  // weights ~ N(0, weightVariance / fan-in), biases ~ N(0, .01); gains of 1, or with `gains` other ones.
  RandomNet(std::vector<std::size_t> sizes, std::uint64_t seed, double weightVariance = 2, bool gains = false)
      : widths(std::move(sizes)) {
    for (std::size_t l = 1; l < widths.size(); l++) {
      const std::size_t count = widths[l] * widths[l - 1], start = parameters.size();
      parameters.resize(start + count + widths[l]);
      const auto stream = static_cast<std::uint32_t>(2 * l);
      fillNormals({parameters.data() + start, count}, {seed, 0, stream},
                  std::sqrt(weightVariance / static_cast<double>(widths[l - 1])));
      fillNormals({parameters.data() + start + count, widths[l]}, {seed, 0, stream + 1}, 0.1);
      weightGains.push_back(gains ? 0.5 + 0.1 * static_cast<double>(l) : 1);
      biasGains.push_back(gains ? 1.5 - 0.1 * static_cast<double>(l) : 1);
    }
  }

  Network network() const {
    return Network(widths, parameters.data(), {weightGains.data(), weightGains.size()},
                   {biasGains.data(), biasGains.size()});
  }

  std::vector<double> inputs(std::size_t n, std::uint64_t seed) const {
    std::vector<double> x(n * widths.front());
    fillNormals({x.data(), x.size()}, {seed, 1, 0}, 1);
    return x;
  }
};

}  // namespace deepntk
