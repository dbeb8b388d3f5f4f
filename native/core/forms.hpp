// The forms of a kernel: which entries of the K x K block of two inputs are computed. The twin is
// src/backend/forms.ts.
#pragma once

#include <cstddef>

namespace deepntk {

enum class KernelForm { trace, full, diagonal, sumOfLogits };

// The names of the forms in a task, in the order of the enumeration.
constexpr const char* kKernelForms[] = {"trace", "full", "diagonal", "sum-of-logits"};

// Rows of deltas of one input: K, or 1 for the sum of logits.
constexpr std::size_t chainsOf(KernelForm form, std::size_t outputs) {
  return form == KernelForm::sumOfLogits ? 1 : outputs;
}

// Numbers of a pair of inputs: 1, K or K^2.
constexpr std::size_t entriesOf(KernelForm form, std::size_t outputs) {
  return form == KernelForm::full ? outputs * outputs : form == KernelForm::diagonal ? outputs : 1;
}

}  // namespace deepntk
