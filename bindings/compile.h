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
  /// What a jit function launches, in order; of a kernel by itself nothing. Steps take the first of the
  /// parameters and scratch memories, each as many as it has parameters.
  struct Step {
    std::shared_ptr<Kernel> kernel;
    runtime::Size3 grid, threads;
  };
  std::vector<Step> steps = {};
  std::vector<ir::Param> ownParams = {};
  std::vector<uint64_t> needed = {};  ///< bytes of each parameter, at least
  std::vector<uint64_t> scratch = {}; ///< bytes of each scratch memory
  std::span<const ir::Param> params() const {
    return steps.empty() ? compiled->params() : std::span<const ir::Param>(ownParams);
  }
  /// Code for the host without and with checks, once asked for. Under the GIL.
  mutable std::shared_ptr<runtime::Pipeline> pipelines[2] = {};
  /// For the Metal device that ran it last.
  mutable std::shared_ptr<runtime::Pipeline> metalPipeline = {};
  mutable std::shared_ptr<runtime::Device> metalDevice = {};
};

/// Numbers of function constants out of a dict, by name or index. Errors name the kernel and its place.
std::vector<ir::ConstantBinding> bindingsFrom(const std::string &kernel, const SourceLoc &place,
                                              std::span<const ir::FunctionConstant> declared,
                                              nb::handle given);

/// The kernel that a Python object is, or an error that says to compile it.
Kernel *kernelFrom(const char *what, nb::handle object);

void bindCompile(nb::module_ &module);

} // namespace enigma::bindings
