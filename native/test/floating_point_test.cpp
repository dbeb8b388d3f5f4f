// Whatever floating-point mode the host's thread is in: results are the same, and the mode and the threads of
// BLAS are left as found, also by work that throws or is cancelled.
#include "../core/floating_point.hpp"

#include <cfenv>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "../core/blas.hpp"
#include "../core/direct.hpp"
#include "../core/features.hpp"
#include "../core/jacobian.hpp"
#include "../core/kernel.hpp"
#include "../core/mlp.hpp"
#include "../core/run.hpp"
#include "../core/training.hpp"
#include "check.hpp"
#include "random_net.hpp"

using namespace deepntk;

namespace {

struct Mode {
  int rounding;
  bool flushing;  // of denormal numbers, to zero
};

const std::vector<Mode> kModes = {{FE_TONEAREST, false},  {FE_UPWARD, false},   {FE_DOWNWARD, false},
                                  {FE_TOWARDZERO, false}, {FE_TONEAREST, true}, {FE_UPWARD, true}};

void set(const Mode& mode) {
  std::fesetround(mode.rounding);
#ifdef DEEPNTK_MODE_IN_MXCSR
  constexpr unsigned kFlush = 0x8040;  // FTZ and DAZ
  _mm_setcsr(mode.flushing ? _mm_getcsr() | kFlush : _mm_getcsr() & ~kFlush);
#endif
}

// What the thread does now, by its results; nothing is known when this is compiled.
struct Behaviour {
  double up, down, denormal;
  int rounding;

  bool operator==(const Behaviour& other) const {
    return up == other.up && down == other.down && denormal == other.denormal && rounding == other.rounding;
  }
};

Behaviour behaviour() {
  volatile double one = 1, small = std::ldexp(1.0, -60), least = std::numeric_limits<double>::min(),
                  half = 0.5;
  return {one + small, one - small, least * half, std::fegetround()};
}

const RandomNet& net() {
  static const RandomNet instance({20, 30, 25, 3}, 4, 2, true);
  return instance;
}

constexpr std::size_t kInputs = 40;

// All that the test itself computes is computed before the mode changes.
struct Given {
  std::vector<double> x = net().inputs(kInputs, 3);
  std::vector<double> weights, biases;

  Given() {
    for (std::size_t l = 0; l < net().weightGains.size(); l++) {
      weights.push_back(net().weightGains[l] * net().weightGains[l]);
      biases.push_back(net().biasGains[l] * net().biasGains[l]);
    }
  }
};

const Given& given() {
  static const Given instance;
  return instance;
}

std::vector<double> kernelIn(Run& run, bool mixed) {
  const Network network = net().network();
  std::vector<double> kernel(kInputs * kInputs, 0.0);
  computeKernel(run, 3,
                {network,
                 given().x.data(),
                 kInputs,
                 nullptr,
                 kInputs,
                 KernelForm::trace,
                 {given().weights.data(), given().weights.size()},
                 {given().biases.data(), given().biases.size()},
                 mixed,
                 7,
                 8,
                 kernel.data(),
                 {},
                 {}});
  return kernel;
}

std::vector<double> jacobianIn(Run& run) {
  const Network network = net().network();
  const std::vector<unsigned char> all(network.layers(), 1);
  JacobianTask task{network, given().x.data(), kInputs, 7, {all.data(), all.size()}, {all.data(), all.size()},
                    nullptr};
  std::vector<double> jacobian(kInputs * network.outputs() * task.columns());
  task.jacobian = jacobian.data();
  computeJacobian(run, 3, task);
  return jacobian;
}

// Features in float32, a product with the transposed Jacobian and one with the Jacobian.
std::vector<double> productsIn(Run& run) {
  const Network network = net().network();
  const FeatureShape shape{network,
                           KernelForm::trace,
                           {given().weights.data(), given().weights.size()},
                           {given().biases.data(), given().biases.size()},
                           16};
  std::vector<float> values(kInputs * shape.offset(network.layers() + 1));
  std::vector<std::int32_t> exponents(shape.exponents(kInputs));
  const FeatureBlock<float> block{values.data(), kInputs, exponents.data()};
  computeFeatures<float>(run, 3, shape, given().x.data(), block);
  const FeatureBlock<const float> features{values.data(), kInputs, exponents.data()};
  std::vector<double> coefficients(kInputs * network.outputs(), 0.1), gradient(net().parameters.size(), 0.0);
  addGradients<float>(run, 3, shape, features, 1, coefficients.data(), gradient.data());
  contractGradients<float>(run, 3, shape, features, 1, gradient.data(), coefficients.data());
  return coefficients;
}

std::vector<double> trainingIn(Run& run) {
  RandomNet copy = net();
  const Network network = copy.network();
  const std::vector<double> y(kInputs * network.outputs(), 0.3);
  const std::vector<double> rates(5, 1e-3);
  const std::vector<std::int32_t> sizes(5, kInputs);
  std::vector<double> first(copy.parameters.size(), 0.0), second(first), losses(5), gradient(first);
  takeSteps(run, 3,
            {network,
             copy.parameters.data(),
             copy.parameters.size(),
             true,
             given().x.data(),
             y.data(),
             Loss::meanSquared,
             {Optimizer::Name::adam, 0.9, 0.999, 1e-8},
             first.data(),
             second.data(),
             0,
             {rates.data(), rates.size()},
             {sizes.data(), sizes.size()},
             nullptr,
             losses.data(),
             {gradient.data()},
             8,
             8});
  return copy.parameters;
}

std::vector<double> normalsIn(Run&) {
  std::vector<double> normals(1000);
  fillNormals({normals.data(), normals.size()}, {1, 2, 3}, 1e-310);  // denormal numbers
  return normals;
}

// Denormal numbers in the bodies of a loop, on every thread of the team.
std::vector<double> denormalsIn(Run& run) {
  Team team(run, 4);
  std::vector<double> halves(1000);
  team.parallelFor(halves.size(), [&](std::size_t i, std::size_t) {
    volatile double least = std::numeric_limits<double>::min(), third = 1.0 / 3;
    halves[i] = least * third + static_cast<double>(i) * third;
  });
  return halves;
}

using Work = std::function<std::vector<double>(Run&)>;

const std::vector<Work> kWork = {[](Run& run) { return kernelIn(run, false); },
                                 [](Run& run) { return kernelIn(run, true); },
                                 jacobianIn,
                                 productsIn,
                                 trainingIn,
                                 normalsIn,
                                 denormalsIn};

void resultsDoNotDependOnTheModeOfTheHost() {
  for (const Work& work : kWork) {
    set(kModes[0]);
    given();
    Run first;
    const std::vector<double> expected = work(first);
    for (const Mode& mode : kModes) {
      set(mode);
      const Behaviour found = behaviour();
      const int threads = describeBlas().threads;
      Run run;
      const std::vector<double> result = work(run);
      const Behaviour left = behaviour();
      set(kModes[0]);
      CHECK(left == found);
      CHECK(describeBlas().threads == threads);
      CHECK(result == expected);
    }
  }
}

// If the modes changed nothing, the test above would show nothing.
void theModesDiffer() {
  std::vector<Behaviour> seen;
  for (const Mode& mode : kModes) {
    set(mode);
    seen.push_back(behaviour());
  }
  set(kModes[0]);
  CHECK(seen[1].up > 1 && seen[0].up == 1);
  CHECK(seen[2].down < 1 && seen[0].down == 1);
  CHECK(seen[0].denormal > 0);
#ifdef DEEPNTK_MODE_IN_MXCSR
  CHECK(seen[4].denormal == 0);
#endif
}

void workThatThrowsOrIsCancelledLeavesTheModeAsFound() {
  for (const Mode& mode : kModes) {
    set(mode);
    const Behaviour found = behaviour();
    const int threads = describeBlas().threads;
    bool thrown = false, cancelled = false, refused = false;
    try {
      Run run;
      Team team(run, 3);
      team.parallelFor(50, [](std::size_t i, std::size_t) {
        if (i == 17) throw std::runtime_error("seventeen");
      });
    } catch (const std::runtime_error&) {
      thrown = true;
    }
    const Behaviour afterThrow = behaviour();
    try {
      Run run;
      Team team(run, 3);
      team.parallelFor(50, [&](std::size_t i, std::size_t) {
        if (i == 17) run.cancel();
      });
    } catch (const Cancelled&) {
      cancelled = true;
    }
    const Behaviour afterCancel = behaviour();
    {
      Run holder, waiter;
      const Team all(holder, 100000);
      waiter.cancel();
      try {
        Team team(waiter, 1);  // there is no thread for it, and it is cancelled while it waits
      } catch (const Cancelled&) {
        refused = true;
      }
    }
    const Behaviour afterWait = behaviour();
    set(kModes[0]);
    CHECK(thrown && cancelled && refused);
    CHECK(afterThrow == found && afterCancel == found && afterWait == found);
    CHECK(describeBlas().threads == threads);
  }
}

}  // namespace

int main() {
  theModesDiffer();
  resultsDoNotDependOnTheModeOfTheHost();
  workThatThrowsOrIsCancelledLeavesTheModeAsFound();
}
