# SPDX-License-Identifier: MIT
# Picks the compiler, linker and compiler cache before project() runs, so that presets, `pip install .` and
# embedding all build alike. On Linux: clang 22 and lld 22, as Debian names them. On macOS: Apple's own compiler, whose
# libc++ is the one that Homebrew's LLVM was built against. -DCMAKE_CXX_COMPILER wins over all of it, and so does CXX, but
# not inside pip, where scikit-build-core sets it to the compiler that Python was built with.
cmake_policy(SET CMP0116 NEW) # depfiles of custom commands, also in older callers
set(ENIGMA_LLVM_MAJOR 22)

if(NOT CMAKE_HOST_APPLE AND NOT DEFINED CMAKE_CXX_COMPILER AND (SKBUILD OR NOT DEFINED ENV{CXX}))
  find_program(ENIGMA_CLANGXX NAMES clang++-${ENIGMA_LLVM_MAJOR} PATHS /usr/lib/llvm-${ENIGMA_LLVM_MAJOR}/bin)
  find_program(ENIGMA_CLANG NAMES clang-${ENIGMA_LLVM_MAJOR} PATHS /usr/lib/llvm-${ENIGMA_LLVM_MAJOR}/bin)
  if(ENIGMA_CLANGXX AND ENIGMA_CLANG)
    set(CMAKE_CXX_COMPILER "${ENIGMA_CLANGXX}" CACHE FILEPATH "C++ compiler")
    set(CMAKE_C_COMPILER "${ENIGMA_CLANG}" CACHE FILEPATH "C compiler")
    find_program(ENIGMA_LLD NAMES ld.lld-${ENIGMA_LLVM_MAJOR} PATHS /usr/lib/llvm-${ENIGMA_LLVM_MAJOR}/bin)
    if(ENIGMA_LLD)
      foreach(kind EXE SHARED MODULE)
        set(CMAKE_${kind}_LINKER_FLAGS_INIT "-fuse-ld=${ENIGMA_LLD}")
      endforeach()
    endif()
  endif()
endif()

# Paths below the source folder count as relative ones, so that a second clone hits what the first one compiled.
# A precompiled header names its own absolute path: ccache is given a checksum beside it instead (EnigmaRooms.cmake).
find_program(ENIGMA_CCACHE NAMES ccache)
if(ENIGMA_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  set(ENIGMA_CCACHE_LAUNCHER
      "${CMAKE_COMMAND}" -E env "CCACHE_BASEDIR=${CMAKE_CURRENT_SOURCE_DIR}" CCACHE_NOHASHDIR=1 CCACHE_PCH_EXTSUM=1
      "CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime" "${ENIGMA_CCACHE}")
  set(CMAKE_C_COMPILER_LAUNCHER "${ENIGMA_CCACHE_LAUNCHER}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${ENIGMA_CCACHE_LAUNCHER}")
endif()
