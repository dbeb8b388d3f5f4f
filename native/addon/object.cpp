#include "object.hpp"

#include <cmath>
#include <cstring>
#include <utility>

namespace deepntk {

namespace {

// JavaScript's name of an array of T.
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

struct ArrayInfo {
  napi_typedarray_type type;
  std::size_t length;
  void* data;
};

ArrayInfo infoOf(Napi::Env env, napi_value array) {
  ArrayInfo info{};
  if (napi_get_typedarray_info(env, array, &info.type, &info.length, &info.data, nullptr, nullptr) != napi_ok)
    throw Napi::Error::New(env);
  return info;
}

}  // namespace

Memory Reader::finish() {
  for (const Array& array : arrays_) {
    const ArrayInfo info = infoOf(env_, array.value);
    if (info.data != array.data || info.length != array.length)
      throw Napi::TypeError::New(
          env_, std::string(array.name) + ": expected an array that no property detaches while it is read");
  }
  return std::move(memory_);
}

Object::Object(Reader& reader, Napi::Value value, std::string path)
    : reader_(reader), path_(std::move(path)) {
  if (!value.IsObject())
    throw Napi::TypeError::New(reader.env(), path_ + (path_.empty() ? "" : ": ") + "expected an object");
  object_ = value.As<Napi::Object>();
}

void Object::fail(const char* name, const std::string& message) const {
  throw Napi::TypeError::New(reader_.env(), pathOf(name) + ": " + message);
}

double Object::number(const char* name) const {
  const Napi::Value value = get(name);
  if (!value.IsNumber()) expected(name, "a number");
  return value.As<Napi::Number>().DoubleValue();
}

bool Object::boolean(const char* name) const {
  const Napi::Value value = get(name);
  if (!value.IsBoolean()) expected(name, "true or false");
  return value.As<Napi::Boolean>().Value();
}

std::size_t Object::integer(const char* name, std::size_t min, std::size_t max) const {
  const double value = number(name);
  if (!(value >= static_cast<double>(min) && value <= static_cast<double>(max)) ||
      std::floor(value) != value) {
    expected(name, "an integer from " + std::to_string(min) + " to " + std::to_string(max));
  }
  return static_cast<std::size_t>(value);
}

std::size_t Object::position(const char* name, const char* const* names, std::size_t count) const {
  const Napi::Value value = get(name);
  char text[32];  // longer than any name, so that a longer text is not mistaken for one
  if (value.IsString() &&
      napi_get_value_string_utf8(reader_.env(), value, text, sizeof text, nullptr) == napi_ok) {
    for (std::size_t i = 0; i < count; i++) {
      if (std::strcmp(text, names[i]) == 0) return i;
    }
  }
  std::string all;
  for (std::size_t i = 0; i < count; i++) all += (i == 0 ? "" : ", ") + std::string(names[i]);
  expected(name, "one of " + all);
}

template <typename T>
Span<T> Object::elements(Napi::Value value, const char* name, const std::size_t* length) const {
  const auto refuse = [&] {
    expected(name, Typed<T>::name + (length == nullptr ? "" : " of length " + std::to_string(*length)));
  };
  if (!value.IsTypedArray()) refuse();
  const ArrayInfo info = infoOf(reader_.env(), value);
  if (info.type != Typed<T>::type || (length != nullptr && info.length != *length)) refuse();
  if (info.length > 0 && info.data == nullptr) refuse();
  return {static_cast<T*>(info.data), info.length};
}

template <typename T>
Span<T> Object::held(Napi::Value value, const char* name, const std::size_t* length) const {
  const Span<T> span = elements<T>(value, name, length);
  reader_.arrays_.push_back({value, name, span.data, span.size});
  reader_.memory_.arrays.push_back(Napi::Persistent(value.As<Napi::Object>()));
  return span;
}
template Span<double> Object::held(Napi::Value, const char*, const std::size_t*) const;
template Span<float> Object::held(Napi::Value, const char*, const std::size_t*) const;
template Span<std::int32_t> Object::held(Napi::Value, const char*, const std::size_t*) const;
template Span<std::uint8_t> Object::held(Napi::Value, const char*, const std::size_t*) const;

bool Object::isFloat32Array(const char* name) const {
  const Napi::Value value = get(name);
  return value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_float32_array;
}

template <typename T>
std::vector<T> Object::copy(const char* name) const {
  const Span<T> span = elements<T>(get(name), name, nullptr);
  return std::vector<T>(span.data, span.data + span.size);
}
template std::vector<double> Object::copy(const char*) const;
template std::vector<std::int32_t> Object::copy(const char*) const;
template std::vector<std::uint8_t> Object::copy(const char*) const;

template <typename T>
Span<const T> Object::keep(std::vector<T> values) const {
  const auto kept = std::make_shared<const std::vector<T>>(std::move(values));
  reader_.memory_.copies.push_back(kept);
  return {kept->data(), kept->size()};
}

template <typename T>
Span<const T> Object::copyForJob(const char* name, std::size_t length) const {
  const Span<T> span = elements<T>(get(name), name, &length);
  return keep(std::vector<T>(span.data, span.data + span.size));
}
template Span<const std::int32_t> Object::copyForJob(const char*, std::size_t) const;

Napi::Array Object::list(const char* name, const std::string& what) const {
  const Napi::Value value = get(name);
  if (!value.IsArray()) expected(name, what);
  return value.As<Napi::Array>();
}

std::vector<Object> Object::objects(const char* name) const {
  const Napi::Array values = list(name, "a list of objects");
  std::vector<Object> result;
  for (std::uint32_t i = 0, count = values.Length(); i < count; i++)
    result.emplace_back(reader_, values.Get(i), pathOf(name));
  return result;
}

std::vector<double*> Object::arrays(const char* name, std::size_t length) const {
  const Napi::Array values = list(name, "a list of Float64Arrays");
  std::vector<double*> result;
  for (std::uint32_t i = 0, count = values.Length(); i < count; i++)
    result.push_back(held<double>(values.Get(i), name, &length).data);
  return result;
}

Span<const unsigned char> Object::flags(const char* name, std::size_t length) const {
  const std::string what = "a list of " + std::to_string(length) + " booleans";
  const Napi::Array values = list(name, what);
  if (values.Length() != length) expected(name, what);
  std::vector<unsigned char> result;
  for (std::uint32_t i = 0; i < length; i++) {
    const Napi::Value value = values.Get(i);
    if (!value.IsBoolean()) expected(name, what);
    result.push_back(value.As<Napi::Boolean>().Value());
  }
  return keep(std::move(result));
}

std::vector<std::size_t> Object::sizes(const char* name) const {
  constexpr const char* kWhat = "a list of positive 32-bit integers";
  const Napi::Array values = list(name, kWhat);
  std::vector<std::size_t> result;
  for (std::uint32_t i = 0, count = values.Length(); i < count; i++) {
    const Napi::Value value = values.Get(i);
    const double size = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : 0;
    if (!(size >= 1 && size <= static_cast<double>(kMaxInt)) || std::floor(size) != size)
      expected(name, kWhat);
    result.push_back(static_cast<std::size_t>(size));
  }
  return result;
}

void Object::numbers(const char* name, double* out, std::size_t length) const {
  const std::string what = "a list of " + std::to_string(length) + " numbers";
  const Napi::Array values = list(name, what);
  if (values.Length() != length) expected(name, what);
  for (std::uint32_t i = 0; i < length; i++) {
    const Napi::Value value = values.Get(i);
    if (!value.IsNumber()) expected(name, what);
    out[i] = value.As<Napi::Number>().DoubleValue();
  }
}

std::size_t Object::product(std::initializer_list<std::size_t> factors) const {
  std::size_t result = 1;
  for (const std::size_t factor : factors) {
    if (factor != 0 && result > kMaxSafeInteger / factor)
      throw Napi::RangeError::New(reader_.env(), "the sizes are too large");
    result *= factor;
  }
  return result;
}

}  // namespace deepntk
