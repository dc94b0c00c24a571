# SPDX-License-Identifier: MIT
# What is installed: libenigma, the headers and the CMake package (find_package(Enigma), target Enigma::enigma). In a
# wheel the library stands beside the extension, which finds it there, and the rest below enigma/_dev.
include(CMakePackageConfigHelpers)

if(SKBUILD)
  set(library_dir enigma)
  set(dev_dir enigma/_dev/)
  install(TARGETS _enigma LIBRARY DESTINATION enigma COMPONENT python)
  get_property(generated GLOBAL PROPERTY ENIGMA_GENERATED_PYTHON)
  foreach(file "${ENIGMA_PYTHON_DIR}/_enigma.pyi" ${generated})
    file(RELATIVE_PATH place "${ENIGMA_PYTHON_DIR}/.." "${file}")
    get_filename_component(place "${place}" DIRECTORY)
    install(FILES "${file}" DESTINATION "${place}" COMPONENT python)
  endforeach()
else()
  set(library_dir "${CMAKE_INSTALL_LIBDIR}")
  set(dev_dir "")
endif()

install(TARGETS enigma EXPORT EnigmaTargets
  LIBRARY DESTINATION "${library_dir}" COMPONENT python
  INCLUDES DESTINATION "${dev_dir}include")
# Rooms with MLIR in their headers are private to the library.
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/enigma" "${ENIGMA_GENERATED_DIR}/enigma"
  DESTINATION "${dev_dir}include" COMPONENT dev
  FILES_MATCHING PATTERN "*.h" PATTERN "Opcodes.inc"
  PATTERN "Dialect" EXCLUDE PATTERN "Convert" EXCLUDE PATTERN "Transforms" EXCLUDE PATTERN "Target" EXCLUDE)
install(EXPORT EnigmaTargets NAMESPACE Enigma:: DESTINATION "${dev_dir}lib/cmake/Enigma" COMPONENT dev)
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/EnigmaConfig.cmake.in" "${PROJECT_BINARY_DIR}/EnigmaConfig.cmake"
  INSTALL_DESTINATION "${dev_dir}lib/cmake/Enigma")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/EnigmaConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/EnigmaConfig.cmake" "${PROJECT_BINARY_DIR}/EnigmaConfigVersion.cmake"
  DESTINATION "${dev_dir}lib/cmake/Enigma" COMPONENT dev)
