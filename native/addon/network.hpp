// Reads the net that a task is about.
#pragma once

#include "../core/mlp.hpp"
#include "arguments.hpp"

namespace deepntk {

// From the properties widths, parameters, weightGains and biasGains.
Network readNetwork(Arguments& arguments);

}  // namespace deepntk
