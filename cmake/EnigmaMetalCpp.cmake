# SPDX-License-Identifier: MIT
# Apple's C++ interface to Metal (headers only, Apache-2.0), which is never part of this source tree:
#
#   enigma_metal_cpp(<variable>)
#       sets <variable> to the folder with Foundation/ and Metal/: METAL_CPP_DIR where that is given, else the headers
#       that the wheel below carries, unpacked in the build folder, else on a Mac those of Apple's own archive; "" (and
#       why, as a message) if there is no network.
#
# The wheel is fetched with pip, so that pip's settings for proxies and mirrors hold, and checked against its sum. What
# needs it: the library on macOS, and on Linux the tests that run the Metal sources on a stand-in for Metal.
set(METAL_CPP_DIR "" CACHE PATH "folder of metal-cpp (with Metal/Metal.hpp); empty: taken from a pinned wheel")
set(ENIGMA_METAL_CPP_WHEEL mlx-metal)
set(ENIGMA_METAL_CPP_VERSION 0.32.4)
set(ENIGMA_METAL_CPP_SHA256 8019b2db622599267d66cc168b2f0dbf5af929790a6c3b3913e00eabc42a7947)
set(ENIGMA_METAL_CPP_ARCHIVE "https://developer.apple.com/metal/cpp/files/metal-cpp_26.zip")
set(ENIGMA_METAL_CPP_ARCHIVE_SHA256 4df3c078b9aadcb516212e9cb03004cbc5ce9a3e9c068fa3144d021db585a3a4)

# Apple's archive, unpacked as <headers>; sets <out> to whether that worked.
function(enigma_metal_cpp_from_apple headers root out)
  set(${out} OFF PARENT_SCOPE)
  message(STATUS "Fetching metal-cpp from Apple")
  file(DOWNLOAD "${ENIGMA_METAL_CPP_ARCHIVE}" "${root}/apple.zip" STATUS status TLS_VERIFY ON TIMEOUT 120)
  list(GET status 0 code)
  if(code EQUAL 0)
    file(SHA256 "${root}/apple.zip" sum)
    if(sum STREQUAL ENIGMA_METAL_CPP_ARCHIVE_SHA256)
      file(ARCHIVE_EXTRACT INPUT "${root}/apple.zip" DESTINATION "${root}/unpacked")
      if(EXISTS "${root}/unpacked/metal-cpp/Metal/Metal.hpp")
        file(RENAME "${root}/unpacked/metal-cpp" "${headers}")
        set(${out} ON PARENT_SCOPE)
      endif()
    else()
      message(STATUS "Apple's archive has another sum than expected: ${sum}")
    endif()
  else()
    message(STATUS "Apple's archive cannot be fetched: ${status}")
  endif()
  file(REMOVE_RECURSE "${root}/apple.zip" "${root}/unpacked")
endfunction()

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
    if(APPLE)
      enigma_metal_cpp_from_apple("${headers}" "${root}" found)
      if(found)
        return()
      endif()
    endif()
    set(${out} "" PARENT_SCOPE)
    message(STATUS "metal-cpp cannot be fetched (set METAL_CPP_DIR to a copy of it): ${why}")
    file(REMOVE_RECURSE "${root}/wheel")
    return()
  endif()
  file(ARCHIVE_EXTRACT INPUT "${wheel}" DESTINATION "${root}/unpacked" PATTERNS "mlx/include/metal_cpp/*")
  file(RENAME "${root}/unpacked/mlx/include/metal_cpp" "${headers}")
  file(REMOVE_RECURSE "${root}/wheel" "${root}/unpacked")
endfunction()
