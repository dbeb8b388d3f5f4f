#include <chrono>
#include <cstdlib>
#include <memory>
#include <mutex>

#include "../addon/compute.hpp"
#include "kernel.hpp"
#include "lease.hpp"

namespace deepntk::cuda {

namespace {

constexpr int kOldestCapability = 75;

std::string versionOf(int number) {
  return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

// Never destroyed: the CUDA runtime's own exit handlers may run before.
struct Shared {
  std::timed_mutex mutex;
  std::unique_ptr<CudaDevice> device;
};

Shared& shared() {
  static auto* instance = new Shared;
  return *instance;
}

std::size_t memoryLimit() {
  const char* const text = std::getenv("DEEPNTK_CUDA_MEMORY");
  if (text == nullptr || *text == '\0') return std::numeric_limits<std::size_t>::max();
  char* end = nullptr;
  const double bytes = std::strtod(text, &end);
  if (*end != '\0' || !(bytes >= 1))
    throw DeviceError(std::string("DEEPNTK_CUDA_MEMORY: expected a number of bytes, got \"") + text + "\"");
  return static_cast<std::size_t>(std::min(bytes, 1e18));
}

}  // namespace

Lease::Lease(const Run& run) {
  Shared& all = shared();
  while (!all.mutex.try_lock_for(std::chrono::milliseconds(20))) run.check();
  try {
    if (all.device == nullptr) all.device = std::make_unique<CudaDevice>();
    if (all.device->lost())
      throw DeviceError(
          "CUDA: the device failed before, and cannot be used again by this process; the native backend can");
    check(cudaSetDevice(0), "choosing the device");  // a thread's own choice
    all.device->limitMemory(memoryLimit());
  } catch (...) {
    all.mutex.unlock();
    throw;
  }
  device_ = all.device.get();
}

Lease::~Lease() {
  device_->settle();
  shared().mutex.unlock();
}

void Lease::closeDevice() {
  Shared& all = shared();
  const std::lock_guard<std::timed_mutex> lock(all.mutex);
  all.device.reset();
}

}  // namespace deepntk::cuda

// Threads and blocks of rows are the host's affair: the operations on a GPU ignore both.
namespace deepntk::compute {

using namespace cuda;

std::string whyUnavailable() {
  int driver = 0, devices = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) {
    cudaGetLastError();
    return "there is no NVIDIA driver (libcuda.so.1)";
  }
  const cudaError_t status = cudaGetDeviceCount(&devices);
  cudaGetLastError();
  if (status == cudaErrorInsufficientDriver) {
    return "the NVIDIA driver is too old: it knows CUDA " + versionOf(driver) + ", and CUDA " +
           versionOf(CUDART_VERSION) + " is needed";
  }
  if (status == cudaErrorNoDevice || (status == cudaSuccess && devices == 0))
    return "the NVIDIA driver finds no device (nvidia-smi lists them; CUDA_VISIBLE_DEVICES hides them)";
  if (status != cudaSuccess) return std::string("the NVIDIA driver fails: ") + cudaGetErrorString(status);
  int major = 0, minor = 0;
  cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0);
  cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, 0);
  if (10 * major + minor < kOldestCapability) {
    return "the device has compute capability " + std::to_string(major) + "." + std::to_string(minor) +
           ", and 7.5 is needed";
  }
  std::string missing;
  return loadCublas(missing) == nullptr ? missing : "";
}

// It asks for nothing that has to wait for a job.
Description describe() {
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, 0), "asking for the device's properties");
  int driver = 0;
  check(cudaDriverGetVersion(&driver), "asking for the driver's version");
  std::string cublasVersion, missing, mixed;
  if (const Cublas* const cublas = loadCublas(missing)) {
    for (const libraryPropertyType part : {MAJOR_VERSION, MINOR_VERSION, PATCH_LEVEL}) {
      int number = 0;
      cublas->getProperty(part, &number);
      cublasVersion += (part == MAJOR_VERSION ? "" : ".") + std::to_string(number);
    }
  }
  mixedMode(mixed);
  return {{"device", properties.name},
          {"capability", std::to_string(properties.major) + "." + std::to_string(properties.minor)},
          {"memory", static_cast<double>(properties.totalGlobalMem)},
          {"driver", versionOf(driver)},
          {"runtime", versionOf(CUDART_VERSION)},
          {"cublas", cublasVersion},
          {"mixed", mixed}};
}

void kernel(Run& run, std::size_t, const KernelTask& task) {
  const MixedMode mode = mixedMode();
  const Lease lease(run);
  computeKernel(run, lease.device(), mode, task);
}

double secondsOfGemm(std::size_t rows, std::size_t columns, std::size_t inner, bool single) {
  const Run run;
  const Lease lease(run);
  CudaDevice& device = lease.device();
  cudaEvent_t begin = nullptr, end = nullptr;
  check(cudaEventCreate(&begin), "creating an event");
  check(cudaEventCreate(&end), "creating an event");
  const auto measure = [&](auto zero) {
    using T = decltype(zero);
    // Random numbers: a GPU draws more power, and clocks lower, than on zeros.
    const auto random = [&](std::size_t size, std::uint32_t stream) {
      DeviceArray<CudaDevice, double> numbers(device, size);
      device.forEach(1, (size + 1) / 2, FillNormals{numbers.data(), size, 1, 0, stream, 1});
      DeviceArray<CudaDevice, T> cast(device, size);
      device.forEach(1, size, Gather<double, T>{numbers.data(), size, nullptr, nullptr, cast.data(), size});
      return cast;
    };
    const DeviceArray<CudaDevice, T> a = random(rows * inner, 1), b = random(columns * inner, 2);
    DeviceArray<CudaDevice, T> c(device, rows * columns);
    check(cudaEventRecord(begin, device.stream()), "recording an event");
    device.gemm<T>(Transpose::no, Transpose::yes, device.one<T>(), {a.data(), rows, inner, inner},
                   {b.data(), columns, inner, inner}, device.zero<T>(), {c.data(), rows, columns, columns});
    check(cudaEventRecord(end, device.stream()), "recording an event");
    check(cudaEventSynchronize(end), "computing");
  };
  if (single) {
    measure(float());
  } else {
    measure(double());
  }
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, begin, end), "measuring time");
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  return milliseconds / 1000;
}

}  // namespace deepntk::compute
