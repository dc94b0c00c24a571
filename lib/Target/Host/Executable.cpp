// SPDX-License-Identifier: MIT
//
// See Executable.h: lower, optimise, generate, link, and the time that each takes.
#include "enigma/Target/Host/Executable.h"

#include "Jit.h"
#include "Lowering.h"

#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Verifier.h"

#include <chrono>

namespace enigma::host {
namespace {

class LinkedExecutable final : public Executable {
public:
  LinkedExecutable(mlir::ModuleOp module, const HostOptions &options) {
    Machine machine = borrowMachine(options.cpu);
    llvm::LLVMContext context;
    llvm::Module into("enigma", context);
    into.setDataLayout(machine->createDataLayout());
    into.setTargetTriple(machine->getTargetTriple());

    timed(spent.lower, [&] { kernel = lowerKernel(module, options, laneFeatures(*machine, into), into); });
    for (llvm::Function &function : into)
      if (!function.isDeclaration()) {
        function.addFnAttr("target-cpu", machine->getTargetCPU());
        function.addFnAttr("target-features", machine->getTargetFeatureString());
      }
    if (options.keepIr) {
      std::string problem;
      llvm::raw_string_ostream stream(problem);
      if (llvm::verifyModule(into, &stream))
        throw Error(ErrorKind::Compile, kernel.name + ": the host produced invalid LLVM IR: " + problem);
    }
    timed(spent.optimize, [&] {
      optimize(into, *machine, options.mostGrowth);
      cutLongBlocks(into);
    });
    if (options.keepIr) {
      llvm::raw_string_ostream stream(ir);
      into.print(stream, nullptr);
    }
    std::unique_ptr<llvm::MemoryBuffer> generated;
    timed(spent.generate, [&] { generated = generateObject(into, *machine); });
    if (options.keepObject)
      object = generated->getBuffer().str();
    timed(spent.link, [&] { linked = link(std::move(generated)); });
    kernel.entry = linked.entry;
  }
  LinkedExecutable(hostabi::KernelDescriptor descriptor, std::string_view from) {
    kernel = std::move(descriptor);
    auto copy = llvm::MemoryBuffer::getMemBufferCopy({from.data(), from.size()}, "kernel");
    timed(spent.link, [&] { linked = link(std::move(copy)); });
    kernel.entry = linked.entry;
  }

private:
  template <class F>
  static void timed(double &milliseconds, F f) {
    const auto start = std::chrono::steady_clock::now();
    f();
    milliseconds =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  }

  LinkedCode linked;
};

} // namespace

std::shared_ptr<Executable> compileForHost(mlir::ModuleOp module, const HostOptions &options) {
  return std::make_shared<LinkedExecutable>(module, options);
}

std::shared_ptr<Executable> linkForHost(hostabi::KernelDescriptor descriptor, std::string_view object) {
  return std::make_shared<LinkedExecutable>(std::move(descriptor), object);
}

} // namespace enigma::host
