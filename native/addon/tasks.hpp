// The readers of the tasks of src/backend/seam.ts, one function each. `call` is { task, result, threads }.
#pragma once

#include "compute.hpp"
#include "object.hpp"

namespace deepntk {

void read(const Object& call, ForwardTask& task);
void read(const Object& call, JacobianTask& task);
void read(const Object& call, KernelTask& task);
void read(const Object& call, AnyFeaturesTask& task);
void read(const Object& call, AnyGramTileTask& task);
void read(const Object& call, AnyProductsTask& task);
void read(const Object& call, ChainTask& task);
void read(const Object& call, AnySampleTask& task);
void read(const Object& call, TrainTask& task);

}  // namespace deepntk
