// Reads the objects that JavaScript passes: nested objects, lists, typed arrays, numbers and names. Every
// type and every length is checked. A wrong one is a JavaScript TypeError that names the property.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "../core/buffer.hpp"

namespace deepntk {

constexpr std::size_t kMaxInt = std::numeric_limits<int>::max();
constexpr std::size_t kMaxSafeInteger = (std::size_t{1} << 53) - 1;

// Memory that a job uses: typed arrays, which must not be collected, and copies.
struct Memory {
  std::vector<Napi::ObjectReference> arrays;
  std::vector<std::shared_ptr<const void>> copies;
};

// One call's reading. It collects the memory that is read.
class Reader {
 public:
  explicit Reader(Napi::Env env) : env_(env) {}
  Napi::Env env() const { return env_; }

  // Ends the reading. A property may be a getter, and a getter can detach an array that was read before it.
  // So every array is checked once more: no JavaScript runs after that until the job holds the memory.
  Memory finish();

 private:
  friend class Object;
  struct Array {
    napi_value value;
    const char* name;
    const void* data;
    std::size_t length;
  };
  Napi::Env env_;
  std::vector<Array> arrays_;
  Memory memory_;
};

class Object {
 public:
  // `path` is the object's name in error messages.
  Object(Reader& reader, Napi::Value value, std::string path);

  Object object(const char* name) const { return Object(reader_, get(name), pathOf(name)); }
  std::vector<Object> objects(const char* name) const;
  bool isNull(const char* name) const { return get(name).IsNull(); }

  double number(const char* name) const;
  bool boolean(const char* name) const;
  // A whole number from `min` to `max`.
  std::size_t integer(const char* name, std::size_t min, std::size_t max) const;
  // A number of things: 1 or more.
  std::size_t count(const char* name) const { return integer(name, 1, kMaxInt); }
  // One of some names. E is an enumeration in their order.
  template <typename E, std::size_t N>
  E oneOf(const char* name, const char* const (&names)[N]) const {
    return static_cast<E>(position(name, names, N));
  }

  // The elements of a typed array, in place. T is double, float, std::int32_t or std::uint8_t. The array has
  // `length` elements.
  template <typename T>
  Span<T> array(const char* name, std::size_t length) const {
    return held<T>(get(name), name, &length);
  }
  // The same for an array of any length.
  template <typename T>
  Span<T> array(const char* name) const {
    return held<T>(get(name), name, nullptr);
  }
  // Null where the property is null.
  template <typename T>
  T* arrayOrNull(const char* name, std::size_t length) const {
    return isNull(name) ? nullptr : array<T>(name, length).data;
  }
  bool isFloat32Array(const char* name) const;
  // A list of Float64Arrays of `length` elements.
  std::vector<double*> arrays(const char* name, std::size_t length) const;
  // A copy of a typed array of any length.
  template <typename T>
  std::vector<T> copy(const char* name) const;
  // A copy that lives as long as the job. Nobody can change it after it was checked.
  template <typename T>
  Span<const T> copyForJob(const char* name, std::size_t length) const;
  // A list of `length` booleans, as 0 and 1, which lives as long as the job.
  Span<const unsigned char> flags(const char* name, std::size_t length) const;
  // A list of positive 32-bit integers.
  std::vector<std::size_t> sizes(const char* name) const;
  // A list of `length` numbers.
  void numbers(const char* name, double* out, std::size_t length) const;

  // The product of some factors. Beyond the length of any array it is a RangeError.
  std::size_t product(std::initializer_list<std::size_t> factors) const;

  // Throws a TypeError: "path.name: message".
  [[noreturn]] void fail(const char* name, const std::string& message) const;
  [[noreturn]] void expected(const char* name, const std::string& what) const {
    fail(name, "expected " + what);
  }

 private:
  Napi::Value get(const char* name) const { return object_.Get(name); }
  std::string pathOf(const char* name) const { return path_.empty() ? name : path_ + "." + name; }
  Napi::Array list(const char* name, const std::string& what) const;
  std::size_t position(const char* name, const char* const* names, std::size_t count) const;
  template <typename T>
  Span<T> elements(Napi::Value value, const char* name, const std::size_t* length) const;
  template <typename T>
  Span<T> held(Napi::Value value, const char* name, const std::size_t* length) const;
  template <typename T>
  Span<const T> keep(std::vector<T> values) const;

  Reader& reader_;
  Napi::Object object_;
  std::string path_;
};

}  // namespace deepntk
