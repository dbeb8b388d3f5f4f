// Included by elementwise.cpp once for each target: plain loops, which compilers vectorize.

void rectify(MatrixView<double> h, const Layer& layer, double* columnSums) {
  const double* const biases = layer.biases;
  const double gain = layer.biasGain;
  const std::size_t columns = h.columns;
  for (std::size_t i = 0; i < h.rows; i++) {
    double* const row = h.row(i);
    for (std::size_t j = 0; j < columns; j++) {
      const double value = row[j] + gain * biases[j];
      const double positive = value <= 0 ? 0 : value;
      row[j] = positive;
      columnSums[j] += positive;
    }
  }
}

void rectifyRow(double* h, const double* biases, double gain, std::size_t size) {
  for (std::size_t j = 0; j < size; j++) {
    const double value = h[j] + gain * biases[j];
    h[j] = value > 0 ? value : 0;
  }
}

void countOpen(MatrixView<const double> h, std::uint32_t* counts) {
  for (std::size_t i = 0; i < h.rows; i++) {
    const double* const row = h.row(i);
    for (std::size_t j = 0; j < h.columns; j++) counts[j] += row[j] > 0 ? 1 : 0;
  }
}

void gateRow(const double* activation, const double* from, double* to, std::size_t size) {
  for (std::size_t j = 0; j < size; j++) to[j] = activation[j] > 0 ? from[j] : 0;
}

// Magnitudes are compared as integers. Compilers vectorize that, and the order is the same as that of floats.
float gateRow(const float* activation, const float* from, float* to, std::size_t size) {
  std::int32_t largest = 0;
  for (std::size_t j = 0; j < size; j++) {
    const float value = activation[j] > 0 ? from[j] : 0;
    to[j] = value;
    std::int32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    bits &= 0x7fffffff;
    largest = bits > largest ? bits : largest;
  }
  float result;
  std::memcpy(&result, &largest, sizeof result);
  return result;
}

void narrow(const double* from, double scale, float* to, std::size_t size) {
  constexpr float tiny = std::numeric_limits<float>::min();
  for (std::size_t j = 0; j < size; j++) {
    const float value = static_cast<float>(from[j] * scale);
    to[j] = value == 0 && from[j] > 0 ? tiny : value;
  }
}

template <typename T>
void addProducts(const T* activations, const T* deltas, double weightTerm, double biasTerm, double* kernel,
                 std::size_t size) {
  for (std::size_t j = 0; j < size; j++) {
    const double delta = static_cast<double>(deltas[j]);
    const double weightPart = weightTerm * static_cast<double>(activations[j]) * delta;
    kernel[j] += weightPart + biasTerm * delta;
  }
}

double largestMagnitude(const double* values, std::size_t size) {
  double largest = 0;
  for (std::size_t i = 0; i < size; i++) {
    const double magnitude = values[i] < 0 ? -values[i] : values[i];
    largest = magnitude > largest ? magnitude : largest;
  }
  return largest;
}

void interleave(const double* even, const double* odd, std::size_t size, double factor, double* out) {
  for (std::size_t i = 0; i < size; i++) {
    out[2 * i] = even[i] * factor;
    out[2 * i + 1] = odd[i] * factor;
  }
}

void addScaled(double* sum, double factor, const double* values, std::size_t size) {
  for (std::size_t i = 0; i < size; i++) sum[i] += factor * values[i];
}

void adam(const AdamStep& step, const double* gradient, double* first, double* second, double* parameters,
          std::size_t size) {
  const double beta1 = step.beta1, beta2 = step.beta2, epsilon = step.epsilon;
  const double stepSize = step.stepSize, correction2 = step.correction2;
  for (std::size_t i = 0; i < size; i++) {
    first[i] = beta1 * first[i] + (1 - beta1) * gradient[i];
    second[i] = beta2 * second[i] + (1 - beta2) * gradient[i] * gradient[i];
    parameters[i] -= stepSize * first[i] / (std::sqrt(second[i] / correction2) + epsilon);
  }
}
