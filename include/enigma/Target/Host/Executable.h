// SPDX-License-Identifier: MIT
//
// A kernel as machine code for this CPU: the legalised dialect module lowered to LLVM IR in 32-lane form,
// optimised and linked into the process. What comes out is a HostAbi descriptor that the runtime's host
// device calls.
//
//   auto code = host::compileForHost(module, {.check = true});
//   auto pipeline = device->createPipeline({.kernel = code->descriptor(), .owner = code,
//                                           .sites = host::accessSites(module)});
//
// Compiling is safe from several threads at once, given a context each. Errors are enigma::Error of kind
// Compile.
#pragma once

#include "enigma/Support/Error.h"
#include "enigma/Support/HostAbi.h"

#include "mlir/IR/BuiltinOps.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace enigma::host {

struct HostOptions {
  /// Mask and report accesses past a buffer's end. Without it, such an access is undefined.
  bool check = true;
  /// Let the compiler reassociate, contract and use reciprocals. The kernel's own fast_math adds to it.
  bool fastMath = false;
  /// The CPU to compile for, in LLVM's words; empty: this one. Anything else is for tests.
  std::string cpu;
  /// How many times longer code with barriers may become so that each part between two barriers is a loop of
  /// its own; 0: one loop for all of them. Anything else is for tests.
  double mostGrowth = 4;
  /// Keep the optimised LLVM IR in Executable::llvmIr.
  bool keepIr = false;
  /// Keep the object code for Executable::takeObject and linkForHost.
  bool keepObject = false;
};

/// Milliseconds that the parts of a compilation took.
struct CompileTimes {
  double lower = 0, optimize = 0, generate = 0, link = 0;
  double total() const { return lower + optimize + generate + link; }
};

/// Machine code in the process, freed with the last reference.
class Executable {
public:
  virtual ~Executable() = default;
  const hostabi::KernelDescriptor &descriptor() const { return kernel; }
  const CompileTimes &times() const { return spent; }
  const std::string &llvmIr() const { return ir; }
  /// Hands out the relocatable code, once.
  std::string takeObject() { return std::move(object); }

protected:
  hostabi::KernelDescriptor kernel;
  CompileTimes spent;
  std::string ir, object;
};

/// Compiles the one kernel of `module`.
std::shared_ptr<Executable> compileForHost(mlir::ModuleOp module, const HostOptions &options = {});

/// What the code of `compileForHost` runs on: the triple, the CPU and its features, in LLVM's words.
const std::string &hostTarget();

/// The executable of an earlier compileForHost, of its descriptor and its object, made by this very build of
/// the library for this hostTarget(). Links, and compiles nothing.
std::shared_ptr<Executable> linkForHost(hostabi::KernelDescriptor descriptor, std::string_view object);

/// The user's line of each access number that an out-of-bounds report can carry, in the order of
/// compileForHost.
std::vector<SourceLoc> accessSites(mlir::ModuleOp module);

} // namespace enigma::host
