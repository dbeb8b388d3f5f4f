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

// For several tasks: `widths`, at least two; an error about them if BLAS cannot count that many numbers in
// 32 bits; `form`; n x width numbers.
std::vector<std::size_t> widthsOf(const Object& from);
void expectFitsBlas(const Object& from, std::size_t longestRow);
KernelForm formOf(const Object& from);
const double* matrix(const Object& from, const char* name, std::size_t n, std::size_t width);

}  // namespace deepntk
