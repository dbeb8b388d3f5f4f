#include "tasks.hpp"

#include <algorithm>
#include <type_traits>

namespace deepntk {

std::vector<std::size_t> widthsOf(const Object& from) {
  std::vector<std::size_t> widths = from.sizes("widths");
  if (widths.size() < 2) from.expected("widths", "at least two numbers");
  return widths;
}

// BLAS counts in 32-bit integers.
void expectFitsBlas(const Object& from, std::size_t longestRow) {
  if (longestRow > kMaxInt) from.fail("widths", "too large for BLAS");
}

KernelForm formOf(const Object& from) {
  return from.oneOf<KernelForm>("form", kKernelForms);
}

// n x width numbers.
const double* matrix(const Object& from, const char* name, std::size_t n, std::size_t width) {
  return from.array<double>(name, from.product({n, width})).data;
}

namespace {

constexpr const char* kPrecisions[] = {"float64", "mixed"};
enum class Precision { float64, mixed };

bool isMixed(const Object& from) {
  return from.oneOf<Precision>("precision", kPrecisions) == Precision::mixed;
}

void read(const Object& from, Network& network) {
  std::vector<std::size_t> widths = widthsOf(from);
  const std::size_t layers = widths.size() - 1;
  std::size_t parameters = 0;
  for (std::size_t l = 1; l <= layers; l++) {
    expectFitsBlas(from, widths[l] * widths[layers]);  // the deltas of all outputs at one layer
    parameters += from.product({widths[l], widths[l - 1] + 1});
    from.product({parameters});
  }
  const Object slopes = from.object("slopes");
  if (slopes.number("positive") != 1 || slopes.number("negative") != 0)
    from.expected("slopes", "positive 1, negative 0, because ReLU is the only supported activation");
  const Span<double> weightGains = from.array<double>("weightGains", layers);
  const Span<double> biasGains = from.array<double>("biasGains", layers);
  network = Network(std::move(widths), from.array<double>("parameters", parameters).data,
                    {weightGains.data, layers}, {biasGains.data, layers});
}

// One number for each layer.
Span<const double> layerNumbers(const Object& from, const char* name, std::size_t layers) {
  return {from.array<double>(name, layers).data, layers};
}

std::size_t kernelLength(const Object& from, std::size_t n, std::size_t n2, KernelForm form,
                         std::size_t outputs) {
  return from.product({n, n2, entriesOf(form, outputs)});
}

void read(const Object& from, FeatureShape& shape) {
  read(from.object("network"), shape.network);
  const std::size_t layers = shape.network.layers();
  shape.form = formOf(from);
  shape.weightTerms = layerNumbers(from, "weightTerms", layers);
  shape.biasTerms = layerNumbers(from, "biasTerms", layers);
  shape.group = from.integer("group", 1, 65536);
  // The numbers of one input must not overflow either.
  std::size_t perInput = 0;
  for (std::size_t l = 1; l <= layers; l++) {
    perInput += shape.network.width(l - 1) + from.product({shape.chains(), shape.network.width(l)});
    from.product({perInput});
  }
}

template <typename T>
void read(const Object& from, const FeatureShape& shape, FeatureBlock<T>& block) {
  const std::size_t perInput = shape.offset(shape.network.layers() + 1);
  block.n = from.count("n");
  block.values = from.array<std::remove_const_t<T>>("values", from.product({block.n, perInput})).data;
  if constexpr (std::is_const_v<T>) {
    constexpr std::int32_t kLargest = 1 << 28;  // sums of four of them do not overflow
    const auto exponents = from.copyForJob<std::int32_t>("exponents", shape.exponents(block.n));
    for (std::size_t i = 0; i < exponents.size; i++) {
      if (exponents[i] < -kLargest || exponents[i] > kLargest) from.expected("exponents", "-2^28 to 2^28");
    }
    block.exponents = exponents.data;
  } else {
    block.exponents = from.array<std::int32_t>("exponents", shape.exponents(block.n)).data;
  }
}

template <typename T>
void readTyped(const Object& from, FeaturesTask<T>& task) {
  read(from, task.shape);
  read(from.object("block"), task.shape, task.block);
  task.x = matrix(from, "x", task.block.n, task.shape.network.inputs());
}

template <typename T, typename Out>
void readTyped(const Object& from, GramTileTask<T, Out>& task) {
  read(from, task.shape);
  task.edge = from.count("edge");
  if (task.shape.group % task.edge != 0) from.expected("edge", "a divisor of the group");
  task.scale = from.number("scale");
  read(from.object("a"), task.shape, task.a);
  const bool symmetric = from.isNull("b");
  if (symmetric) {
    task.b = task.a;
  } else {
    read(from.object("b"), task.shape, task.b);
    if (task.b.values == task.a.values) from.expected("b", "null for the same block");
  }
  const std::size_t length =
      kernelLength(from, task.a.n, task.b.n, task.shape.form, task.shape.network.outputs());
  task.tile = from.array<Out>("tile", length).data;
  task.mirror = from.arrayOrNull<Out>("mirror", length);
  if (symmetric && task.mirror != nullptr) from.expected("mirror", "null on the diagonal");
}

template <typename T>
void readTyped(const Object& from, ProductsTask<T>& task) {
  read(from, task.shape);
  if (task.shape.form == KernelForm::sumOfLogits) from.expected("form", "a form with deltas of every output");
  read(from.object("block"), task.shape, task.block);
  task.directions = from.count("directions");
  constexpr const char* kProducts[] = {"apply", "add-transposed"};
  task.transposed = from.oneOf<int>("product", kProducts) == 1;
  task.rows =
      from.array<double>("rows", from.product({task.block.n, task.shape.chains(), task.directions})).data;
  task.columns =
      from.array<double>("columns", from.product({task.directions, task.shape.network.parameterCount()}))
          .data;
}

}  // namespace

void read(const Object& call, ForwardTask& task) {
  const Object from = call.object("task");
  read(from.object("network"), task.network);
  task.n = from.count("n");
  task.rowBlock = from.count("rowBlock");
  task.x = matrix(from, "x", task.n, task.network.inputs());
  task.outputs = call.array<double>("result", from.product({task.n, task.network.outputs()})).data;
}

void read(const Object& call, JacobianTask& task) {
  const Object from = call.object("task");
  read(from.object("network"), task.network);
  task.n = from.count("n");
  task.rowBlock = from.count("rowBlock");
  task.x = matrix(from, "x", task.n, task.network.inputs());
  task.weights = from.flags("weights", task.network.layers());
  task.biases = from.flags("biases", task.network.layers());
  task.jacobian =
      call.array<double>("result", from.product({task.n, task.network.outputs(), task.columns()})).data;
}

void read(const Object& call, KernelTask& task) {
  const Object from = call.object("task"), result = call.object("result"), blocks = from.object("blocks");
  read(from.object("network"), task.network);
  const std::size_t layers = task.network.layers();
  task.n = from.count("n");
  task.n2 = from.count("n2");
  task.x = matrix(from, "x", task.n, task.network.inputs());
  task.x2 = from.arrayOrNull<double>("x2", from.product({task.n2, task.network.inputs()}));
  if (task.x2 == nullptr && task.n2 != task.n) from.expected("n2", "n if x2 is null");
  task.form = formOf(from);
  task.weightTerms = layerNumbers(from, "weightTerms", layers);
  task.biasTerms = layerNumbers(from, "biasTerms", layers);
  task.mixed = isMixed(from);
  task.rowBlock = blocks.count("rows");
  task.gramEdge = blocks.count("gram");
  const std::size_t length = kernelLength(from, task.n, task.n2, task.form, task.network.outputs());
  task.kernel = result.array<double>("kernel", length).data;
  if (!from.boolean("perLayer")) return;
  task.weights = result.arrays("weights", length);
  task.biases = result.arrays("biases", length);
  if (task.weights.size() != layers || task.biases.size() != layers)
    result.expected("weights and biases", "an array for each layer");
}

void read(const Object& call, AnyFeaturesTask& task) {
  const Object from = call.object("task");
  if (isMixed(from)) task.emplace<FeaturesTask<float>>();
  std::visit([&](auto& typed) { readTyped(from, typed); }, task);
}

void read(const Object& call, AnyGramTileTask& task) {
  const Object from = call.object("task");
  const bool single = from.isFloat32Array("tile");
  if (isMixed(from)) {
    if (single)
      task.emplace<GramTileTask<float, float>>();
    else
      task.emplace<GramTileTask<float, double>>();
  } else if (single) {
    task.emplace<GramTileTask<double, float>>();
  }
  std::visit([&](auto& typed) { readTyped(from, typed); }, task);
}

void read(const Object& call, AnyProductsTask& task) {
  const Object from = call.object("task");
  if (isMixed(from)) task.emplace<ProductsTask<float>>();
  std::visit([&](auto& typed) { readTyped(from, typed); }, task);
}

void read(const Object& call, TrainTask& task) {
  const Object from = call.object("task"), network = from.object("network"), rule = from.object("optimizer");
  read(network, task.network);
  task.parameterCount = task.network.parameterCount();
  task.parameters = network.array<double>("parameters", task.parameterCount).data;
  task.biasGradients = from.boolean("biasGradients");
  const std::size_t n = from.count("n");
  task.x = matrix(from, "x", n, task.network.inputs());
  task.y = matrix(from, "y", n, task.network.outputs());
  task.loss = from.oneOf<Loss>("loss", kLosses);
  task.optimizer = {rule.oneOf<Optimizer::Name>("name", kOptimizers), rule.number("beta1"),
                    rule.number("beta2"), rule.number("epsilon")};
  const bool moves = task.optimizer.name != Optimizer::Name::gradientDescent;
  const bool adam = task.optimizer.name == Optimizer::Name::adam;
  const Object moments = from.object("moments");
  task.firstMoments = moments.array<double>("0", moves ? task.parameterCount : 0).data;
  task.secondMoments = moments.array<double>("1", adam ? task.parameterCount : 0).data;
  task.stepsBefore = from.integer("stepsBefore", 0, kMaxSafeInteger);
  const Span<double> rates = from.array<double>("learningRates");
  task.learningRates = {rates.data, rates.size};
  task.losses = from.array<double>("losses", rates.size).data;
  task.batchSizes = from.copyForJob<std::int32_t>("batchSizes", rates.size);
  const bool listed = !from.isNull("batchRows");
  std::size_t total = 0;
  for (std::size_t step = 0; step < task.batchSizes.size; step++) {
    const auto size = static_cast<std::size_t>(std::max(task.batchSizes[step], 0));
    if (size < 1 || size > n) from.expected("batchSizes", "numbers from 1 to n");
    if (!listed && size != n) from.expected("batchSizes", "n without batchRows");
    total += size;
  }
  if (listed) {
    task.batchRows = from.copyForJob<std::int32_t>("batchRows", total).data;
    for (std::size_t i = 0; i < total; i++) {
      const std::int32_t row = task.batchRows[i];
      if (row < 0 || static_cast<std::size_t>(row) >= n) from.expected("batchRows", "rows of x");
    }
  }
  task.gradients = from.arrays("gradients", task.parameterCount);
  if (task.gradients.empty()) from.expected("gradients", "at least one array");
  task.minSlotRows = from.count("minSlotRows");
  task.rowBlock = from.count("rowBlock");
}

}  // namespace deepntk
