// SPDX-License-Identifier: MIT
// The extension module `enigma._enigma`: calls one bind function per topic. The Python package re-exports
// what users see.
#include "batch.h"
#include "cache.h"
#include "compile.h"
#include "enigma/Support/Version.h"
#include "errors.h"
#include "flow.h"
#include "functions.h"
#include "layout_values.h"
#include "runtime.h"
#include "tensor.h"
#include "types.h"
#include "value.h"

#include <nanobind/stl/string_view.h>

NB_MODULE(_enigma, module) {
  using namespace enigma::bindings;
  nanobind::set_leak_warnings(false); // element types and what is cached here live as long as the process
  module.def("version", &enigma::support::version, "The version of libenigma, as \"major.minor.patch\".");
  module.def("llvm_version", &enigma::support::llvmVersion, "The version of LLVM inside libenigma.");
  bindErrors(module);
  bindTypes(module);
  bindValues(module);
  bindFunctions(module);
  bindAtomics(module);
  bindMatrices(module);
  bindFunctionConstants(module);
  bindQueries(module);
  bindMemory(module);
  bindFlow(module);
  bindCompile(module);
  bindCache(module);
  bindRuntime(module);
  bindBatch(module);
  bindLayout(module);
  bindTensor(module);
  bindMma(module);
  bindJit(module);
}
