// A net, its data and the state of an optimizer, for the tests of training.
#pragma once

#include <vector>

#include "../core/training.hpp"
#include "random_net.hpp"

namespace deepntk {

struct TrainProblem {
  RandomNet net;
  std::size_t n;
  std::vector<double> x, y;
  Loss loss = Loss::meanSquared;
  Optimizer optimizer{Optimizer::Name::momentum, 0.9, 0.999, 1e-8};
  bool biasGradients = true;
  std::size_t slots = 3, minSlotRows = 4, rowBlock = 8, threads = 1;
  std::vector<double> first, second, losses;

  TrainProblem(std::vector<std::size_t> widths, std::size_t samples)
      : net(std::move(widths), 5, 2, true), n(samples), x(net.inputs(samples, 7)) {
    y.resize(n * net.widths.back());
    for (std::size_t i = 0; i < y.size(); i++) y[i] = 0.25 + 0.5 * static_cast<double>(i % 2);
    first.assign(net.parameters.size(), 0);
    second.assign(net.parameters.size(), 0);
  }

  // Steps of batches of these sizes, taken by a function of the task. `rows` as in TrainTask; empty: all
  // rows.
  template <typename Take>
  void takeBy(const Take& takeSteps, const std::vector<double>& rates, const std::vector<std::int32_t>& sizes,
              const std::vector<std::int32_t>& rows = {}) {
    const Network network = net.network();
    std::vector<std::vector<double>> room(slots, std::vector<double>(net.parameters.size()));
    std::vector<double*> gradients;
    for (auto& gradient : room) gradients.push_back(gradient.data());
    losses.assign(sizes.size(), 0);
    takeSteps(TrainTask{network,
                        net.parameters.data(),
                        net.parameters.size(),
                        biasGradients,
                        x.data(),
                        y.data(),
                        loss,
                        optimizer,
                        first.data(),
                        second.data(),
                        0,
                        {rates.data(), rates.size()},
                        {sizes.data(), sizes.size()},
                        rows.empty() ? nullptr : rows.data(),
                        losses.data(),
                        gradients,
                        minSlotRows,
                        rowBlock});
  }

  void take(const std::vector<double>& rates, const std::vector<std::int32_t>& sizes,
            const std::vector<std::int32_t>& rows = {}) {
    Run run;
    takeBy([&](const TrainTask& task) { takeSteps(run, threads, task); }, rates, sizes, rows);
  }
};

}  // namespace deepntk
