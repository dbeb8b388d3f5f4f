// Reads what JavaScript hands in, and trusts none of it: every type and length is checked, and a complaint is
// a JavaScript TypeError.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <vector>

#include "../core/buffer.hpp"

namespace deepntk {

// The named properties of one object. All of them are fetched at once, so that no getter runs any more when
// the first pointer into a typed array is taken.
class Arguments {
 public:
  Arguments(const Napi::CallbackInfo& info, std::initializer_list<const char*> names);

  Napi::Env env() const { return env_; }
  double number(const char* name) const;
  bool boolean(const char* name) const;
  // A whole number from `min` to `max`.
  std::size_t integer(const char* name, std::size_t min, std::size_t max) const;
  bool isNull(const char* name) const;

  // A typed array of exactly `length` elements, kept alive until the job ends.
  Span<double> float64(const char* name, std::size_t length);
  Span<const unsigned char> uint8(const char* name, std::size_t length);
  // The same, to be written to.
  Span<float> float32(const char* name, std::size_t length);
  Span<std::int32_t> int32(const char* name, std::size_t length);
  Span<std::uint8_t> bytes(const char* name, std::size_t length);
  // A copy of a typed array of any length; T is double, std::int32_t or std::uint8_t.
  template <typename T>
  std::vector<T> copy(const char* name) const;
  // Any number of positive 32-bit integers.
  std::vector<std::size_t> sizes(const char* name);
  // A list of `count` Float64Arrays of `length` elements; empty where null.
  std::vector<double*> float64List(const char* name, std::size_t count, std::size_t length);

  // The arrays read so far, to be held by whoever uses their memory.
  std::vector<Napi::ObjectReference> takeReferences() { return std::move(references_); }

  [[noreturn]] void fail(const std::string& message) const;

 private:
  const Napi::Value& value(const char* name) const;
  template <typename T>
  Span<T> held(const char* name, std::size_t length);
  Span<double> float64Of(const std::string& name, Napi::Value value, std::size_t length);

  Napi::Env env_;
  std::map<std::string, Napi::Value> values_;
  std::map<std::string, std::vector<Napi::Value>> lists_;
  std::vector<Napi::ObjectReference> references_;
};

// a * b * ..., or a RangeError where it is beyond any array's length.
std::size_t product(Napi::Env env, std::initializer_list<std::size_t> factors);

}  // namespace deepntk
