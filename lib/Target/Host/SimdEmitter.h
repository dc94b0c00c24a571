// SPDX-License-Identifier: MIT
//
// Operations among the 32 lanes of a simdgroup, or the lanes of each of its eight quadgroups: reductions,
// scans, shuffles and votes. Inactive lanes take no part; a value asked of one is 0, as is that of a lane
// that does not exist. The `host` expressions of EnigmaSimdOps.td are written with it:
//
//     SimdEmitter s(lanes, control.active());
//     Lanes total = s.reduce(Combine::Add, x, 32);        // uniform
//     Lanes before = s.scan(Combine::Add, x, /*inclusive=*/false, 32);
//
// Reductions combine lane l with lane l ^ 16, then ^ 8, ^ 4, ^ 2, ^ 1 (^ 2, ^ 1 in a quadgroup), scans with
// lanes l - 1, l - 2, l - 4, ...: the order is the same in every run, whatever the number of cores. Lanes
// that are inactive count as the neutral element.
#pragma once

#include "KernelEmitter.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace enigma::host {

enum class Combine : uint8_t { Add, Mul, Min, Max, And, Or, Xor };

class SimdEmitter {
public:
  SimdEmitter(LaneBuilder &builder, const LaneMask &active) : b(builder), ir(builder.ir), mask(active) {}

  // `width` is 32, or 4 for quadgroups.
  Lanes reduce(Combine how, Lanes x, unsigned width);
  Lanes scan(Combine how, Lanes x, bool inclusive, unsigned width);

  Lanes shuffle(Lanes x, Lanes lane, unsigned width);
  Lanes shuffleXor(Lanes x, Lanes flipped, unsigned width);
  /// A lane that has nothing before (after) it keeps its own value.
  Lanes shuffleBy(Lanes x, Lanes count, bool up, unsigned width);
  Lanes rotate(Lanes x, Lanes count, bool up, unsigned width);
  /// In vectors of `modulo` lanes (a constant; of `width` if it has no value) what is missing comes from the
  /// other end of `fill`.
  Lanes shuffleFill(Lanes x, Lanes fill, Lanes count, Lanes modulo, bool up, unsigned width);
  Lanes broadcastFirst(Lanes x, unsigned width);

  Lanes all(Lanes x, unsigned width);
  Lanes any(Lanes x, unsigned width);
  Lanes ballot(Lanes x, unsigned width);
  Lanes isFirst(unsigned width);
  Lanes activeMask(unsigned width);

private:
  /// 32 numbers that depend on the lane alone.
  llvm::Constant *perLane(llvm::function_ref<uint32_t(unsigned lane)> number);
  llvm::Value *splat(uint32_t number);
  llvm::Value *ownLane() {
    return perLane([](unsigned lane) { return lane; });
  }
  /// x where lanes are active, else `other`.
  Lanes masked(Lanes x, Lanes other);
  Lanes neutral(Combine how, ElementKind t);
  Lanes combined(Combine how, Lanes x, Lanes y);
  /// Lane l of the result is lane source[l] of x, an i32 vector of 0 to 31.
  Lanes permuted(Lanes x, llvm::Value *source);
  /// The same of the active lanes of x, 0 of others.
  Lanes from(Lanes x, llvm::Value *source);
  /// As an i32 vector.
  llvm::Value *number(Lanes x);
  /// The bits of the active lanes in which x holds, those of a lane's own quadgroup moved to the bottom.
  Lanes bitsWhere(llvm::Value *bits, unsigned width);

  LaneBuilder &b;
  llvm::IRBuilder<> &ir;
  const LaneMask &mask;
};

} // namespace enigma::host
