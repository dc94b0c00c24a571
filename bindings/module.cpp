// SPDX-License-Identifier: MIT
// The extension module `enigma._enigma`: calls one bind function per topic. The Python package re-exports
// what users see.
#include "layout_values.h"

#include "enigma/Support/Version.h"

#include <nanobind/nanobind.h>
#include <nanobind/stl/string_view.h>

NB_MODULE(_enigma, module) {
  module.def("version", &enigma::support::version, "The version of libenigma, as \"major.minor.patch\".");
  module.def("llvm_version", &enigma::support::llvmVersion, "The version of LLVM inside libenigma.");
  enigma::bindings::bindLayout(module);
}
