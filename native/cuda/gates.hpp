// Nets whose activations all but leave the range of doubles are refused, as by native/core (expectGates): the
// largest of every layer is noted on the device, and looked at when the host waits for it anyway.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "../core/activations.hpp"
#include "kernels.hpp"

namespace deepntk::cuda {

// Of groups of consecutive inputs, layer by layer.
template <typename Device>
class LargestActivations {
 public:
  LargestActivations(Device& device, std::size_t groups, std::size_t layers)
      : device_(device), layers_(layers), largest_(device, groups * layers) {
    largest_.clear();
  }

  // x^l of all inputs, `group` of them to each group.
  void note(std::size_t l, const double* values, std::size_t rows, std::size_t width, std::size_t group) {
    device_.forEach(stripsOfGroups(rows, group), width,
                    GroupMagnitude<double>{values, rows, width, group, of(l), layers_});
  }
  // Of the first group; those of the others follow at steps of `layers`. As bits, on the device.
  std::uint64_t* of(std::size_t l) const { return largest_.data() + l; }

  // Waits for what was noted.
  void expectGates() const {
    const std::vector<std::uint64_t> bits = largest_.toHost();
    for (std::size_t i = 0; i < bits.size(); i++) {
      if (i % layers_ > 0) deepntk::expectGates(fromBits(bits[i]), i % layers_);
    }
  }

 private:
  Device& device_;
  std::size_t layers_;
  DeviceArray<Device, std::uint64_t> largest_;
};

}  // namespace deepntk::cuda
