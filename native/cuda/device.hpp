// What the computations of this folder ask of the machine that they run on. Two classes have it: CudaDevice
// (cuda_device.cuh), and HostDevice of the tests (native/test/host_device.hpp), on which everything but the
// launches themselves is compared with native/core without a GPU. A Device has
//
//   void* allocate(std::size_t bytes);           std::bad_alloc where it does not fit
//   void release(void*) noexcept;                after what was enqueued before
//   std::size_t freeMemory();                    in bytes
//   void copyIn(void* to, const void* from, std::size_t bytes);    `from`, on the host, may change on return
//   void copyOut(void* to, const void* from, std::size_t bytes);   returns when `to`, on the host, is written
//   void clear(void* to, std::size_t bytes);     zeros
//   Transfer startTransfer(const void* from, std::size_t bytes);   to the host, beside later computations
//   const void* Transfer::finish();              the bytes, until the Transfer is destroyed
//   forEach(rows, columns, body);                body(row, column) for all, in any order and in parallel
//   forEachBlock(count, scratch, body);          body(team, index, numbers) for all indices, each by a team
//   of
//                                                threads of its own: team.forEach(count, body) has them share
//                                                calls out, and waits for all, as team.sync() does.
//                                                `numbers`: `scratch` doubles, uninitialized, of the team
//                                                alone
//   double blockMemory(std::size_t scratch);     bytes of the device's memory that this takes for one index
//   gemm, gemmBatched, syrk;                     see products.hpp
//   const T* zero<T>(), one<T>();                constants in the device's memory
//   void pace(Run&, double flops);               after that much was enqueued: cancellation and progress
//   Graph capture(body); void replay(Graph&);    what `body` enqueues, to be enqueued again and again
//
// All of it is enqueued in one order; only copyOut, Transfer::finish and pace make the host wait.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <utility>
#include <vector>

#include "../core/buffer.hpp"
#include "../core/mlp.hpp"

namespace deepntk::cuda {

// Uninitialized numbers in a device's memory.
template <typename Device, typename T>
class DeviceArray {
 public:
  DeviceArray() = default;
  DeviceArray(Device& device, std::size_t size) : device_(&device), size_(size) {
    if (size > std::numeric_limits<std::size_t>::max() / sizeof(T)) throw std::bad_alloc();
    if (size > 0) data_ = static_cast<T*>(device.allocate(size * sizeof(T)));
  }
  // A copy of numbers of the host.
  DeviceArray(Device& device, const T* values, std::size_t size) : DeviceArray(device, size) {
    if (size > 0) device.copyIn(data_, values, size * sizeof(T));
  }
  DeviceArray(Device& device, const std::vector<T>& values)
      : DeviceArray(device, values.data(), values.size()) {}
  DeviceArray(DeviceArray&& other) noexcept
      : device_(other.device_),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  DeviceArray& operator=(DeviceArray&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~DeviceArray() {
    if (data_ != nullptr) device_->release(data_);
  }

  T* data() const { return data_; }
  std::size_t size() const { return size_; }

  void clear() {
    if (size_ > 0) device_->clear(data_, size_ * sizeof(T));
  }
  void copyOut(T* host) const {
    if (size_ > 0) device_->copyOut(host, data_, size_ * sizeof(T));
  }
  std::vector<T> toHost() const {
    std::vector<T> values(size_);
    copyOut(values.data());
    return values;
  }

 private:
  Device* device_ = nullptr;
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

// A net whose parameters lie on the device: a Network with the device's pointers, and the gains as numbers
// there, where matrix products read them.
template <typename Device>
class ResidentNetwork {
 public:
  ResidentNetwork(Device& device, const Network& network)
      : widths_(widthsOf(network)),
        weightGains_(gainsOf(network, &Layer::weightGain)),
        biasGains_(gainsOf(network, &Layer::biasGain)),
        parameters_(device, network.layer(1).weights.data, network.parameterCount()),
        view_(widths_, parameters_.data(), {weightGains_.data(), weightGains_.size()},
              {biasGains_.data(), biasGains_.size()}),
        weightAlphas_(device, weightGains_),
        biasAlphas_(device, biasGains_) {}

  // Its layers' pointers are the device's.
  const Network& view() const { return view_; }
  const DeviceArray<Device, double>& parameters() const { return parameters_; }
  const double* weightGain(std::size_t l) const { return weightAlphas_.data() + (l - 1); }
  const double* biasGain(std::size_t l) const { return biasAlphas_.data() + (l - 1); }

 private:
  static std::vector<std::size_t> widthsOf(const Network& network) {
    std::vector<std::size_t> widths;
    for (std::size_t l = 0; l <= network.layers(); l++) widths.push_back(network.width(l));
    return widths;
  }
  static std::vector<double> gainsOf(const Network& network, double Layer::*gain) {
    std::vector<double> gains;
    for (std::size_t l = 1; l <= network.layers(); l++) gains.push_back(network.layer(l).*gain);
    return gains;
  }

  std::vector<std::size_t> widths_;
  std::vector<double> weightGains_, biasGains_;
  DeviceArray<Device, double> parameters_;
  Network view_;
  DeviceArray<Device, double> weightAlphas_, biasAlphas_;
};

}  // namespace deepntk::cuda
