// SPDX-License-Identifier: MIT
//
// The passes between Convert and the targets, one rewrite each, and the pipeline that lists them.
//
//     enigma-opt kernel.mlir --enigma-vec-width=width=4 --enigma-index --canonicalize --cse
#pragma once

#include "mlir/Pass/Pass.h"

namespace mlir {
class OpPassManager;
}

namespace enigma::transforms {

/// On a kernel: the only launch that it is for, as grid x, y, z and threads of a threadgroup x, y, z. Index
/// ranges follow from it.
inline constexpr char launchAttr[] = "launch";

/// Makes one thread do the work of `width` (2 or 4) consecutive positions of grid x: values that depend on x
/// become vectors, accesses become vector accesses where they are provably contiguous and aligned. Fails with
/// the reason on kernels where the positions of one thread would be told apart.
///
///     %x = thread_position_in_grid x            %t = thread_position_in_grid x
///     %v = load %A[%x]                    ->    %b = mul %t, 4
///                                               %v = load %A[%b] -> vector<4xf32>
std::unique_ptr<mlir::Pass> createVecWidthPass(int width = 4);

/// Simplifies integer arithmetic by what is known of its range: comparisons that are decided, floor division
/// and modulo by powers of two as shifts and masks, split indices put together again, `in_range` on
/// arithmetic that cannot wrap.
///
///     %q = floor_div %x, 8 : i32          ->    %q = shr %x, 3 : i32
std::unique_ptr<mlir::Pass> createIndexPass();

/// Register memory as values, where every index is a constant and every store stands in the block of the
/// allocation (loads may stand deeper).
///
///     %r = register_alloc 1, %zero
///     store %x, %r[0]
///     %y = load %r[0]                     ->    %y is %x
std::unique_ptr<mlir::Pass> createRegistersPass();

/// Index arithmetic that a `for` loop does not change, in front of it.
///
///     for %t { %i = mul %row, 512; ... }  ->    %i = mul %row, 512; for %t { ... }
std::unique_ptr<mlir::Pass> createHoistPass();

/// Computes in f32 what Metal does not offer on bfloat, and rounds the result.
///
///     %y = sin %x : bf16                  ->    %w = cast %x to f32; %s = sin %w : f32; %y = cast %s to bf16
std::unique_ptr<mlir::Pass> createBf16Pass();

/// The pipeline of a compile: what both targets take.
void buildPipeline(mlir::OpPassManager &pm, int vecWidth);

/// For tools: registers the passes under their names.
void registerPasses();

} // namespace enigma::transforms
