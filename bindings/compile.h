// SPDX-License-Identifier: MIT
//
// Tracing a Python function, and what compiling it gives.
#pragma once

#include "enigma/Compile/Compile.h"
#include "errors.h"

namespace enigma::bindings {

/// A compiled kernel as Python holds it.
struct Kernel {
  std::shared_ptr<const compile::CompiledKernel> compiled;
  std::string name; ///< the user's
  /// Code for the host without and with checks, once asked for. Under the GIL.
  mutable std::shared_ptr<runtime::Pipeline> pipelines[2] = {};
  /// For the Metal device that ran it last.
  mutable std::shared_ptr<runtime::Pipeline> metalPipeline = {};
  mutable std::shared_ptr<runtime::Device> metalDevice = {};
};

/// The kernel that a Python object is, or an error that says to compile it.
Kernel *kernelFrom(const char *what, nb::handle object);

void bindCompile(nb::module_ &module);

} // namespace enigma::bindings
