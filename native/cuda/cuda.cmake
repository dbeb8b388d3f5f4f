# The library deepntk_gpu: what computes on an NVIDIA GPU. It is linked to the CUDA runtime statically and to no
# other library of NVIDIA's: the runtime finds the driver, and cublas.cpp finds cuBLAS, when they are first needed.
include(CheckLanguage)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  message(FATAL_ERROR "DEEPNTK_CUDA: nvcc was not found: install the CUDA toolkit, or name it by CUDACXX")
endif()
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  # Machine code for Turing, Ampere and Ada, Hopper; PTX for what comes after.
  set(CMAKE_CUDA_ARCHITECTURES 75-real 80-real 90)
endif()
set(CMAKE_CUDA_STANDARD 17)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_EXTENSIONS OFF)
enable_language(CUDA)
find_package(CUDAToolkit REQUIRED)

find_path(DEEPNTK_CUBLAS_INCLUDE cublas_v2.h HINTS ${CUDAToolkit_INCLUDE_DIRS}
          DOC "The folder of cublas_v2.h, where it is not the CUDA toolkit's")
if(NOT DEEPNTK_CUBLAS_INCLUDE)
  message(FATAL_ERROR "DEEPNTK_CUDA: cublas_v2.h was not found: install cuBLAS of the CUDA toolkit, "
                      "or name its folder by -DDEEPNTK_CUBLAS_INCLUDE")
endif()

add_library(deepntk_gpu STATIC
  native/cuda/chain.cu
  native/cuda/cublas.cpp
  native/cuda/cuda.cu
  native/cuda/cuda_device.cu
  native/cuda/features.cu
  native/cuda/forward.cu
  native/cuda/kernel_samples.cu
  native/cuda/mixed.cpp
  native/cuda/training.cu)
target_include_directories(deepntk_gpu PUBLIC ${DEEPNTK_CUBLAS_INCLUDE} ${CUDAToolkit_INCLUDE_DIRS})
target_link_libraries(deepntk_gpu PUBLIC deepntk_core CUDA::cudart_static ${CMAKE_DL_LIBS})
# Nothing is contracted into fused multiply-adds: random numbers are those of the CPU to the last bit.
target_compile_options(deepntk_gpu PUBLIC
  $<$<COMPILE_LANGUAGE:CUDA>:-fmad=false --expt-relaxed-constexpr -diag-suppress=554
    -Xcompiler=-fPIC,-fvisibility=hidden,-ffp-contract=off>)
set_target_properties(deepntk_gpu PROPERTIES CUDA_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden)
