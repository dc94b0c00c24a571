// SPDX-License-Identifier: MIT
//
// Kernels from the dialect's text to the CPU, for tests:
//
//   Compiled kernel("enigma.kernel @k(%X: !enigma.buffer<f32, device>, ...) writes [1] { ... }");
//   kernel.run({Argument::memory(...), ...}, {64}, {32});
#pragma once

#include "enigma/Dialect/Enigma.h"
#include "enigma/Runtime/HostDevice.h"
#include "enigma/Target/Host/Executable.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

namespace enigma::host::testing {

using runtime::Argument;
using runtime::Size3;

class Compiled {
public:
  explicit Compiled(const std::string &text, HostOptions options = {}) {
    static mlir::MLIRContext *context = [] {
      auto *made = new mlir::MLIRContext(mlir::MLIRContext::Threading::DISABLED);
      made->loadDialect<dialect::EnigmaDialect>();
      return made;
    }();
    module = mlir::parseSourceString<mlir::ModuleOp>(text, context);
    if (!module)
      throw Error(ErrorKind::Compile, "the test's kernel does not parse: " + text);
    options.keepIr = true;
    code = compileForHost(*module, options);
    pipeline = runtime::hostDevice()->createPipeline(
        {.kernel = code->descriptor(), .owner = code, .sites = accessSites(*module)});
  }

  void run(const std::vector<Argument> &args, Size3 grid, Size3 threads = {32}) const {
    runtime::hostDevice()->run(*pipeline, args, grid, threads);
  }

  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::shared_ptr<Executable> code;
  std::shared_ptr<runtime::Pipeline> pipeline;
};

template <class T>
Argument buffer(std::vector<T> &values) {
  return Argument::memory(values.data(), values.size() * sizeof(T));
}

/// The IR without the blocks that only partial blocks of the grid and accesses out of bounds come to.
inline std::string commonPath(const std::string &ir) {
  std::istringstream lines(ir);
  std::string line, kept;
  bool isCommon = true;
  while (std::getline(lines, line)) {
    if (!line.empty() && line[0] != ' ' && line.find(':') != std::string::npos)
      isCommon = line.rfind("slow", 0) != 0 && line.rfind("edge", 0) != 0;
    if (isCommon)
      kept += line + "\n";
  }
  return kept;
}

inline std::string errorOf(const std::function<void()> &statement) {
  try {
    statement();
  } catch (const Error &error) {
    return error.message();
  }
  return "";
}

} // namespace enigma::host::testing
