// Blocks of a result on their way to the host, while the device computes the next ones.
#pragma once

#include <cstddef>
#include <cstring>
#include <deque>
#include <memory>
#include <utility>

#include "device.hpp"

namespace deepntk::cuda {

template <typename Device>
class Results {
 public:
  // At most `pending` blocks are on their way: a further one waits for the first of them.
  explicit Results(Device& device, std::size_t pending = 2) : device_(device), most_(pending) {}

  // `block` is rows x rowLength numbers; row i goes to `to` + i * stride.
  template <typename T>
  void send(DeviceArray<Device, T>&& block, T* to, std::size_t rows, std::size_t rowLength,
            std::size_t stride) {
    if (rows * rowLength == 0) return;
    if (pending_.size() == most_) finishFirst();
    auto transfer = device_.startTransfer(block.data(), rows * rowLength * sizeof(T));
    pending_.push_back({Hold<T>::keep(std::move(block)), std::move(transfer), reinterpret_cast<char*>(to),
                        rows, rowLength * sizeof(T), stride * sizeof(T)});
  }

  void finish() {
    while (!pending_.empty()) finishFirst();
  }

 private:
  // The memory of a block of whatever type.
  struct Held {
    virtual ~Held() = default;
  };
  template <typename T>
  struct Hold : Held {
    explicit Hold(DeviceArray<Device, T>&& block) : array(std::move(block)) {}
    static std::unique_ptr<Held> keep(DeviceArray<Device, T>&& block) {
      return std::make_unique<Hold<T>>(std::move(block));
    }
    DeviceArray<Device, T> array;
  };

  struct Pending {
    std::unique_ptr<Held> block;  // outlives the transfer, also where an error ends both
    typename Device::Transfer transfer;
    char* to;
    std::size_t rows, rowBytes, strideBytes;
  };

  void finishFirst() {
    Pending& first = pending_.front();
    const char* const bytes = static_cast<const char*>(first.transfer.finish());
    if (first.rowBytes == first.strideBytes) {
      std::memcpy(first.to, bytes, first.rows * first.rowBytes);
    } else {
      for (std::size_t i = 0; i < first.rows; i++) {
        std::memcpy(first.to + i * first.strideBytes, bytes + i * first.rowBytes, first.rowBytes);
      }
    }
    pending_.pop_front();
  }

  Device& device_;
  std::size_t most_;
  std::deque<Pending> pending_;
};

}  // namespace deepntk::cuda
