#include "arguments.hpp"

#include <cmath>
#include <limits>

namespace deepntk {

namespace {

constexpr std::size_t kLargestLength = std::size_t{1} << 53;

// What JavaScript calls an array of T.
template <typename T>
struct Typed;
template <>
struct Typed<double> {
  static constexpr napi_typedarray_type type = napi_float64_array;
  static constexpr const char* name = "a Float64Array";
};
template <>
struct Typed<float> {
  static constexpr napi_typedarray_type type = napi_float32_array;
  static constexpr const char* name = "a Float32Array";
};
template <>
struct Typed<std::int32_t> {
  static constexpr napi_typedarray_type type = napi_int32_array;
  static constexpr const char* name = "an Int32Array";
};
template <>
struct Typed<std::uint8_t> {
  static constexpr napi_typedarray_type type = napi_uint8_array;
  static constexpr const char* name = "a Uint8Array";
};

// Complains where the value is no array of T, or one whose memory is gone.
template <typename T>
Napi::TypedArrayOf<T> typedArray(const Arguments& arguments, const char* name, Napi::Value value) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != Typed<T>::type) {
    arguments.fail(std::string(name) + ": expected " + Typed<T>::name);
  }
  Napi::TypedArrayOf<T> array = value.As<Napi::TypedArrayOf<T>>();
  if (array.ElementLength() > 0 && array.Data() == nullptr) arguments.fail(std::string(name) + ": detached");
  return array;
}

}  // namespace

Arguments::Arguments(const Napi::CallbackInfo& info, std::initializer_list<const char*> names)
    : env_(info.Env()) {
  if (info.Length() < 1 || !info[0].IsObject()) fail("expected an object");
  const Napi::Object object = info[0].As<Napi::Object>();
  for (const char* name : names) values_[name] = object.Get(name);
  for (const auto& [name, entry] : values_) {
    if (!entry.IsArray()) continue;
    const Napi::Array array = entry.As<Napi::Array>();
    std::vector<Napi::Value>& list = lists_[name];
    // A length that shrinks under a hostile getter only makes the rest undefined, which is refused below.
    for (std::uint32_t i = 0, length = array.Length(); i < length; i++) list.push_back(array.Get(i));
  }
}

void Arguments::fail(const std::string& message) const {
  throw Napi::TypeError::New(env_, message);
}

const Napi::Value& Arguments::value(const char* name) const {
  return values_.at(name);
}

double Arguments::number(const char* name) const {
  if (!value(name).IsNumber()) fail(std::string(name) + ": expected a number");
  return value(name).As<Napi::Number>().DoubleValue();
}

bool Arguments::boolean(const char* name) const {
  if (!value(name).IsBoolean()) fail(std::string(name) + ": expected true or false");
  return value(name).As<Napi::Boolean>().Value();
}

std::size_t Arguments::integer(const char* name, std::size_t min, std::size_t max) const {
  const double result = number(name);
  if (!(result >= static_cast<double>(min) && result <= static_cast<double>(max)) ||
      std::floor(result) != result) {
    fail(std::string(name) + ": expected an integer from " + std::to_string(min) + " to " +
         std::to_string(max));
  }
  return static_cast<std::size_t>(result);
}

bool Arguments::isNull(const char* name) const {
  return value(name).IsNull();
}

Span<double> Arguments::float64(const char* name, std::size_t length) {
  return float64Of(name, value(name), length);
}

Span<double> Arguments::float64Of(const std::string& name, Napi::Value value, std::size_t length) {
  const std::string expected = name + ": expected a Float64Array of length " + std::to_string(length);
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_float64_array)
    fail(expected);
  Napi::Float64Array array = value.As<Napi::Float64Array>();
  if (array.ElementLength() != length || (length > 0 && array.Data() == nullptr)) fail(expected);
  references_.push_back(Napi::Persistent(array.As<Napi::Object>()));
  return {array.Data(), length};
}

Span<const unsigned char> Arguments::uint8(const char* name, std::size_t length) {
  const std::string expected =
      std::string(name) + ": expected a Uint8Array of length " + std::to_string(length);
  if (!value(name).IsTypedArray() ||
      value(name).As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    fail(expected);
  }
  Napi::Uint8Array array = value(name).As<Napi::Uint8Array>();
  if (array.ElementLength() != length || (length > 0 && array.Data() == nullptr)) fail(expected);
  references_.push_back(Napi::Persistent(array.As<Napi::Object>()));
  return {array.Data(), length};
}

Span<float> Arguments::float32(const char* name, std::size_t length) {
  return held<float>(name, length);
}

Span<std::int32_t> Arguments::int32(const char* name, std::size_t length) {
  return held<std::int32_t>(name, length);
}

Span<std::uint8_t> Arguments::bytes(const char* name, std::size_t length) {
  return held<std::uint8_t>(name, length);
}

template <typename T>
Span<T> Arguments::held(const char* name, std::size_t length) {
  Napi::TypedArrayOf<T> array = typedArray<T>(*this, name, value(name));
  if (array.ElementLength() != length) {
    fail(std::string(name) + ": expected " + Typed<T>::name + " of length " + std::to_string(length));
  }
  references_.push_back(Napi::Persistent(array.template As<Napi::Object>()));
  return {array.Data(), length};
}

template <typename T>
std::vector<T> Arguments::copy(const char* name) const {
  Napi::TypedArrayOf<T> array = typedArray<T>(*this, name, value(name));
  return std::vector<T>(array.Data(), array.Data() + array.ElementLength());
}
template std::vector<double> Arguments::copy<double>(const char* name) const;
template std::vector<std::int32_t> Arguments::copy<std::int32_t>(const char* name) const;
template std::vector<std::uint8_t> Arguments::copy<std::uint8_t>(const char* name) const;

std::vector<std::size_t> Arguments::sizes(const char* name) {
  const auto list = lists_.find(name);
  if (list == lists_.end()) fail(std::string(name) + ": expected an array");
  std::vector<std::size_t> result;
  for (const Napi::Value& entry : list->second) {
    const double size = entry.IsNumber() ? entry.As<Napi::Number>().DoubleValue() : 0;
    if (!(size >= 1 && size <= std::numeric_limits<int>::max()) || std::floor(size) != size) {
      fail(std::string(name) + ": expected positive 32-bit integers");
    }
    result.push_back(static_cast<std::size_t>(size));
  }
  return result;
}

std::vector<double*> Arguments::float64List(const char* name, std::size_t count, std::size_t length) {
  if (isNull(name)) return {};
  const auto list = lists_.find(name);
  if (list == lists_.end() || list->second.size() != count) {
    fail(std::string(name) + ": expected an array of " + std::to_string(count) + " Float64Arrays");
  }
  std::vector<double*> result;
  for (const Napi::Value& entry : list->second) result.push_back(float64Of(name, entry, length).data);
  return result;
}

std::size_t product(Napi::Env env, std::initializer_list<std::size_t> factors) {
  std::size_t result = 1;
  for (std::size_t factor : factors) {
    if (factor != 0 && result > kLargestLength / factor)
      throw Napi::RangeError::New(env, "the sizes are too large");
    result *= factor;
  }
  return result;
}

}  // namespace deepntk
