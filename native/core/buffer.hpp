// Memory of the computations: one owner type, and views that own nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <utility>

namespace deepntk {

// A pointer and a length.
template <typename T>
struct Span {
  T* data = nullptr;
  std::size_t size = 0;

  T& operator[](std::size_t i) const { return data[i]; }
  bool empty() const { return size == 0; }
};

// A row-major matrix; row i starts at data + i * stride.
template <typename T>
struct MatrixView {
  T* data = nullptr;
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t stride = 0;

  T* row(std::size_t i) const { return data + i * stride; }
  MatrixView rowRange(std::size_t first, std::size_t count) const {
    return {row(first), count, columns, stride};
  }
  operator MatrixView<const T>() const { return {data, rows, columns, stride}; }
};

// Uninitialized numbers on a cache line's boundary; std::bad_alloc where the system refuses.
template <typename T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t size) : size_(size) {
    if (size > std::numeric_limits<std::size_t>::max() / sizeof(T)) throw std::bad_alloc();
    if (size > 0) data_ = static_cast<T*>(::operator new(size * sizeof(T), kAlignment));
  }
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Buffer() {
    if (data_ != nullptr) ::operator delete(data_, kAlignment);
  }

  T* data() const { return data_; }
  std::size_t size() const { return size_; }
  T& operator[](std::size_t i) const { return data_[i]; }

  // Grows to at least `size` numbers; what was in it is lost where it grows.
  void reserve(std::size_t size) {
    if (size <= size_) return;
    *this = Buffer();  // free first: two of a kind would be more memory than the plan promises
    Buffer grown(size);
    *this = std::move(grown);
  }

 private:
  static constexpr std::align_val_t kAlignment{64};
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace deepntk
