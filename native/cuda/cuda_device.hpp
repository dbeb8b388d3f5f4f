// A device of native/cuda/device.hpp: one NVIDIA GPU, by the CUDA runtime and cuBLAS. For nvcc alone.
#pragma once

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "cublas.hpp"
#include "products.hpp"

namespace deepntk::cuda {

// Thrown where the device or a library fails: what was asked, and what it said.
struct DeviceError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// std::bad_alloc of a lack of memory, else DeviceError. What CUDA remembers of errors that pass is forgotten.
void check(cudaError_t status, const char* what);

template <typename Body>
__global__ void forEachKernel(std::size_t rows, std::size_t columns, Body body) {
  const std::size_t column = blockIdx.x * static_cast<std::size_t>(blockDim.x) + threadIdx.x;
  if (column >= columns) return;
  const std::size_t step = static_cast<std::size_t>(gridDim.y) * blockDim.y;
  for (std::size_t row = blockIdx.y * static_cast<std::size_t>(blockDim.y) + threadIdx.y; row < rows;
       row += step)
    body(row, column);
}

// The threads of one block. Written so that both sides compile it; only a device calls it.
class BlockTeam {
 public:
  template <typename Body>
  DEEPNTK_PORTABLE void forEach(std::size_t count, const Body& body) const {
#if defined(__CUDA_ARCH__)
    for (std::size_t i = threadIdx.x; i < count; i += blockDim.x) body(i);
#else
    (void)count;
    (void)body;
#endif
    sync();
  }
  DEEPNTK_PORTABLE void sync() const {
#if defined(__CUDA_ARCH__)
    __syncthreads();
#endif
  }
};

constexpr unsigned kBlockThreads = 128;

// `scratch`: null where the blocks' numbers are in shared memory.
template <typename Body>
__global__ void __launch_bounds__(kBlockThreads)
    forEachBlockKernel(Body body, double* scratch, std::size_t size) {
  extern __shared__ double shared[];
  const BlockTeam team;
  body(team, static_cast<std::size_t>(blockIdx.x), scratch == nullptr ? shared : scratch + blockIdx.x * size);
}

class CudaDevice {
 public:
  // The first device that is visible (CUDA_VISIBLE_DEVICES), or a DeviceError that says what is missing.
  CudaDevice();
  ~CudaDevice();
  CudaDevice(const CudaDevice&) = delete;
  CudaDevice& operator=(const CudaDevice&) = delete;

  void* allocate(std::size_t bytes);
  void release(void* data) noexcept;
  std::size_t freeMemory();
  // What freeMemory() may at most say, together with what is in use.
  void limitMemory(std::size_t bytes) { limit_ = bytes; }

  void copyIn(void* to, const void* from, std::size_t bytes);
  void copyOut(void* to, const void* from, std::size_t bytes);
  void clear(void* to, std::size_t bytes);

  // A copy to pinned memory, on a stream of its own.
  class Transfer {
   public:
    Transfer(CudaDevice& device, const void* from, std::size_t bytes);
    Transfer(Transfer&& other) noexcept;
    Transfer& operator=(Transfer&&) = delete;
    ~Transfer();
    const void* finish();

   private:
    CudaDevice* device_;
    std::size_t bytes_;
    void* pinned_ = nullptr;
    cudaEvent_t arrived_ = nullptr;
  };
  Transfer startTransfer(const void* from, std::size_t bytes) { return {*this, from, bytes}; }

  template <typename Body>
  void forEach(std::size_t rows, std::size_t columns, const Body& body) {
    if (rows == 0 || columns == 0) return;
    constexpr std::size_t kThreads = 256, kMostBlocksDown = 65535;
    // Few columns: the threads of a block are then spread over rows.
    std::size_t across = kThreads;
    while (across > 32 && across / 2 >= columns) across /= 2;
    const std::size_t down = kThreads / across;
    const std::size_t blocksAcross = (columns + across - 1) / across, blocksDown = (rows + down - 1) / down;
    if (blocksAcross > static_cast<std::size_t>(std::numeric_limits<int>::max()))
      throw DeviceError("CUDA: a row is too long for one launch");
    const dim3 grid(static_cast<unsigned>(blocksAcross),
                    static_cast<unsigned>(std::min(blocksDown, kMostBlocksDown)));
    forEachKernel<<<grid, dim3(static_cast<unsigned>(across), static_cast<unsigned>(down)), 0, stream_>>>(
        rows, columns, body);
    check(cudaGetLastError(), "launching a kernel");
  }

  // Numbers that fit a block's share of the chip are there, others in the device's memory.
  template <typename Body>
  void forEachBlock(std::size_t count, std::size_t scratch, const Body& body) {
    if (count == 0) return;
    const std::size_t bytes = scratch * sizeof(double);
    if (count > static_cast<std::size_t>(std::numeric_limits<int>::max()))
      throw DeviceError("CUDA: too many blocks for one launch");
    double* global = nullptr;
    if (blockMemory(scratch) > 0) {
      global = static_cast<double*>(allocate(count * bytes));
    } else if (bytes > kSharedBytes) {
      check(cudaFuncSetAttribute(forEachBlockKernel<Body>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 static_cast<int>(bytes)),
            "asking for shared memory");
    }
    forEachBlockKernel<<<static_cast<unsigned>(count), kBlockThreads, global == nullptr ? bytes : 0,
                         stream_>>>(body, global, scratch);
    const cudaError_t status = cudaGetLastError();
    if (global != nullptr) release(global);
    check(status, "launching a kernel");
  }
  double blockMemory(std::size_t scratch) const {
    const double bytes = static_cast<double>(scratch) * sizeof(double);
    return bytes > static_cast<double>(sharedBytes_) ? bytes : 0;
  }

  template <typename T>
  const T* zero() const {
    return constants<T>();
  }
  template <typename T>
  const T* one() const {
    return constants<T>() + 1;
  }

  template <typename T>
  void gemm(Transpose transposeA, Transpose transposeB, const T* alpha, MatrixView<const T> a,
            MatrixView<const T> b, const T* beta, MatrixView<T> c, bool tf32 = false);
  template <typename T>
  void gemmBatched(Transpose transposeA, Transpose transposeB, const T* alpha, MatrixView<const T> a,
                   MatrixView<const T> b, const T* beta, MatrixView<T> c, BatchStrides strides,
                   bool tf32 = false);
  template <typename T>
  void syrk(MatrixView<const T> a, MatrixView<T> c);

  // The host runs ahead of the device by a few tens of milliseconds of work at most.
  void pace(Run& run, double flops);

  // What a body enqueues as one CUDA graph; with DEEPNTK_CUDA_GRAPHS=0 it is enqueued anew at each replay.
  class Graph {
   public:
    Graph(cudaGraphExec_t executable, std::function<void()> body)
        : executable_(executable), body_(std::move(body)) {}
    Graph(Graph&& other) noexcept
        : executable_(std::exchange(other.executable_, nullptr)), body_(std::move(other.body_)) {}
    Graph& operator=(Graph&&) = delete;
    ~Graph();

   private:
    cudaGraphExec_t executable_;
    std::function<void()> body_;
    friend class CudaDevice;
  };
  Graph capture(std::function<void()> body);
  void replay(const Graph& graph);

  // Waits for all that is enqueued, and gives memory back to the system: what a job leaves behind.
  void settle() noexcept;
  // Whether an error made the device useless to this process.
  bool lost() const noexcept { return lost_; }

  cudaStream_t stream() const { return stream_; }

 private:
  template <typename T>
  const T* constants() const;
  void checkCublas(cublasStatus_t status, const char* what) const;
  void useTf32(bool tf32);
  void* takePinned(std::size_t& bytes);
  void givePinned(void* data, std::size_t bytes) noexcept;
  void destroy() noexcept;

  struct Milestone {
    cudaEvent_t event;
    double flops;
  };
  struct Pinned {
    void* data;
    std::size_t bytes;
  };

  const Cublas* cublas_ = nullptr;
  cublasHandle_t handle_ = nullptr;
  cudaStream_t stream_ = nullptr, copies_ = nullptr;
  cudaEvent_t ready_ = nullptr;
  cudaMemPool_t pool_ = nullptr;
  void* workspace_ = nullptr;
  void* constants_ = nullptr;  // 0 and 1 as doubles, then as floats
  bool tf32_ = false, graphs_ = true, readsHostPages_ = false, lost_ = false;
  static constexpr std::size_t kSharedBytes = 48 << 10;  // of a block that asks for no more
  std::size_t sharedBytes_ = kSharedBytes;               // of a block that does
  std::size_t limit_ = std::numeric_limits<std::size_t>::max();
  std::vector<Pinned> pinned_;  // not in use
  std::deque<Milestone> milestones_;
  std::vector<cudaEvent_t> events_;  // not in use
  double unmarked_ = 0;              // flops since the last milestone
  double outstanding_ = 0;           // flops of all milestones
};

}  // namespace deepntk::cuda
