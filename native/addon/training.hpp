#pragma once

#include <napi.h>

namespace deepntk {

// startTraining(task, listener) -> cancel
Napi::Value startTraining(const Napi::CallbackInfo& info);

}  // namespace deepntk
