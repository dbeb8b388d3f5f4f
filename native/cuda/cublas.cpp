#include "cublas.hpp"

#include <dlfcn.h>

#include <cstdlib>
#include <vector>

namespace deepntk::cuda {

namespace {

#define DEEPNTK_TEXT_OF(value) #value
#define DEEPNTK_TEXT(value) DEEPNTK_TEXT_OF(value)

constexpr const char* kName = "libcublas.so." DEEPNTK_TEXT(CUBLAS_VER_MAJOR);

std::vector<std::string> candidates() {
  if (const char* const file = std::getenv("DEEPNTK_CUBLAS"); file != nullptr && *file != '\0') return {file};
  const std::string name = kName;
  std::vector<std::string> files{name};
  for (const char* const variable : {"CUDA_HOME", "CUDA_PATH"}) {
    if (const char* const folder = std::getenv(variable); folder != nullptr && *folder != '\0')
      files.push_back(std::string(folder) + "/lib64/" + name);
  }
  files.push_back("/usr/local/cuda/lib64/" + name);
  return files;
}

template <typename Function>
bool find(void* library, const char* symbol, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, symbol));
  return function != nullptr;
}

struct Loading {
  Cublas functions{};
  bool found = false;
  std::string missing;
};

bool findAll(void* library, Cublas& functions) {
  return find(library, "cublasCreate_v2", functions.create) &&
         find(library, "cublasDestroy_v2", functions.destroy) &&
         find(library, "cublasGetProperty", functions.getProperty) &&
         find(library, "cublasGetStatusString", functions.getStatusString) &&
         find(library, "cublasSetStream_v2", functions.setStream) &&
         find(library, "cublasSetWorkspace_v2", functions.setWorkspace) &&
         find(library, "cublasSetPointerMode_v2", functions.setPointerMode) &&
         find(library, "cublasSetMathMode", functions.setMathMode) &&
         find(library, "cublasDgemm_v2", functions.dgemm) &&
         find(library, "cublasSgemm_v2", functions.sgemm) &&
         find(library, "cublasDsyrk_v2", functions.dsyrk) &&
         find(library, "cublasSsyrk_v2", functions.ssyrk) &&
         find(library, "cublasDgemmStridedBatched", functions.dgemmStridedBatched) &&
         find(library, "cublasSgemmStridedBatched", functions.sgemmStridedBatched);
}

Loading load() {
  Loading loading;
  std::string reasons;
  for (const std::string& file : candidates()) {
    void* const library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      const char* const reason = dlerror();
      reasons += std::string(reasons.empty() ? "" : "; ") + (reason == nullptr ? file : reason);
      continue;
    }
    loading.found = findAll(library, loading.functions);
    if (loading.found) return loading;
    reasons += std::string(reasons.empty() ? "" : "; ") + file + " lacks functions of cuBLAS " +
               DEEPNTK_TEXT(CUBLAS_VER_MAJOR);
    dlclose(library);
  }
  loading.missing = std::string("cuBLAS was not found (") + reasons + "); install cuBLAS " +
                    DEEPNTK_TEXT(CUBLAS_VER_MAJOR) +
                    " of the CUDA toolkit, or name its file by DEEPNTK_CUBLAS";
  return loading;
}

}  // namespace

const Cublas* loadCublas(std::string& missing) {
  // Never unloaded: its own threads and exit handlers may outlive static objects.
  static const auto* const loading = new Loading(load());
  missing = loading->missing;
  return loading->found ? &loading->functions : nullptr;
}

}  // namespace deepntk::cuda
