// SPDX-License-Identifier: MIT
//
// From a traced function to Metal text and to code for the CPU: the only place that knows all rooms.
//
//     auto kernel = compile::compile(std::move(function), {.vecWidth = 4});
//     kernel->metalSource();
//     auto pipeline = kernel->hostPipeline(*runtime::hostDevice(), /*check=*/true);
//
// Compiling the same function with the same options again does no work beyond its hash. All of it may be
// called from any thread.
#pragma once

#include "enigma/IR/Function.h"
#include "enigma/Runtime/Device.h"
#include "enigma/Support/Export.h"
#include "enigma/Support/Hash.h"

#include <array>
#include <memory>
#include <mutex>
#include <span>
#include <string>

namespace enigma::compile {

struct Options {
  /// Positions of grid x that one thread works on: 0 or 1, 2, 4.
  int vecWidth = 0;
  /// Fuse a multiplication and the addition that is its only use into one rounding.
  bool contract = true;
  /// Let the Metal compiler reassociate and approximate; the host follows.
  bool fastMath = false;
  /// The newest MSL version that may be used, as major * 10 + minor; 0 for what the kernel needs.
  int mslVersion = 0;
  /// The only launch that the kernel is for, of which its index arithmetic may make use: threads in all, and
  /// in a threadgroup. Zeros for any launch.
  std::array<int64_t, 3> grid = {}, threads = {};
  /// Numbers of function constants. Others stay open in the text, and have their defaults on a device.
  std::vector<ir::ConstantBinding> constants = {};
};

struct Artifact;

/// A compiled kernel: immutable, shared, safe from any thread.
class ENIGMA_API CompiledKernel {
public:
  CompiledKernel(ir::Function function, Options options, std::shared_ptr<Artifact> artifact, Hash128 key);

  /// "enigma_kernel_" and the user's name.
  const std::string &kernelName() const { return metalName; }
  const std::string &metalSource() const;
  /// What the kernel needs, as major * 10 + minor.
  int mslVersion() const;
  /// The enigma dialect as both targets take it, computed at each call.
  std::string mlirSource() const;
  /// The trace, as dump_ir prints it.
  std::string irSource() const { return function.str(); }
  /// Parameters in binding order; `written` tells the outputs.
  std::span<const ir::Param> params() const { return function.params(); }
  const Options &options() const { return chosen; }
  /// Positions of grid x that one thread covers: 1, 2 or 4.
  int vecWidth() const { return chosen.vecWidth > 1 ? chosen.vecWidth : 1; }
  /// Names the kernel in caches: equal keys mean equal text.
  Hash128 key() const { return hash; }

  /// The same kernel with numbers for function constants that it leaves open, each index once: the text stays
  /// as it is, and a Metal device specialises its code when it makes a pipeline of it; the CPU compiles anew.
  std::shared_ptr<const CompiledKernel> specialized(std::span<const ir::ConstantBinding> bindings) const;
  /// The function constants that have no number yet, neither from `compile` nor from `specialized`.
  std::vector<ir::FunctionConstant> openConstants() const;
  /// All that the kernel declares.
  std::span<const ir::FunctionConstant> declaredConstants() const { return function.constants(); }

  /// The kernel for the CPU: compiled at the first call, shared by all kernels of the same structure and
  /// kept.
  /// @param check mask and report accesses out of bounds.
  std::shared_ptr<runtime::Pipeline> hostPipeline(runtime::Device &host, bool check) const;
  /// The kernel for a Metal device, which keeps what it compiled.
  std::shared_ptr<runtime::Pipeline> metalPipeline(runtime::Device &metal) const;

private:
  /// The kernel with its numbers, and the defaults of the other function constants; null where none is open.
  std::shared_ptr<const CompiledKernel> bound() const;

  ir::Function function;
  bool isOpen;                            ///< the text leaves function constants open
  std::vector<ir::ConstantBinding> given; ///< of `specialized`, by index
  Options chosen;
  std::string metalName;
  std::shared_ptr<Artifact> artifact;
  Hash128 hash;
  mutable std::mutex mutex;
  mutable std::shared_ptr<const CompiledKernel> resolved;  ///< of bound
  mutable std::shared_ptr<runtime::Pipeline> pipelines[2]; ///< unchecked and checked, of pipelineDevice
  mutable runtime::Device *pipelineDevice = nullptr;
};

/// Verifies, looks up, and if it is new compiles to MSL. Throws Error at the user's line.
ENIGMA_API std::shared_ptr<const CompiledKernel> compile(ir::Function function, const Options &options = {});

/// What a cache in memory did since the process started, and holds now.
struct CacheStatistics {
  uint64_t hits = 0, misses = 0, entries = 0;
};
/// Of the compiled kernels, and of their code for the CPU.
ENIGMA_API CacheStatistics cacheStatistics();
ENIGMA_API CacheStatistics hostCodeStatistics();
/// How many MLIR contexts the process has made: none as long as all it needed was in the cache on disk
/// (Compile/DiskCache.h).
ENIGMA_API uint64_t contextsMade();
/// Forgets what is in memory; the cache on disk stays.
ENIGMA_API void clearCache();

} // namespace enigma::compile
