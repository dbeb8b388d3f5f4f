// The sampling functions of the addon.
#pragma once

#include <napi.h>

namespace deepntk {

// startChain(task, listener) -> cancel
Napi::Value startChain(const Napi::CallbackInfo& info);

}  // namespace deepntk
