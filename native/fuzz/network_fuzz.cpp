// Forward pass, Jacobian, kernel and training of small nets whose sizes, numbers and block sizes are the
// fuzzer's: whatever they are, no byte outside the arrays may be touched.
#include <stdexcept>
#include <vector>

#include "../core/jacobian.hpp"
#include "../core/kernel.hpp"
#include "../core/mlp.hpp"
#include "../core/training.hpp"
#include "bytes.hpp"

using namespace deepntk;

namespace {

struct Net {
  std::vector<std::size_t> widths;
  std::vector<double> parameters, weightGains, biasGains;

  explicit Net(Bytes& bytes) {
    const std::size_t layers = bytes.size(1, 5);
    for (std::size_t l = 0; l <= layers; l++) widths.push_back(bytes.size(1, l == layers ? 4 : 70));
    std::size_t count = 0;
    for (std::size_t l = 1; l <= layers; l++) count += widths[l] * (widths[l - 1] + 1);
    parameters = bytes.numbers(count);
    weightGains = bytes.numbers(layers);
    biasGains = bytes.numbers(layers);
  }

  Network network() const {
    return Network(widths, parameters.data(), {weightGains.data(), weightGains.size()},
                   {biasGains.data(), biasGains.size()});
  }
};

std::size_t blockOf(Bytes& bytes) {
  return bytes.rarely() ? static_cast<std::size_t>(std::numeric_limits<int>::max()) : bytes.size(1, 20);
}

void runForward(Bytes& bytes, Run& run, const Net& net, std::size_t n, const std::vector<double>& x) {
  std::vector<double> out(n * net.widths.back());
  forward(run, bytes.size(1, 2), net.network(), x.data(), n, blockOf(bytes), out.data());
}

void runJacobian(Bytes& bytes, Run& run, const Net& net, std::size_t n, const std::vector<double>& x) {
  const Network network = net.network();
  const auto weights = bytes.integers<unsigned char>(network.layers(), 0, 1);
  const auto biases = bytes.integers<unsigned char>(network.layers(), 0, 1);
  JacobianTask task{
      network, x.data(), n, blockOf(bytes), {weights.data(), weights.size()}, {biases.data(), biases.size()},
      nullptr};
  std::vector<double> jacobian(n * network.outputs() * task.columns());
  task.jacobian = jacobian.data();
  computeJacobian(run, bytes.size(1, 2), task);
}

void runKernel(Bytes& bytes, Run& run, const Net& net, std::size_t n, const std::vector<double>& x) {
  const Network network = net.network();
  const bool symmetric = bytes.flag();
  const std::size_t n2 = symmetric ? n : bytes.size(1, 40);
  const std::vector<double> x2 = bytes.numbers(symmetric ? 0 : n2 * network.inputs());
  const auto form = static_cast<KernelForm>(bytes.size(0, 3));
  const std::size_t K = network.outputs();
  const std::size_t length = n * n2 *
                             (form == KernelForm::full       ? K * K
                              : form == KernelForm::diagonal ? K
                                                             : 1);
  const std::vector<double> weightTerms = bytes.numbers(network.layers());
  const std::vector<double> biasTerms = bytes.numbers(network.layers());
  const bool parts = bytes.flag();
  std::vector<std::vector<double>> room(1 + (parts ? 2 * network.layers() : 0), std::vector<double>(length));
  std::vector<double*> weights, biases;
  for (std::size_t i = 1; i < room.size(); i++) (i % 2 == 1 ? weights : biases).push_back(room[i].data());
  const KernelTask task{network,
                        x.data(),
                        n,
                        symmetric ? nullptr : x2.data(),
                        n2,
                        form,
                        {weightTerms.data(), weightTerms.size()},
                        {biasTerms.data(), biasTerms.size()},
                        bytes.flag(),
                        blockOf(bytes),
                        blockOf(bytes),
                        room[0].data(),
                        weights,
                        biases,
                        static_cast<Compaction>(bytes.size(0, 2))};
  computeKernel(run, bytes.size(1, 2), task);
}

void runTraining(Bytes& bytes, Run& run, Net& net, std::size_t n, const std::vector<double>& x) {
  const Network network = net.network();
  const std::size_t count = net.parameters.size(), steps = bytes.size(0, 3), slots = bytes.size(1, 4);
  const auto name = static_cast<Optimizer::Name>(bytes.size(0, 2));
  std::vector<double> first(name == Optimizer::Name::gradientDescent ? 0 : count);
  std::vector<double> second(name == Optimizer::Name::adam ? count : 0);
  const std::vector<double> y = bytes.numbers(n * network.outputs()), rates = bytes.numbers(steps);
  const bool listed = bytes.flag();
  const auto last = static_cast<std::int32_t>(n);
  const auto sizes = bytes.integers<std::int32_t>(steps, listed ? 1 : last, last);
  std::size_t total = 0;
  for (std::int32_t size : sizes) total += static_cast<std::size_t>(size);
  const auto rows = bytes.integers<std::int32_t>(listed ? total : 0, 0, last - 1);
  std::vector<double> losses(steps);
  std::vector<std::vector<double>> room(slots, std::vector<double>(count));
  std::vector<double*> gradients;
  for (auto& gradient : room) gradients.push_back(gradient.data());
  takeSteps(run, bytes.size(1, 2),
            {network,
             net.parameters.data(),
             count,
             bytes.flag(),
             x.data(),
             y.data(),
             static_cast<Loss>(bytes.size(0, 1)),
             {name, bytes.number(), bytes.number(), bytes.number()},
             first.data(),
             second.data(),
             bytes.rarely() ? std::size_t{1} << 53 : bytes.size(0, 5),
             {rates.data(), steps},
             {sizes.data(), steps},
             listed ? rows.data() : nullptr,
             losses.data(),
             gradients,
             bytes.size(1, 9),
             blockOf(bytes)});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  const std::size_t operation = bytes.size(0, 3);
  Net net(bytes);
  const std::size_t n = bytes.size(1, 40);
  const std::vector<double> x = bytes.numbers(n * net.widths.front());
  Run run;
  if (bytes.rarely()) run.cancel();
  try {
    if (operation == 0) runForward(bytes, run, net, n, x);
    if (operation == 1) runJacobian(bytes, run, net, n, x);
    if (operation == 2) runKernel(bytes, run, net, n, x);
    if (operation == 3) runTraining(bytes, run, net, n, x);
  } catch (const Cancelled&) {
    // Asked for above.
  } catch (const std::range_error&) {
    // The net's activations leave the range of doubles: the error that its users get.
  }
  return 0;
}
