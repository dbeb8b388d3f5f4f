// cuBLAS, found when it is first needed: the addon does not depend on it, so that where it is missing there
// is a sentence that says so instead of a binary that does not load.
#pragma once

#include <cublas_v2.h>

#include <string>

namespace deepntk::cuda {

// The functions that are called, under their names without version.
struct Cublas {
  decltype(&cublasCreate_v2) create;
  decltype(&cublasDestroy_v2) destroy;
  decltype(&cublasGetProperty) getProperty;
  decltype(&cublasGetStatusString) getStatusString;
  decltype(&cublasSetStream_v2) setStream;
  decltype(&cublasSetWorkspace_v2) setWorkspace;
  decltype(&cublasSetPointerMode_v2) setPointerMode;
  decltype(&cublasSetMathMode) setMathMode;
  decltype(&cublasDgemm_v2) dgemm;
  decltype(&cublasSgemm_v2) sgemm;
  decltype(&cublasDsyrk_v2) dsyrk;
  decltype(&cublasSsyrk_v2) ssyrk;
  decltype(&cublasDgemmStridedBatched) dgemmStridedBatched;
  decltype(&cublasSgemmStridedBatched) sgemmStridedBatched;
};

// Loaded once: from the file that DEEPNTK_CUBLAS names, else as the system finds it, else from the usual
// folders of a CUDA toolkit. Null where there is none; `missing` then says what was looked for.
const Cublas* loadCublas(std::string& missing);

}  // namespace deepntk::cuda
