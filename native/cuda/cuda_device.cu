#include <cstdlib>
#include <cstring>

#include "cuda_device.hpp"

namespace deepntk::cuda {

namespace {

constexpr std::size_t kWorkspace = 32 << 20;    // what NVIDIA recommends for cuBLAS on sm_90
constexpr std::size_t kKeptMemory = 256 << 20;  // of the device, and pinned, between two jobs
constexpr double kMilestoneFlops = 2e11;        // some 10 ms of float32 on a large GPU
constexpr std::size_t kMilestones = 3;
constexpr std::size_t kBatchedProducts = 63 * 1024;  // of one call: a grid's third side ends at 65,535

int toInt(std::size_t value) {
  if (value > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    throw DeviceError("cuBLAS: a matrix has more than 2^31 - 1 rows or columns");
  return static_cast<int>(value);
}

int leading(std::size_t stride) {
  return std::max(1, toInt(stride));
}

cublasOperation_t operation(Transpose transpose) {
  return transpose == Transpose::yes ? CUBLAS_OP_T : CUBLAS_OP_N;
}

}  // namespace

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // an error that does not stay is forgotten, so that the next call does not report it
  if (status == cudaErrorMemoryAllocation) throw std::bad_alloc();
  throw DeviceError(std::string("CUDA: ") + what + ": " + cudaGetErrorString(status) + " (" +
                    cudaGetErrorName(status) + ")");
}

CudaDevice::CudaDevice() {
  std::string missing;
  cublas_ = loadCublas(missing);
  if (cublas_ == nullptr) throw DeviceError(missing);
  try {
    check(cudaSetDevice(0), "choosing the device");
    int readsHostPages = 0;
    check(cudaDeviceGetAttribute(&readsHostPages, cudaDevAttrPageableMemoryAccess, 0),
          "asking for an attribute");
    readsHostPages_ = readsHostPages != 0;
    int sharedBytes = 0;
    check(cudaDeviceGetAttribute(&sharedBytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0),
          "asking for an attribute");
    sharedBytes_ = std::max(sharedBytes_, static_cast<std::size_t>(sharedBytes));
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "creating a stream");
    check(cudaStreamCreateWithFlags(&copies_, cudaStreamNonBlocking), "creating a stream");
    check(cudaEventCreateWithFlags(&ready_, cudaEventDisableTiming), "creating an event");
    check(cudaDeviceGetDefaultMemPool(&pool_, 0), "finding the memory pool");
    std::uint64_t threshold = std::numeric_limits<std::uint64_t>::max();
    check(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &threshold),
          "setting up the memory pool");
    check(cudaMalloc(&workspace_, kWorkspace), "allocating cuBLAS's workspace");
    const double doubles[] = {0, 1};
    const float floats[] = {0, 1};
    check(cudaMalloc(&constants_, sizeof doubles + sizeof floats), "allocating constants");
    check(cudaMemcpy(constants_, doubles, sizeof doubles, cudaMemcpyHostToDevice), "copying constants");
    check(cudaMemcpy(static_cast<char*>(constants_) + sizeof doubles, floats, sizeof floats,
                     cudaMemcpyHostToDevice),
          "copying constants");
    checkCublas(cublas_->create(&handle_), "creating a handle");
    checkCublas(cublas_->setStream(handle_, stream_), "setting the stream");
    checkCublas(cublas_->setWorkspace(handle_, workspace_, kWorkspace), "setting the workspace");
    checkCublas(cublas_->setPointerMode(handle_, CUBLAS_POINTER_MODE_DEVICE), "setting the pointer mode");
    checkCublas(cublas_->setMathMode(handle_, CUBLAS_DEFAULT_MATH), "setting the math mode");
  } catch (...) {
    destroy();
    throw;
  }
  const char* const graphs = std::getenv("DEEPNTK_CUDA_GRAPHS");
  graphs_ = graphs == nullptr || std::strcmp(graphs, "0") != 0;
}

CudaDevice::~CudaDevice() {
  settle();
  destroy();
}

void CudaDevice::destroy() noexcept {
  for (const cudaEvent_t event : events_) cudaEventDestroy(event);
  for (const Pinned& pinned : pinned_) cudaFreeHost(pinned.data);
  if (handle_ != nullptr) cublas_->destroy(handle_);
  if (constants_ != nullptr) cudaFree(constants_);
  if (workspace_ != nullptr) cudaFree(workspace_);
  if (ready_ != nullptr) cudaEventDestroy(ready_);
  if (copies_ != nullptr) cudaStreamDestroy(copies_);
  if (stream_ != nullptr) cudaStreamDestroy(stream_);
  cudaGetLastError();
}

void CudaDevice::settle() noexcept {
  const cudaError_t computed = cudaStreamSynchronize(stream_), copied = cudaStreamSynchronize(copies_);
  for (const Milestone& milestone : milestones_) events_.push_back(milestone.event);
  milestones_.clear();
  unmarked_ = outstanding_ = 0;
  cudaMemPoolTrimTo(pool_, kKeptMemory);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < pinned_.size();) {
    if (kept + pinned_[i].bytes <= kKeptMemory) {
      kept += pinned_[i++].bytes;
      continue;
    }
    cudaFreeHost(pinned_[i].data);
    pinned_.erase(pinned_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  // Errors that stay are seen by every later call.
  if (computed != cudaSuccess || copied != cudaSuccess || cudaStreamQuery(stream_) != cudaSuccess)
    lost_ = true;
  cudaGetLastError();
}

void* CudaDevice::allocate(std::size_t bytes) {
  void* data = nullptr;
  check(cudaMallocAsync(&data, bytes, stream_), "allocating memory");
  return data;
}

void CudaDevice::release(void* data) noexcept {
  cudaFreeAsync(data, stream_);
}

// What the system has free, and what the pool holds unused.
std::size_t CudaDevice::freeMemory() {
  check(cudaStreamSynchronize(stream_), "computing");
  std::size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total), "asking for free memory");
  std::uint64_t reserved = 0, used = 0;
  check(cudaMemPoolGetAttribute(pool_, cudaMemPoolAttrReservedMemCurrent, &reserved),
        "asking the memory pool");
  check(cudaMemPoolGetAttribute(pool_, cudaMemPoolAttrUsedMemCurrent, &used), "asking the memory pool");
  const std::size_t available = free + (reserved - used);
  return std::min(available, limit_ > used ? limit_ - static_cast<std::size_t>(used) : 0);
}

void CudaDevice::copyIn(void* to, const void* from, std::size_t bytes) {
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_), "copying to the device");
  // From pageable memory it returns when `from` has been read, but where the device reads that memory itself.
  if (readsHostPages_) check(cudaStreamSynchronize(stream_), "computing");
}

void CudaDevice::copyOut(void* to, const void* from, std::size_t bytes) {
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_), "copying to the host");
  check(cudaStreamSynchronize(stream_), "computing");
}

void CudaDevice::clear(void* to, std::size_t bytes) {
  check(cudaMemsetAsync(to, 0, bytes, stream_), "clearing memory");
}

// --- Transfers
// -----------------------------------------------------------------------------------------------------------

CudaDevice::Transfer::Transfer(CudaDevice& device, const void* from, std::size_t bytes)
    : device_(&device), bytes_(bytes) {
  pinned_ = device.takePinned(bytes_);
  try {
    check(cudaEventCreateWithFlags(&arrived_, cudaEventDisableTiming), "creating an event");
    check(cudaEventRecord(device.ready_, device.stream_), "recording an event");
    check(cudaStreamWaitEvent(device.copies_, device.ready_, 0), "waiting for an event");
    check(cudaMemcpyAsync(pinned_, from, bytes, cudaMemcpyDeviceToHost, device.copies_),
          "copying to the host");
    check(cudaEventRecord(arrived_, device.copies_), "recording an event");
  } catch (...) {
    cudaStreamSynchronize(device.copies_);
    if (arrived_ != nullptr) cudaEventDestroy(arrived_);
    device.givePinned(pinned_, bytes_);
    throw;
  }
}

CudaDevice::Transfer::Transfer(Transfer&& other) noexcept
    : device_(other.device_),
      bytes_(other.bytes_),
      pinned_(std::exchange(other.pinned_, nullptr)),
      arrived_(std::exchange(other.arrived_, nullptr)) {}

CudaDevice::Transfer::~Transfer() {
  if (pinned_ == nullptr) return;
  cudaEventSynchronize(arrived_);
  cudaEventDestroy(arrived_);
  device_->givePinned(pinned_, bytes_);
}

const void* CudaDevice::Transfer::finish() {
  check(cudaEventSynchronize(arrived_), "computing");
  return pinned_;
}

// The smallest free piece that is large enough, or a new one; `bytes` becomes its size.
void* CudaDevice::takePinned(std::size_t& bytes) {
  auto best = pinned_.end();
  for (auto piece = pinned_.begin(); piece != pinned_.end(); ++piece) {
    if (piece->bytes >= bytes && (best == pinned_.end() || piece->bytes < best->bytes)) best = piece;
  }
  if (best != pinned_.end()) {
    bytes = best->bytes;
    void* const data = best->data;
    pinned_.erase(best);
    return data;
  }
  void* data = nullptr;
  check(cudaMallocHost(&data, bytes), "allocating pinned memory");
  return data;
}

void CudaDevice::givePinned(void* data, std::size_t bytes) noexcept {
  try {
    pinned_.push_back({data, bytes});
  } catch (...) {
    cudaFreeHost(data);
  }
}

// --- Products
// -----------------------------------------------------------------------------------------------------------

void CudaDevice::checkCublas(cublasStatus_t status, const char* what) const {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  if (status == CUBLAS_STATUS_ALLOC_FAILED) throw std::bad_alloc();
  check(cudaPeekAtLastError(), what);  // what went wrong before says more
  throw DeviceError(std::string("cuBLAS: ") + what + ": " + cublas_->getStatusString(status));
}

template <typename T>
const T* CudaDevice::constants() const {
  if constexpr (sizeof(T) == sizeof(double)) return static_cast<const T*>(constants_);
  return reinterpret_cast<const T*>(static_cast<const char*>(constants_) + 2 * sizeof(double));
}

void CudaDevice::useTf32(bool tf32) {
  if (tf32 == tf32_) return;
  checkCublas(cublas_->setMathMode(handle_, tf32 ? CUBLAS_TF32_TENSOR_OP_MATH : CUBLAS_DEFAULT_MATH),
              "setting the math mode");
  tf32_ = tf32;
}

// Row-major C = op(A) op(B) is column-major C' = op(B)' op(A)', and a row-major matrix, read column by
// column, is its own transpose.
template <typename T>
void CudaDevice::gemm(Transpose transposeA, Transpose transposeB, const T* alpha, MatrixView<const T> a,
                      MatrixView<const T> b, const T* beta, MatrixView<T> c, bool tf32) {
  if (c.rows == 0 || c.columns == 0) return;
  const int m = toInt(c.columns), n = toInt(c.rows);
  const int k = toInt(transposeA == Transpose::yes ? a.rows : a.columns);
  const cublasOperation_t left = operation(transposeB), right = operation(transposeA);
  if constexpr (sizeof(T) == sizeof(double)) {
    checkCublas(cublas_->dgemm(handle_, left, right, m, n, k, alpha, b.data, leading(b.stride), a.data,
                               leading(a.stride), beta, c.data, leading(c.stride)),
                "a matrix product");
  } else {
    useTf32(tf32);
    checkCublas(cublas_->sgemm(handle_, left, right, m, n, k, alpha, b.data, leading(b.stride), a.data,
                               leading(a.stride), beta, c.data, leading(c.stride)),
                "a matrix product");
  }
}

template <typename T>
void CudaDevice::gemmBatched(Transpose transposeA, Transpose transposeB, const T* alpha,
                             MatrixView<const T> a, MatrixView<const T> b, const T* beta, MatrixView<T> c,
                             BatchStrides strides, bool tf32) {
  if (c.rows == 0 || c.columns == 0 || strides.count == 0) return;
  const int m = toInt(c.columns), n = toInt(c.rows);
  const int k = toInt(transposeA == Transpose::yes ? a.rows : a.columns);
  const cublasOperation_t left = operation(transposeB), right = operation(transposeA);
  const auto strideA = static_cast<long long>(strides.a), strideB = static_cast<long long>(strides.b),
             strideC = static_cast<long long>(strides.c);
  if constexpr (sizeof(T) == sizeof(float)) useTf32(tf32);
  for (std::size_t i = 0; i < strides.count; i += kBatchedProducts) {
    const T *const ofA = a.data + i * strides.a, *const ofB = b.data + i * strides.b;
    T* const ofC = c.data + i * strides.c;
    const int count = toInt(std::min(kBatchedProducts, strides.count - i));
    if constexpr (sizeof(T) == sizeof(double)) {
      checkCublas(cublas_->dgemmStridedBatched(handle_, left, right, m, n, k, alpha, ofB, leading(b.stride),
                                               strideB, ofA, leading(a.stride), strideA, beta, ofC,
                                               leading(c.stride), strideC, count),
                  "a batch of matrix products");
    } else {
      checkCublas(cublas_->sgemmStridedBatched(handle_, left, right, m, n, k, alpha, ofB, leading(b.stride),
                                               strideB, ofA, leading(a.stride), strideA, beta, ofC,
                                               leading(c.stride), strideC, count),
                  "a batch of matrix products");
    }
  }
}

// The lower triangle of a row-major matrix is the upper one of its transpose.
template <typename T>
void CudaDevice::syrk(MatrixView<const T> a, MatrixView<T> c) {
  if (c.rows == 0) return;
  const int n = toInt(c.rows), k = toInt(a.columns);
  if constexpr (sizeof(T) == sizeof(double)) {
    checkCublas(cublas_->dsyrk(handle_, CUBLAS_FILL_MODE_UPPER, CUBLAS_OP_T, n, k, one<T>(), a.data,
                               leading(a.stride), zero<T>(), c.data, leading(c.stride)),
                "a symmetric product");
  } else {
    useTf32(false);
    checkCublas(cublas_->ssyrk(handle_, CUBLAS_FILL_MODE_UPPER, CUBLAS_OP_T, n, k, one<T>(), a.data,
                               leading(a.stride), zero<T>(), c.data, leading(c.stride)),
                "a symmetric product");
  }
}

#define DEEPNTK_INSTANTIATE(T)                                                                         \
  template const T* CudaDevice::constants<T>() const;                                                  \
  template void CudaDevice::gemm<T>(Transpose, Transpose, const T*, MatrixView<const T>,               \
                                    MatrixView<const T>, const T*, MatrixView<T>, bool);               \
  template void CudaDevice::gemmBatched<T>(Transpose, Transpose, const T*, MatrixView<const T>,        \
                                           MatrixView<const T>, const T*, MatrixView<T>, BatchStrides, \
                                           bool);                                                      \
  template void CudaDevice::syrk<T>(MatrixView<const T>, MatrixView<T>);
DEEPNTK_INSTANTIATE(double)
DEEPNTK_INSTANTIATE(float)

// --- Pace and graphs
// -----------------------------------------------------------------------------------------------------------

void CudaDevice::pace(Run& run, double flops) {
  run.check();
  unmarked_ += flops;
  if (unmarked_ < kMilestoneFlops) return;
  if (events_.empty()) {
    cudaEvent_t event = nullptr;
    check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "creating an event");
    events_.push_back(event);
  }
  milestones_.push_back({events_.back(), unmarked_});
  events_.pop_back();
  outstanding_ += unmarked_;
  unmarked_ = 0;
  check(cudaEventRecord(milestones_.back().event, stream_), "recording an event");
  // A milestone may be a launch of much more than kMilestoneFlops.
  while (milestones_.size() > kMilestones || outstanding_ > kMilestones * kMilestoneFlops) {
    const Milestone first = milestones_.front();
    milestones_.pop_front();
    outstanding_ -= first.flops;
    events_.push_back(first.event);
    check(cudaEventSynchronize(first.event), "computing");
    run.advance(first.flops);
    run.check();
  }
}

CudaDevice::Graph::~Graph() {
  if (executable_ != nullptr) cudaGraphExecDestroy(executable_);
}

CudaDevice::Graph CudaDevice::capture(std::function<void()> body) {
  if (!graphs_) return {nullptr, std::move(body)};
  check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "recording a graph");
  cudaGraph_t graph = nullptr;
  try {
    body();
  } catch (...) {
    cudaStreamEndCapture(stream_, &graph);
    if (graph != nullptr) cudaGraphDestroy(graph);
    cudaGetLastError();
    throw;
  }
  check(cudaStreamEndCapture(stream_, &graph), "recording a graph");
  cudaGraphExec_t executable = nullptr;
  const cudaError_t status = cudaGraphInstantiate(&executable, graph, 0);
  cudaGraphDestroy(graph);
  check(status, "preparing a graph");
  return {executable, nullptr};
}

void CudaDevice::replay(const Graph& graph) {
  if (graph.executable_ == nullptr) return graph.body_();
  check(cudaGraphLaunch(graph.executable_, stream_), "launching a graph");
}

}  // namespace deepntk::cuda
