# SPDX-License-Identifier: MIT
# Apple's C++ interface to Metal (headers only, Apache-2.0), which is never part of this source tree:
#
#   enigma_metal_cpp(<variable>)
#       sets <variable> to the folder with Foundation/ and Metal/: METAL_CPP_DIR where that is given, else the headers
#       that the wheel below carries, unpacked in the build folder; "" (and why, as a message) if there is no network.
#
# The wheel is fetched with pip, so that pip's settings for proxies and mirrors hold, and checked against its sum. What
# needs it: the library on macOS, and on Linux the tests that run the Metal sources on a stand-in for Metal.
set(METAL_CPP_DIR "" CACHE PATH "folder of metal-cpp (with Metal/Metal.hpp); empty: taken from a pinned wheel")
set(ENIGMA_METAL_CPP_WHEEL mlx-metal)
set(ENIGMA_METAL_CPP_VERSION 0.32.4)
set(ENIGMA_METAL_CPP_SHA256 8019b2db622599267d66cc168b2f0dbf5af929790a6c3b3913e00eabc42a7947)

function(enigma_metal_cpp out)
  if(METAL_CPP_DIR)
    if(NOT EXISTS "${METAL_CPP_DIR}/Metal/Metal.hpp")
      message(FATAL_ERROR "METAL_CPP_DIR is ${METAL_CPP_DIR}, where there is no Metal/Metal.hpp")
    endif()
    set(${out} "${METAL_CPP_DIR}" PARENT_SCOPE)
    return()
  endif()
  set(root "${PROJECT_BINARY_DIR}/metal-cpp")
  set(headers "${root}/${ENIGMA_METAL_CPP_VERSION}")
  set(${out} "${headers}" PARENT_SCOPE)
  if(EXISTS "${headers}/Metal/Metal.hpp")
    return()
  endif()
  message(STATUS "Fetching metal-cpp (${ENIGMA_METAL_CPP_WHEEL} ${ENIGMA_METAL_CPP_VERSION}, 43 MB)")
  file(REMOVE_RECURSE "${root}/wheel" "${root}/unpacked")
  file(MAKE_DIRECTORY "${root}/wheel" "${root}/unpacked")
  file(WRITE "${root}/wheel/requirement.txt"
       "${ENIGMA_METAL_CPP_WHEEL}==${ENIGMA_METAL_CPP_VERSION} --hash=sha256:${ENIGMA_METAL_CPP_SHA256}\n")
  execute_process(
    COMMAND "${Python_EXECUTABLE}" -m pip download --quiet --disable-pip-version-check --no-input --no-deps --require-hashes
            --platform macosx_14_0_arm64 --only-binary=:all: --python-version 3.12 --retries 1
            -r "${root}/wheel/requirement.txt" -d "${root}/wheel"
    RESULT_VARIABLE result OUTPUT_QUIET ERROR_VARIABLE why TIMEOUT 300)
  file(GLOB wheel "${root}/wheel/*.whl")
  if(NOT result EQUAL 0 OR NOT wheel)
    string(STRIP "${why}" why)
    set(${out} "" PARENT_SCOPE)
    message(STATUS "metal-cpp cannot be fetched (set METAL_CPP_DIR to a copy of it): ${why}")
    file(REMOVE_RECURSE "${root}/wheel")
    return()
  endif()
  file(ARCHIVE_EXTRACT INPUT "${wheel}" DESTINATION "${root}/unpacked" PATTERNS "mlx/include/metal_cpp/*")
  file(RENAME "${root}/unpacked/mlx/include/metal_cpp" "${headers}")
  file(REMOVE_RECURSE "${root}/wheel" "${root}/unpacked")
endfunction()
