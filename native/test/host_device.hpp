// A substitute for a GPU: the interface of native/cuda/device.hpp with loops and OpenBLAS on the host. It
// lets tests compare the CUDA backend, except its launches, with native/core on a machine without a GPU. It
// overwrites freed memory, refuses memory beyond a limit, and completes transfers only when the caller waits
// for them.
#pragma once

#include <cblas.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <new>
#include <vector>

#include "../cuda/products.hpp"
#include "check.hpp"

namespace deepntk::cuda {

// All memory of the device is one range of addresses, which is accessible only while the device works.
class HostDevice {
 public:
  explicit HostDevice(std::size_t memory = kRange) : memory_(memory) {
    void* const range =
        mmap(nullptr, kRange, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(range != MAP_FAILED);
    range_ = static_cast<char*>(range);
    free_[range_] = kRange;
    const double doubles[] = {0, 1};
    const float floats[] = {0, 1};
    constants_ = static_cast<char*>(allocate(kPage));
    copyIn(constants_, doubles, sizeof doubles);
    copyIn(constants_ + sizeof doubles, floats, sizeof floats);
    used_ = peak_ = 0;
  }
  ~HostDevice() { munmap(range_, kRange); }
  HostDevice(const HostDevice&) = delete;
  HostDevice& operator=(const HostDevice&) = delete;

  std::size_t used() const { return used_; }
  std::size_t peak() const { return peak_; }
  std::size_t replays() const { return replays_; }
  std::size_t captures() const { return captures_; }
  // From now on the host cannot access the device's memory. This costs two system calls for each operation.
  void beStrict() {
    strict_ = true;
    protect(PROT_NONE);
  }
  void limitMemory(std::size_t bytes) { memory_ = bytes; }

  void* allocate(std::size_t bytes) {
    if (bytes > memory_ - std::min(used_, memory_)) throw std::bad_alloc();
    const std::size_t needed = (bytes + kCanary + kAlignment - 1) / kAlignment * kAlignment;
    for (auto hole = free_.begin(); hole != free_.end(); ++hole) {
      if (hole->second < needed) continue;
      char* const data = hole->first;
      const std::size_t rest = hole->second - needed;
      free_.erase(hole);
      if (rest > 0) free_[data + needed] = rest;
      top_ = std::max(top_, (static_cast<std::size_t>(data - range_) + needed + kPage - 1) / kPage * kPage);
      blocks_[data] = {needed, bytes};
      used_ += bytes;
      peak_ = std::max(peak_, used_);
      const Open open(*this);
      std::memset(data, 0xff, needed);  // not-a-number, for readers of uninitialized memory
      return data;
    }
    throw std::bad_alloc();
  }
  void release(void* pointer) noexcept {
    char* const data = static_cast<char*>(pointer);
    const auto found = blocks_.find(data);
    const Block block = found->second;
    {
      const Open open(*this);
      for (std::size_t i = block.bytes; i < block.length; i++) CHECK(data[i] == static_cast<char>(0xff));
      std::memset(data, 0xff, block.length);
    }
    used_ -= block.bytes;
    blocks_.erase(found);
    auto hole = free_.emplace(data, block.length).first;
    const auto next = std::next(hole);
    if (next != free_.end() && hole->first + hole->second == next->first) {
      hole->second += next->second;
      free_.erase(next);
    }
    if (hole == free_.begin()) return;
    const auto before = std::prev(hole);
    if (before->first + before->second == hole->first) {
      before->second += hole->second;
      free_.erase(hole);
    }
  }
  std::size_t freeMemory() const {
    CHECK(!recording_);
    return memory_ - std::min(used_, memory_);
  }

  void copyIn(void* to, const void* from, std::size_t bytes) {
    CHECK(!recording_ && isHere(to) && !isHere(from));
    const Open open(*this);
    std::memcpy(to, from, bytes);
  }
  void copyOut(void* to, const void* from, std::size_t bytes) {
    CHECK(!recording_ && !isHere(to) && isHere(from));
    const Open open(*this);
    std::memcpy(to, from, bytes);
  }
  void clear(void* to, std::size_t bytes) {
    const Open open(*this);
    std::memset(to, 0, bytes);
  }

  class Transfer {
   public:
    Transfer(HostDevice& device, const void* from, std::size_t bytes)
        : device_(device), from_(from), arrived_(bytes) {
      CHECK(!device.recording_);
    }
    const void* finish() {
      device_.copyOut(arrived_.data(), from_, arrived_.size());
      return arrived_.data();
    }

   private:
    HostDevice& device_;
    const void* from_;
    std::vector<char> arrived_;
  };
  Transfer startTransfer(const void* from, std::size_t bytes) { return {*this, from, bytes}; }

  template <typename Body>
  void forEach(std::size_t rows, std::size_t columns, const Body& body) {
    checkPointers(body);
    const Open open(*this);
    for (std::size_t i = 0; i < rows; i++) {
      for (std::size_t j = 0; j < columns; j++) body(i, j);
    }
  }

  // One thread. Every other team runs the calls in reverse order, to show that the order does not matter.
  class Team {
   public:
    explicit Team(bool reverse) : reverse_(reverse) {}
    template <typename Body>
    void forEach(std::size_t count, const Body& body) const {
      for (std::size_t i = 0; i < count; i++) body(reverse_ ? count - 1 - i : i);
    }
    void sync() const {}

   private:
    bool reverse_;
  };

  template <typename Body>
  void forEachBlock(std::size_t count, std::size_t scratch, const Body& body) {
    checkPointers(body);
    const bool outside = blockMemory(scratch) > 0;
    double* const own = static_cast<double*>(outside ? allocate(count * scratch * sizeof(double)) : nullptr);
    {
      const Open open(*this);
      for (std::size_t i = 0; i < count; i++) {
        std::vector<double> inside(outside ? 0 : scratch, std::numeric_limits<double>::quiet_NaN());
        body(Team(i % 2 == 1), i, outside ? own + i * scratch : inside.data());
      }
    }
    if (outside) release(own);
  }
  double blockMemory(std::size_t scratch) const {
    const double bytes = static_cast<double>(scratch) * sizeof(double);
    return bytes > 48 << 10 ? bytes : 0;
  }

  template <typename T>
  const T* zero() const {
    return reinterpret_cast<const T*>(constants_ + (sizeof(T) == sizeof(double) ? 0 : 2 * sizeof(double)));
  }
  template <typename T>
  const T* one() const {
    return zero<T>() + 1;
  }

  template <typename T>
  void gemm(Transpose transposeA, Transpose transposeB, const T* alpha, MatrixView<const T> a,
            MatrixView<const T> b, const T* beta, MatrixView<T> c, bool tf32 = false) {
    if (c.rows == 0 || c.columns == 0) return;
    CHECK(isHere(alpha) && isHere(beta) && isHere(c.data));
    CHECK(a.rows * a.columns > 0 && isHere(a.data) && isHere(b.data));
    const Open open(*this);
    if constexpr (std::is_same_v<T, float>) {
      if (tf32) {
        const std::vector<float> left = rounded(a), right = rounded(b);
        multiply(transposeA, transposeB, *alpha, {left.data(), a.rows, a.columns, a.columns},
                 {right.data(), b.rows, b.columns, b.columns}, *beta, c);
        return;
      }
    }
    multiply(transposeA, transposeB, *alpha, a, b, *beta, c);
  }

  template <typename T>
  void gemmBatched(Transpose transposeA, Transpose transposeB, const T* alpha, MatrixView<const T> a,
                   MatrixView<const T> b, const T* beta, MatrixView<T> c, BatchStrides strides,
                   bool tf32 = false) {
    for (std::size_t i = 0; i < strides.count; i++) {
      gemm<T>(transposeA, transposeB, alpha, {a.data + i * strides.a, a.rows, a.columns, a.stride},
              {b.data + i * strides.b, b.rows, b.columns, b.stride}, beta,
              {c.data + i * strides.c, c.rows, c.columns, c.stride}, tf32);
    }
  }

  // Only the lower triangle is written, as on a GPU.
  template <typename T>
  void syrk(MatrixView<const T> a, MatrixView<T> c) {
    CHECK(isHere(c.data) && a.columns > 0 && isHere(a.data));
    std::vector<T> whole(c.rows * c.columns);
    const Open open(*this);
    multiply(Transpose::no, Transpose::yes, T(1), a, a, T(0),
             MatrixView<T>{whole.data(), c.rows, c.columns, c.columns});
    for (std::size_t i = 0; i < c.rows; i++) std::copy_n(whole.data() + i * c.columns, i + 1, c.row(i));
  }

  void pace(Run& run, double flops) {
    CHECK(!recording_);
    run.check();
    run.advance(flops);
  }

  // Recording computes nothing, as on a GPU. A replayed graph may neither allocate memory nor wait.
  using Graph = std::function<void()>;
  Graph capture(std::function<void()> body) {
    captures_++;
    return body;
  }
  void replay(const Graph& graph) {
    const std::size_t memory = memory_;
    memory_ = used_;
    recording_ = true;
    graph();
    recording_ = false;
    memory_ = memory;
    replays_++;
  }

 private:
  static std::vector<float> rounded(MatrixView<const float> matrix) {
    std::vector<float> values;
    for (std::size_t i = 0; i < matrix.rows; i++) {
      for (std::size_t j = 0; j < matrix.columns; j++) values.push_back(roundToTf32(matrix.row(i)[j]));
    }
    return values;
  }

  static CBLAS_TRANSPOSE flag(Transpose transpose) {
    return transpose == Transpose::yes ? CblasTrans : CblasNoTrans;
  }
  static int stride(std::size_t stride) { return static_cast<int>(std::max<std::size_t>(stride, 1)); }

  template <typename T>
  static void multiply(Transpose transposeA, Transpose transposeB, T alpha, MatrixView<const T> a,
                       MatrixView<const T> b, T beta, MatrixView<T> c) {
    const std::size_t inner = transposeA == Transpose::yes ? a.rows : a.columns;
    const auto by = [&](auto gemm) {
      gemm(CblasRowMajor, flag(transposeA), flag(transposeB), static_cast<int>(c.rows),
           static_cast<int>(c.columns), static_cast<int>(inner), alpha, a.data, stride(a.stride), b.data,
           stride(b.stride), beta, c.data, stride(c.stride));
    };
    if constexpr (std::is_same_v<T, double>) {
      by(cblas_dgemm);
    } else {
      by(cblas_sgemm);
    }
  }

  static constexpr std::size_t kRange = std::size_t{1} << 34, kPage = 4096, kAlignment = 64, kCanary = 64;

  // The memory of the device is accessible while an object of this class exists.
  class Open {
   public:
    explicit Open(HostDevice& device) : device_(device) {
      if (device_.open_++ == 0 && device_.strict_) device_.protect(PROT_READ | PROT_WRITE);
    }
    ~Open() {
      if (--device_.open_ == 0 && device_.strict_) device_.protect(PROT_NONE);
    }
    Open(const Open&) = delete;

   private:
    HostDevice& device_;
  };

  void protect(int access) { CHECK(mprotect(range_, top_, access) == 0); }

  bool isHere(const void* pointer) const {
    const char* const at = static_cast<const char*>(pointer);
    return at >= range_ && at < range_ + kRange;
  }

  // A body that a GPU runs must not contain a pointer to the host's memory. So no word of it may be a mapped
  // address outside the device. (Padding may contain addresses that are not mapped.)
  template <typename Body>
  void checkPointers(Body body) const {
    static_assert(std::is_trivially_copyable_v<Body>, "a kernel's body is copied to the device byte by byte");
#if defined(__has_builtin)
#if __has_builtin(__builtin_clear_padding)
    __builtin_clear_padding(&body);
    for (std::size_t offset = 0; offset + sizeof(std::uint64_t) <= sizeof body;
         offset += sizeof(std::uint64_t)) {
      std::uint64_t word;
      std::memcpy(&word, reinterpret_cast<const char*>(&body) + offset, sizeof word);
      if (word < std::uint64_t{1} << 44 || word >> 47 != 0) continue;
      const auto page = reinterpret_cast<void*>(word / kPage * kPage);
      CHECK(isHere(page) || msync(page, kPage, MS_ASYNC) != 0);
    }
#endif
#endif
    (void)body;
  }

  struct Block {
    std::size_t length, bytes;
  };

  std::size_t memory_, used_ = 0, peak_ = 0, replays_ = 0, captures_ = 0;
  std::size_t top_ = 0;  // of all addresses used so far
  int open_ = 0;
  bool strict_ = false;
  bool recording_ = false;  // while a graph is recorded
  char* range_ = nullptr;
  char* constants_ = nullptr;
  std::map<char*, std::size_t> free_;
  std::map<char*, Block> blocks_;
};

}  // namespace deepntk::cuda
