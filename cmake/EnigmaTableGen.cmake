# SPDX-License-Identifier: MIT
# Sources made at build time, all below build/generated (an include path of every room):
#
#   enigma_tablegen(<output> <file.td> <tablegen arguments>...)
#       one mlir-tblgen run; <output> is relative to build/generated.
#   enigma_add_dialect(TD <file.td> SHARDS <n> SOURCES_VAR <var>)
#       declarations and definitions of the dialect; <var> gets one .cpp per shard, because all operations in one
#       file cost a minute and a gigabyte to compile.
#   enigma_generate(RECORDS <file.td> SCRIPT <script.py> OUTPUT <file>... [PYTHON <file>...] [DEPENDS <file>...])
#       dumps the records as build/generated/ops.json and runs, once,
#           python <script.py> --records build/generated/ops.json --out build/generated --python build/python/enigma
#       which must write every OUTPUT (relative to --out) and PYTHON file (relative to --python), and should leave a
#       file alone whose text would not change: then nothing that includes it is compiled again.
#
# Two targets order all of it before the compilation: `enigma-generated` (every room waits for it) and
# `enigma-tablegen` (rooms with MLIR wait for that too).
add_custom_target(enigma-generated)
add_custom_target(enigma-tablegen)
set_property(GLOBAL PROPERTY ENIGMA_GENERATED_PYTHON "")

set(ENIGMA_TD_INCLUDES "-I${PROJECT_SOURCE_DIR}/include")
foreach(folder ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
  list(APPEND ENIGMA_TD_INCLUDES "-I${folder}")
endforeach()
list(REMOVE_DUPLICATES ENIGMA_TD_INCLUDES)

function(enigma_tablegen output td)
  get_filename_component(td "${td}" ABSOLUTE BASE_DIR "${PROJECT_SOURCE_DIR}")
  set(file "${ENIGMA_GENERATED_DIR}/${output}")
  get_filename_component(folder "${file}" DIRECTORY)
  file(MAKE_DIRECTORY "${folder}")
  add_custom_command(
    OUTPUT "${file}"
    COMMAND "${ENIGMA_MLIR_TBLGEN}" ${ARGN} ${ENIGMA_TD_INCLUDES} "${td}" --write-if-changed -o "${file}" -d "${file}.d"
    DEPENDS "${td}" "${ENIGMA_MLIR_TBLGEN}"
    DEPFILE "${file}.d"
    COMMENT "Generating ${output}"
    VERBATIM)
  string(MAKE_C_IDENTIFIER "tablegen_${output}" name)
  add_custom_target(${name} DEPENDS "${file}")
  add_dependencies(enigma-tablegen ${name})
endfunction()

function(enigma_add_dialect)
  cmake_parse_arguments(ARG "" "TD;SHARDS;SOURCES_VAR" "" ${ARGN})
  set(room enigma/Dialect)
  enigma_tablegen(${room}/EnigmaDialect.h.inc ${ARG_TD} -gen-dialect-decls -dialect=enigma)
  enigma_tablegen(${room}/EnigmaDialect.cpp.inc ${ARG_TD} -gen-dialect-defs -dialect=enigma)
  enigma_tablegen(${room}/EnigmaEnums.h.inc ${ARG_TD} -gen-enum-decls)
  enigma_tablegen(${room}/EnigmaEnums.cpp.inc ${ARG_TD} -gen-enum-defs)
  enigma_tablegen(${room}/EnigmaAttrs.h.inc ${ARG_TD} -gen-attrdef-decls -attrdefs-dialect=enigma)
  enigma_tablegen(${room}/EnigmaAttrs.cpp.inc ${ARG_TD} -gen-attrdef-defs -attrdefs-dialect=enigma)
  enigma_tablegen(${room}/EnigmaTypes.h.inc ${ARG_TD} -gen-typedef-decls -typedefs-dialect=enigma)
  enigma_tablegen(${room}/EnigmaTypes.cpp.inc ${ARG_TD} -gen-typedef-defs -typedefs-dialect=enigma)
  enigma_tablegen(${room}/EnigmaInterfaces.h.inc ${ARG_TD} -gen-op-interface-decls)
  enigma_tablegen(${room}/EnigmaInterfaces.cpp.inc ${ARG_TD} -gen-op-interface-defs)
  enigma_tablegen(${room}/EnigmaOps.h.inc ${ARG_TD} -gen-op-decls -op-shard-count=${ARG_SHARDS})
  enigma_tablegen(${room}/EnigmaOps.cpp.inc ${ARG_TD} -gen-op-defs -op-shard-count=${ARG_SHARDS})
  set(sources "")
  math(EXPR last "${ARG_SHARDS} - 1")
  foreach(shard RANGE ${last})
    set(file "${ENIGMA_GENERATED_DIR}/${room}/EnigmaOps.${shard}.cpp")
    file(CONFIGURE OUTPUT "${file}" CONTENT
"// Operations of shard @shard@; see enigma_add_dialect in cmake/EnigmaTableGen.cmake.
#include \"enigma/Dialect/Enigma.h\"
#include \"mlir/IR/Builders.h\"
#include \"mlir/IR/OpImplementation.h\"
#define GET_OP_DEFS_@shard@
#include \"enigma/Dialect/EnigmaOps.cpp.inc\"
" @ONLY)
    list(APPEND sources "${file}")
  endforeach()
  set(${ARG_SOURCES_VAR} ${sources} PARENT_SCOPE)
endfunction()

function(enigma_generate)
  cmake_parse_arguments(ARG "" "RECORDS;SCRIPT" "OUTPUT;PYTHON;DEPENDS" ${ARGN})
  get_filename_component(td "${ARG_RECORDS}" ABSOLUTE BASE_DIR "${PROJECT_SOURCE_DIR}")
  get_filename_component(script "${ARG_SCRIPT}" ABSOLUTE BASE_DIR "${PROJECT_SOURCE_DIR}")
  set(json "${ENIGMA_GENERATED_DIR}/ops.json")
  file(MAKE_DIRECTORY "${ENIGMA_GENERATED_DIR}")
  add_custom_command(
    OUTPUT "${json}"
    COMMAND "${ENIGMA_LLVM_TBLGEN}" --dump-json ${ENIGMA_TD_INCLUDES} "${td}" --write-if-changed -o "${json}" -d "${json}.d"
    DEPENDS "${td}"
    DEPFILE "${json}.d"
    COMMENT "Reading the operations of ${ARG_RECORDS}"
    VERBATIM)
  set(outputs ${ARG_OUTPUT})
  list(TRANSFORM outputs PREPEND "${ENIGMA_GENERATED_DIR}/")
  set(python ${ARG_PYTHON})
  list(TRANSFORM python PREPEND "${ENIGMA_PYTHON_DIR}/")
  set(folders "")
  foreach(file ${outputs} ${python})
    get_filename_component(folder "${file}" DIRECTORY)
    list(APPEND folders "${folder}")
  endforeach()
  list(REMOVE_DUPLICATES folders)
  file(MAKE_DIRECTORY ${folders})
  get_filename_component(tool_dir "${script}" DIRECTORY)
  file(GLOB modules CONFIGURE_DEPENDS "${tool_dir}/*.py")
  add_custom_command(
    OUTPUT ${outputs} ${python}
    COMMAND "${Python_EXECUTABLE}" "${script}" --records "${json}" --out "${ENIGMA_GENERATED_DIR}" --python "${ENIGMA_PYTHON_DIR}"
    DEPENDS "${json}" ${modules} ${ARG_DEPENDS}
    COMMENT "Generating the operation tables"
    VERBATIM)
  string(MAKE_C_IDENTIFIER "generate_${ARG_SCRIPT}" name)
  add_custom_target(${name} DEPENDS ${outputs} ${python})
  add_dependencies(enigma-generated ${name})
  set_property(GLOBAL APPEND PROPERTY ENIGMA_GENERATED_PYTHON ${python})
endfunction()
