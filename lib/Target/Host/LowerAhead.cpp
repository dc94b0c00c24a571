// SPDX-License-Identifier: MIT
//
// Asks the memory for what the next round of a loop will load. A loop with barriers works on a tile, and
// takes the next one from places that lie far apart: too many streams for the CPU to foresee, and too much
// work in between for it to look ahead. Where the index of a load grows by the same amount in each round, its
// lines of the next round are prefetched:
//
//   for k in range(0, K, 32):               // in each round the index of A grows by 32, that of B by 32 * N
//       tile[...] = A[row * K + k + lane];  other[...] = B[(k + row) * N + lane];  barrier();  ...
//
// A prefetch past the end of a buffer does nothing.
#include "KernelLowering.h"

#include "llvm/ADT/STLExtras.h"

#include <optional>

namespace enigma::host {
namespace {

/// How much a value grows when the position of a loop grows by one: factor, times a value that the loop does
/// not change if there is one.
struct Growth {
  int64_t factor = 0;
  mlir::Value times;
};

class Growths {
public:
  explicit Growths(ForOp which) : loop(which) {}

  std::optional<Growth> of(mlir::Value value) {
    if (value == loop.position())
      return Growth{1, {}};
    if (!loop.getBody().isAncestor(value.getParentRegion()))
      return Growth{};
    mlir::Operation *op = value.getDefiningOp();
    if (!op)
      return std::nullopt; // carried, or the position of another loop
    if (const auto known = memo.find(value); known != memo.end())
      return known->second;
    memo[value] = std::nullopt;
    return memo[value] = ofResult(*op);
  }

private:
  std::optional<Growth> ofResult(mlir::Operation &op) {
    const auto operand = [&](unsigned i) { return of(op.getOperand(i)); };
    switch (kindOf(&op)) {
    case OpKind::cast:
      return operand(0);
    case OpKind::add:
    case OpKind::sub: {
      auto x = operand(0), y = operand(1);
      if (!x || !y || (x->factor && y->factor && x->times != y->times))
        return std::nullopt;
      const int64_t sign = kindOf(&op) == OpKind::sub ? -1 : 1;
      return Growth{x->factor + sign * y->factor, x->factor ? x->times : y->times};
    }
    case OpKind::mul: {
      auto x = operand(0), y = operand(1);
      if (!x || !y || (x->factor && y->factor))
        return std::nullopt;
      if (!x->factor && !y->factor)
        return Growth{};
      const unsigned constant = x->factor ? 1 : 0;
      const Growth growing = x->factor ? *x : *y;
      mlir::Value by = op.getOperand(constant);
      if (const auto number = numberOf(by)) {
        constexpr int64_t kMost = int64_t(1) << 30;
        if (std::abs(*number) > kMost || std::abs(growing.factor) > kMost)
          return std::nullopt;
        return Growth{growing.factor * *number, growing.times};
      }
      if (growing.times || loop.getBody().isAncestor(by.getParentRegion()))
        return std::nullopt;
      return Growth{growing.factor, by};
    }
    default: // the same in all rounds if all that it is made of is, and it reads no memory
      const bool isSteady = !touchesMemory(op) && llvm::all_of(op.getOperands(), [&](mlir::Value v) {
        const auto growth = of(v);
        return growth && growth->factor == 0;
      });
      return isSteady ? std::optional(Growth{}) : std::nullopt;
    }
  }

  static std::optional<int64_t> numberOf(mlir::Value value) {
    auto constant = value.getDefiningOp<ConstantOp>();
    auto number = constant ? llvm::dyn_cast<mlir::IntegerAttr>(constant.getValue()) : mlir::IntegerAttr();
    if (!number || number.getValue().getBitWidth() > 32)
      return std::nullopt;
    return isSigned(elementOf(value.getType())) ? number.getValue().getSExtValue()
                                                : int64_t(number.getValue().getZExtValue());
  }

  ForOp loop;
  llvm::DenseMap<mlir::Value, std::optional<Growth>> memo;
};

/// The loop whose rounds an operation waits in: the innermost one around it that has a barrier.
ForOp tileLoopOf(mlir::Operation &op) {
  for (auto loop = op.getParentOfType<ForOp>(); loop; loop = loop->getParentOfType<ForOp>())
    if (loop.walk([](ThreadgroupBarrierOp) { return mlir::WalkResult::interrupt(); }).wasInterrupted())
      return loop;
  return {};
}

} // namespace

void KernelLowering::prefetchNext(mlir::Operation &op, mlir::Value index, const Access &at) {
  if (!frame->hasBarriers() || !frame->isParam(at.param) || !memory->isSideBySide(at))
    return;
  ForOp loop = tileLoopOf(op);
  if (!loop)
    return;
  const auto growth = Growths(loop).of(index);
  if (!growth || growth->factor == 0)
    return;
  const auto wide = [&](mlir::Value value) -> llvm::Value * {
    const Lanes x = valueOf(value)[0];
    if (!x.isUniform() || isFloat(x.type))
      return nullptr;
    llvm::Type *i64 = builder.getInt64Ty();
    return isSigned(x.type) ? builder.CreateSExt(x.value, i64) : builder.CreateZExt(x.value, i64);
  };
  llvm::Value *elements = wide(loop.getStep()),
              *times = growth->times ? wide(growth->times) : builder.getInt64(1);
  if (!elements || !times)
    return;
  elements =
      builder.CreateMul(builder.CreateMul(elements, times), builder.getInt64(uint64_t(growth->factor)));
  memory->prefetch(at, elements);
}

} // namespace enigma::host
