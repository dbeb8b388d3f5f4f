{
  'targets': [
    {
      'target_name': 'deepntk',
      'sources': [
        'native/addon/addon.cpp',
        'native/addon/arguments.cpp',
        'native/addon/chain.cpp',
        'native/addon/job.cpp',
        'native/addon/network.cpp',
        'native/addon/training.cpp',
        'native/core/activations.cpp',
        'native/core/blas.cpp',
        'native/core/chain.cpp',
        'native/core/compaction.cpp',
        'native/core/elementwise.cpp',
        'native/core/gram.cpp',
        'native/core/jacobian.cpp',
        'native/core/kernel.cpp',
        'native/core/mlp.cpp',
        'native/core/normal.cpp',
        'native/core/vector_products.cpp',
        'native/core/run.cpp',
        'native/core/training.cpp',
      ],
      'dependencies': [
        "<!(node -p \"require('node-addon-api').targets\"):node_addon_api_except_all",
      ],
      'include_dirs': ['<!(node scripts/openblas.js include)'],
      'libraries': ['<!(node scripts/openblas.js libraries)'],
      'defines': ['NAPI_VERSION=8', 'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS'],
      # The flags that decide the bits of the random numbers are those of CMakeLists.txt too.
      'cflags_cc!': ['-std=gnu++17', '-std=gnu++20', '-fno-rtti', '-O2'],
      'cflags_cc': [
        '-std=c++17',
        '-O3',
        '-fvisibility=hidden',
        '-ffp-contract=off',
        '-fno-math-errno',
        '-fno-trapping-math',
        '-Wall',
        '-Wextra',
      ],
      'xcode_settings': {
        'CLANG_CXX_LANGUAGE_STANDARD': 'c++17',
        'GCC_SYMBOLS_PRIVATE_EXTERN': 'YES',
        'GCC_OPTIMIZATION_LEVEL': '3',
        'OTHER_CPLUSPLUSFLAGS': ['-ffp-contract=off', '-fno-math-errno', '-fno-trapping-math'],
        'MACOSX_DEPLOYMENT_TARGET': '13.3',
      },
      'msvs_settings': {
        'VCCLCompilerTool': { 'AdditionalOptions': ['/std:c++17', '/O2', '/fp:precise'] },
      },
      'conditions': [
        ['OS=="mac"', { 'defines': ['DEEPNTK_ACCELERATE', 'ACCELERATE_NEW_LAPACK'] }],
      ],
    },
  ],
}
