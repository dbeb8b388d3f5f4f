#include "training.hpp"

#include <limits>
#include <memory>
#include <vector>

#include "compute.hpp"
#include "job.hpp"
#include "network.hpp"

namespace deepntk {

namespace {

constexpr std::size_t kMaxInt = std::numeric_limits<int>::max();

// The steps' batches. Their arrays may be shared with other threads: these are copies, checked, that nobody
// can change.
struct Batches {
  std::vector<std::int32_t> sizes;
  std::vector<std::int32_t> rows;  // empty: all of x, every time
};

Batches readBatches(Arguments& arguments, std::size_t steps, std::size_t n) {
  const Span<std::int32_t> sizes = arguments.int32("batchSizes", steps);
  Batches batches{{sizes.data, sizes.data + steps}, {}};
  const bool listed = !arguments.isNull("batchRows");
  std::size_t total = 0;
  for (const std::int32_t size : batches.sizes) {
    if (size < 1 || static_cast<std::size_t>(size) > n)
      arguments.fail("batchSizes: expected numbers from 1 to n");
    if (!listed && static_cast<std::size_t>(size) != n)
      arguments.fail("batchSizes: expected n without batchRows");
    total += size;
  }
  if (!listed) return batches;
  const Span<std::int32_t> rows = arguments.int32("batchRows", total);
  batches.rows.assign(rows.data, rows.data + total);
  for (const std::int32_t row : batches.rows) {
    if (row < 0 || static_cast<std::size_t>(row) >= n) arguments.fail("batchRows: expected rows of x");
  }
  return batches;
}

}  // namespace

Napi::Value startTraining(const Napi::CallbackInfo& info) {
  Arguments arguments(info, {"widths",
                             "parameters",
                             "weightGains",
                             "biasGains",
                             "x",
                             "y",
                             "n",
                             "threads",
                             "loss",
                             "biasGradients",
                             "optimizer",
                             "beta1",
                             "beta2",
                             "epsilon",
                             "firstMoments",
                             "secondMoments",
                             "stepsBefore",
                             "steps",
                             "learningRates",
                             "batchSizes",
                             "batchRows",
                             "losses",
                             "slots",
                             "minSlotRows",
                             "rowBlock",
                             "gradients"});
  const auto network = std::make_shared<const Network>(readNetwork(arguments));
  std::size_t parameterCount = 0;
  for (std::size_t l = 1; l <= network->layers(); l++)
    parameterCount += network->width(l) * (network->width(l - 1) + 1);
  const std::size_t n = arguments.integer("n", 1, kMaxInt);
  const std::size_t threads = arguments.integer("threads", 1, kMaxInt);
  const std::size_t steps = arguments.integer("steps", 0, kMaxInt);
  const auto optimizer = static_cast<Optimizer::Name>(arguments.integer("optimizer", 0, 2));
  const std::size_t first = optimizer == Optimizer::Name::gradientDescent ? 0 : parameterCount;
  const std::size_t second = optimizer == Optimizer::Name::adam ? parameterCount : 0;
  const auto batches = std::make_shared<const Batches>(readBatches(arguments, steps, n));
  if (arguments.isNull("gradients")) arguments.fail("gradients: expected an array");
  const Span<double> learningRates = arguments.float64("learningRates", steps);
  const TrainTask task{
      *network,
      arguments.float64("parameters", parameterCount).data,
      parameterCount,
      arguments.boolean("biasGradients"),
      arguments.float64("x", product(info.Env(), {n, network->inputs()})).data,
      arguments.float64("y", product(info.Env(), {n, network->outputs()})).data,
      static_cast<Loss>(arguments.integer("loss", 0, 1)),
      {optimizer, arguments.number("beta1"), arguments.number("beta2"), arguments.number("epsilon")},
      arguments.float64("firstMoments", first).data,
      arguments.float64("secondMoments", second).data,
      arguments.integer("stepsBefore", 0, std::size_t{1} << 53),
      {learningRates.data, steps},
      {batches->sizes.data(), steps},
      batches->rows.empty() ? nullptr : batches->rows.data(),
      arguments.float64("losses", steps).data,
      arguments.float64List("gradients", arguments.integer("slots", 1, kMaxInt), parameterCount),
      arguments.integer("minSlotRows", 1, kMaxInt),
      arguments.integer("rowBlock", 1, kMaxInt)};
  return Job::start(info.Env(), info[1], arguments.takeReferences(),
                    [network, batches, task, threads](Run& run) { compute::training(run, threads, task); });
}

}  // namespace deepntk
