// The part of the vocabulary that is the same for every target. Vectors have kVectorBytes bytes. They add,
// subtract and multiply with the operators of numbers. Compilers without vector types (MSVC) get vectors of
// one lane, which are plain numbers.

#if defined(DEEPNTK_VECTOR_TYPES)
typedef double Doubles __attribute__((vector_size(kVectorBytes)));
typedef float Floats __attribute__((vector_size(kVectorBytes)));
typedef std::uint64_t Words __attribute__((vector_size(kVectorBytes)));
#else
using Doubles = double;
using Floats = float;
using Words = std::uint64_t;
#endif

template <typename T>
struct VectorOf;
template <>
struct VectorOf<double> {
  typedef Doubles type;
};
template <>
struct VectorOf<float> {
  typedef Floats type;
};
template <typename T>
using Vector = typename VectorOf<T>::type;

template <typename T>
constexpr std::size_t kLanes = sizeof(Vector<T>) / sizeof(T);

// `value` in all lanes. The compiler leaves the subtraction out: x - 0 is x for every x, unlike x + 0.
template <typename T>
DEEPNTK_INLINE Vector<T> fill(T value) {
  return value - Vector<T>{};
}

template <typename T>
DEEPNTK_INLINE Vector<T> load(const T* from) {
  Vector<T> value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <typename T>
DEEPNTK_INLINE void store(T* to, Vector<T> value) {
  std::memcpy(to, &value, sizeof value);
}

// The first `lanes` lanes alone, for the end of a row. The other lanes of what is loaded are 0. The targets
// with masked instructions overload these two functions.
template <typename T>
DEEPNTK_INLINE Vector<T> loadFirst(const T* from, std::size_t lanes) {
  T numbers[kLanes<T>] = {};
  for (std::size_t i = 0; i < lanes; i++) numbers[i] = from[i];
  return load(numbers);
}

template <typename T>
DEEPNTK_INLINE void storeFirst(T* to, std::size_t lanes, Vector<T> value) {
  T numbers[kLanes<T>];
  store(numbers, value);
  for (std::size_t i = 0; i < lanes; i++) to[i] = numbers[i];
}

// `value` in the lanes where `gate` is positive, 0 in the others. A gate that is not a number is not
// positive.
template <typename T>
DEEPNTK_INLINE Vector<T> whereAboveZero(Vector<T> gate, Vector<T> value) {
  return gate > 0 ? value : Vector<T>{};
}

// kLanes<double> 32-bit words, each in the lower half of a 64-bit lane.
DEEPNTK_INLINE Words loadWords(const std::uint32_t* from) {
#if defined(DEEPNTK_VECTOR_TYPES)
  typedef std::uint32_t Halves __attribute__((vector_size(kVectorBytes / 2)));
  Halves halves;
  std::memcpy(&halves, from, sizeof halves);
  return __builtin_convertvector(halves, Words);
#else
  return *from;
#endif
}

// Writes the lower half of every lane.
DEEPNTK_INLINE void storeWords(std::uint32_t* to, Words words) {
#if defined(DEEPNTK_VECTOR_TYPES)
  typedef std::uint32_t Halves __attribute__((vector_size(kVectorBytes / 2)));
  const Halves halves = __builtin_convertvector(words, Halves);
  std::memcpy(to, &halves, sizeof halves);
#else
  *to = static_cast<std::uint32_t>(words);
#endif
}

// The numbers that have these bits.
DEEPNTK_INLINE Doubles asDoubles(Words bits) {
  Doubles value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
