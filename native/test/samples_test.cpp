// The samplers of kernels: the direct one against the structured kernel of the nets that it draws, the
// conditional one against the exact mean, and both against themselves with other threads and cuts.
#include <chrono>
#include <cmath>
#include <cstring>
#include <thread>
#include <vector>

#include "../core/kernel.hpp"
#include "cancel.hpp"
#include "check.hpp"
#include "sample_setting.hpp"

using namespace deepntk;

namespace {

const KernelForm kForms[] = {KernelForm::trace, KernelForm::full, KernelForm::diagonal,
                             KernelForm::sumOfLogits};

void directSamplesAreKernelsOfNets() {
  for (KernelForm form : kForms) {
    Setting setting({6, 13, 9, 17, 3}, 4, 3, form, 2, 0.3);
    const std::vector<double> samples = setting.sample(false, 2);
    for (std::size_t r = 0; r < setting.count; r++) {
      std::vector<double> parameters;
      for (std::size_t l = 1; l < setting.widths.size(); l++) {
        const std::size_t rows = setting.widths[l], size = rows * setting.widths[l - 1];
        const std::size_t start = parameters.size();
        parameters.resize(start + size + rows);
        const auto layer = static_cast<std::uint32_t>(l);
        fillNormals({parameters.data() + start, size}, {kSeed, kFirst + r, layer}, setting.deviations[l - 1]);
        fillNormals({parameters.data() + start + size, rows}, {kSeed, kFirst + r, (1u << 24) | layer},
                    setting.biasDeviations[l - 1]);
      }
      const std::size_t layers = setting.gains.size();
      const Network network(setting.widths, parameters.data(), {setting.gains.data(), layers},
                            {setting.gains.data(), layers});
      std::vector<double> kernel(setting.length(), 0.0);
      const KernelTask task{network,
                            setting.x.data(),
                            4,
                            nullptr,
                            4,
                            form,
                            {setting.terms.data(), layers},
                            {setting.terms.data(), layers},
                            false,
                            64,
                            64,
                            kernel.data(),
                            {},
                            {}};
      Run run;
      computeKernel(run, 1, task);
      double largest = 0;
      for (double value : kernel) largest = std::max(largest, std::abs(value));
      for (std::size_t i = 0; i < kernel.size(); i++) {
        CHECK_NEAR(samples[r * kernel.size() + i], kernel[i], 1e-13 * largest);
      }
    }
  }
}

void neitherThreadsNorCutsChangeABit() {
  for (bool conditional : {false, true}) {
    for (KernelForm form : kForms) {
      Setting setting({6, 13, 1, 17, 2}, 5, 21, form, 2, 0.1);
      const std::vector<double> whole = setting.sample(conditional, 1);
      CHECK(setting.sample(conditional, 2) == whole);
      CHECK(setting.sample(conditional, 7) == whole);
      const std::vector<double> tail = setting.sample(conditional, 2, 5);
      CHECK(tail == std::vector<double>(whole.begin() + static_cast<std::ptrdiff_t>(5 * setting.length()),
                                        whole.end()));
    }
  }
}

// Numbers of inputs and pairs that fill the tiles of the products and others that do not. The last group has
// few replicas.
void everyInstructionSetGivesTheSameBits() {
  std::uint64_t checksum = 0;
  for (std::size_t inputs : {1, 2, 3, 5, 11}) {
    for (KernelForm form : kForms) {
      Setting setting({6, 33, 40, 7, 3}, inputs, 19, form, 2, 0.1);
      for (double value : setting.sample(true, 1)) {
        std::uint64_t bits;
        std::memcpy(&bits, &value, sizeof bits);
        checksum = checksum * 31 + bits;
      }
    }
  }
  CHECK(checksum == 0xf6a06a8a687b5514);
}

// E Theta(x, x) = sum over l of (E X_{l-1} + 1) E D_l, times the number of outputs.
void conditionalSamplesHaveTheExactMean() {
  for (double biasVariance : {0.0, 0.4}) {
    Setting setting({6, 16, 20, 14, 2}, 3, 20'000, KernelForm::trace, 2.2, biasVariance);
    const std::vector<double> samples = setting.sample(true, 2);
    const std::size_t layers = setting.gains.size();
    for (std::size_t i = 0; i < 3; i++) {
      double activations = setting.gram[4 * i], exact = 0;
      for (std::size_t l = 1; l <= layers; l++) {
        exact += 2 * (activations + 1) * std::pow(1.1, static_cast<double>(layers - l));
        activations =
            static_cast<double>(setting.widths[l]) / 2 * (setting.scale[l - 1] * activations + biasVariance);
      }
      double mean = 0, square = 0;
      for (std::size_t r = 0; r < setting.count; r++) {
        const double value = samples[9 * r + 4 * i] / static_cast<double>(setting.count);
        mean += value;
        square += value * value * static_cast<double>(setting.count);
      }
      const double error = std::sqrt((square - mean * mean) / static_cast<double>(setting.count));
      CHECK_NEAR(mean, exact, 4 * error);
      CHECK(error < 0.02 * exact);
    }
  }
}

void depthIsNotBounded() {
  for (bool conditional : {false, true}) {
    std::vector<std::size_t> widths(5002, 24);
    widths.back() = 1;
    Setting setting(widths, 2, 2, KernelForm::trace, 4, 0);
    (void)setting.sample(conditional, 1);
    for (std::size_t r = 0; r < 2; r++) {
      CHECK(setting.exponents[r] > 3000);
      for (std::size_t i = 0; i < 4; i++)
        CHECK(setting.kernels[4 * r + i] > 0 && setting.kernels[4 * r + i] < 5e4);
    }
  }
}

void cancellationIsPrompt() {
  Setting setting({50, 300, 300, 300, 300, 1}, 8, 1'000'000, KernelForm::trace, 2, 0);
  setting.kernels.assign(setting.count * setting.length(), 0.0);
  setting.exponents.assign(setting.count, 0);
  const DirectTask task = setting.direct(0);
  checkCancellation([&](Run& run) { sampleDirect(run, 2, task); }, std::chrono::milliseconds(500));
}

}  // namespace

int main() {
  directSamplesAreKernelsOfNets();
  neitherThreadsNorCutsChangeABit();
  everyInstructionSetGivesTheSameBits();
  conditionalSamplesHaveTheExactMean();
  depthIsNotBounded();
  cancellationIsPrompt();
}
