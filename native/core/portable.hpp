// What lets one function run on the CPU and in a CUDA kernel.
#pragma once

// Marks a function of scalars that nvcc compiles for both sides. Compilers of C++ alone see an ordinary
// function.
#ifdef __CUDACC__
#define DEEPNTK_PORTABLE __host__ __device__
#else
#define DEEPNTK_PORTABLE
#endif
