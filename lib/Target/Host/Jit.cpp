// SPDX-License-Identifier: MIT
//
// See Jit.h. The only file that includes ORC.
#include "Jit.h"

#include "ControlEmitter.h"
#include "LaneAtomics.h"
#include "LaneGroups.h"
#include "LaneMath.h"
#include "LaneMatrix.h"
#include "LaneMemory.h"
#include "enigma/Support/Error.h"
#include "enigma/Target/Host/Executable.h"

#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"
#include "llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h"
#include "llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h"
#include "llvm/ExecutionEngine/Orc/SelfExecutorProcessControl.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"

#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <mutex>
#include <vector>

namespace enigma::host {
namespace {

using namespace llvm::orc;

[[noreturn]] void fail(const char *what, llvm::Error error) {
  throw Error(ErrorKind::Compile, std::string(what) + ": " + llvm::toString(std::move(error)));
}
template <class T>
T valueOf(const char *what, llvm::Expected<T> expected) {
  if (!expected)
    fail(what, expected.takeError());
  return std::move(*expected);
}

JITTargetMachineBuilder machineBuilder(const std::string &cpu) {
  static const bool initialized = [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    return true;
  }();
  (void)initialized;
  static const auto *host = new JITTargetMachineBuilder(
      valueOf("cannot find out what CPU this is", JITTargetMachineBuilder::detectHost()));
  JITTargetMachineBuilder builder = cpu.empty() ? *host : JITTargetMachineBuilder(host->getTargetTriple());
  if (!cpu.empty())
    builder.setCPU(cpu);
  builder.setCodeGenOptLevel(llvm::CodeGenOptLevel::Default);
  builder.setRelocationModel(llvm::Reloc::PIC_);
  return builder;
}

std::string targetText() {
  const JITTargetMachineBuilder builder = machineBuilder("");
  return builder.getTargetTriple().str() + " " + builder.getCPU() + " " + builder.getFeatures().getString();
}

struct MachinePool {
  std::mutex mutex;
  std::vector<std::pair<std::string, std::unique_ptr<llvm::TargetMachine>>> free;
};
MachinePool &machinePool() {
  static auto *pool = new MachinePool(); // never destroyed: kernels may be compiled while the process ends
  return *pool;
}

#if defined(__x86_64__)
// What LLVM calls for f16 where the CPU has no F16C.
_Float16 truncateToHalf(float value) { return static_cast<_Float16>(value); }
float extendHalf(_Float16 value) { return static_cast<float>(value); }
#endif

/// The process's session.
class Session {
public:
  static Session &instance() {
    static auto *session = new Session(); // never destroyed: so is code that still runs or is referred to
    return *session;
  }

  LinkedCode link(std::unique_ptr<llvm::MemoryBuffer> object) {
    JITDylib &library = session.createBareJITDylib("kernel" + std::to_string(count.fetch_add(1)));
    library.addToLinkOrder(*runtime);
    // From here on the library is freed with its owner, also when linking fails.
    std::shared_ptr<void> owner(&library, [this](void *unused) {
      llvm::consumeError(session.removeJITDylib(*static_cast<JITDylib *>(unused)));
    });
    if (auto error = linker.add(library, std::move(object)))
      fail("cannot link a kernel", std::move(error));
    const auto symbol = valueOf("cannot link a kernel", session.lookup({&library}, mangled("enigma_entry")));
    return {symbol.getAddress().toPtr<hostabi::KernelEntry>(), std::move(owner)};
  }

private:
  // Not LLJIT: it makes two target machines for what is never compiled here, a millisecond of every start.
  Session()
      : session(valueOf("cannot start the JIT", SelfExecutorProcessControl::Create())), linker(session),
        runtime(&session.createBareJITDylib("enigma")) {
    SymbolMap symbols;
    const auto define = [&](const std::string &name, auto *function) {
      symbols[mangled(name)] = {ExecutorAddr::fromPtr(function), llvm::JITSymbolFlags::Exported};
    };
    for (const LaneFunction &function : laneFunctions())
      define(std::string("enigma_lanes_") + function.name, function.address);
    define("enigma_must_stop", &mustStop);
    define("enigma_atomic", &atomicLanes);
    define("enigma_take_frames", &takeFrames);
    define("enigma_give_frames", &giveFrames);
    define("enigma_report_simdgroups", &reportSimdgroups);
    define("enigma_report_lanes", &reportLanes);
    define("enigma_load_linear", &loadLinear);
    define("enigma_matrix_load", &matrixLoad);
    define("enigma_matrix_store", &matrixStore);
    define("enigma_store_linear", &storeLinear);
    define("enigma_load_varying", &loadVarying);
    define("enigma_store_varying", &storeVarying);
    // What LLVM itself may call.
    define("memcpy", static_cast<void *(*)(void *, const void *, size_t)>(std::memcpy));
    define("memmove", static_cast<void *(*)(void *, const void *, size_t)>(std::memmove));
    define("memset", static_cast<void *(*)(void *, int, size_t)>(std::memset));
    define("fmaf", static_cast<float (*)(float, float, float)>(std::fma));
    define("floorf", static_cast<float (*)(float)>(std::floor));
    define("ceilf", static_cast<float (*)(float)>(std::ceil));
    define("truncf", static_cast<float (*)(float)>(std::trunc));
    define("roundf", static_cast<float (*)(float)>(std::round));
    // The rounding mode is always to nearest even, in which the two agree.
    define("roundevenf", static_cast<float (*)(float)>(std::nearbyint));
#if defined(__x86_64__)
    define("__truncsfhf2", &truncateToHalf);
    define("__extendhfsf2", &extendHalf);
#endif
    if (auto error = runtime->define(absoluteSymbols(std::move(symbols))))
      fail("cannot start the JIT", std::move(error));
  }

  /// As symbols are spelled in object files: C names have an underscore before them on macOS.
  SymbolStringPtr mangled(const std::string &name) {
#if defined(__APPLE__)
    return session.intern("_" + name);
#else
    return session.intern(name);
#endif
  }

  ExecutionSession session;
  ObjectLinkingLayer linker;
  JITDylib *runtime;
  std::atomic<uint64_t> count{0};
};

} // namespace

const std::string &hostTarget() {
  static const auto *text = new std::string(targetText());
  return *text;
}

Machine borrowMachine(const std::string &cpu) {
  MachinePool &pool = machinePool();
  std::unique_ptr<llvm::TargetMachine> machine;
  {
    std::lock_guard lock(pool.mutex);
    for (auto &entry : pool.free)
      if (entry.first == cpu) {
        machine = std::move(entry.second);
        std::swap(entry, pool.free.back());
        pool.free.pop_back();
        break;
      }
  }
  if (!machine)
    machine = valueOf("cannot generate code for this CPU", machineBuilder(cpu).createTargetMachine());
  return Machine(machine.release(), [&pool, cpu](llvm::TargetMachine *back) {
    std::lock_guard lock(pool.mutex);
    pool.free.emplace_back(cpu, back);
  });
}

unsigned vectorBits(const llvm::TargetMachine &machine) {
  if (!machine.getTargetTriple().isX86())
    return 128;
  const llvm::MCSubtargetInfo &features = *machine.getMCSubtargetInfo();
  return features.checkFeatures("+avx512f") ? 512 : features.checkFeatures("+avx2") ? 256 : 128;
}

std::unique_ptr<llvm::MemoryBuffer> generateObject(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  llvm::MCContext *context = nullptr;
  if (machine.addPassesToEmitMC(passes, context, stream, /*DisableVerify=*/true))
    throw Error(ErrorKind::Compile,
                "LLVM cannot generate object code for " + machine.getTargetTriple().str());
  passes.run(module);
  return std::make_unique<llvm::SmallVectorMemoryBuffer>(std::move(bytes), "kernel",
                                                         /*RequiresNullTerminator=*/false);
}

LinkedCode link(std::unique_ptr<llvm::MemoryBuffer> object) {
  return Session::instance().link(std::move(object));
}

} // namespace enigma::host
