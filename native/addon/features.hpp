// Features of blocks of inputs, and what is computed from them; see native/core/features.hpp.
#pragma once

#include <napi.h>

namespace deepntk {

// Each: (task, listener) -> cancel
Napi::Value startFeatures(const Napi::CallbackInfo& info);
Napi::Value startGramTile(const Napi::CallbackInfo& info);
Napi::Value startProducts(const Napi::CallbackInfo& info);

}  // namespace deepntk
