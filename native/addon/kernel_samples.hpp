#pragma once

#include <napi.h>

namespace deepntk {

// startKernelSamples(task, listener) -> cancel
Napi::Value startKernelSamples(const Napi::CallbackInfo& info);

}  // namespace deepntk
