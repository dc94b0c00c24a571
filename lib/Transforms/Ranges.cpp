// SPDX-License-Identifier: MIT
//
// Interval arithmetic over the dialect's integer operations.
#include "Ranges.h"

#include "enigma/Transforms/Passes.h"

#include <algorithm>

using namespace mlir;

namespace enigma::transforms {
using namespace dialect;

// Chains longer than this are taken as unknown: a generated kernel must not exhaust the stack. Passes walk in
// order, so what lies deeper is remembered already.
constexpr int maxDepth = 64;

Range Ranges::ofType(Type t) {
  Type scalar = scalarOf(t);
  unsigned width = widthOf(t);
  if (isBool(scalar))
    return {0, 1};
  if (isUnsignedIntLike(scalar))
    return {0, (Wide(1) << width) - 1};
  return {-(Wide(1) << (width - 1)), (Wide(1) << (width - 1)) - 1};
}

// The loop that a value is the position of.
static ForOp loopOf(Value v) {
  auto arg = dyn_cast<BlockArgument>(v);
  auto loop = arg ? dyn_cast<ForOp>(arg.getOwner()->getParentOp()) : ForOp();
  return loop && arg.getArgNumber() == 0 ? loop : ForOp();
}

Range Ranges::range(Value v, int depth) {
  if (auto it = known.find(v); it != known.end())
    return it->second;
  Range all = ofType(v.getType());
  if (depth > maxDepth)
    return all;
  Range r = all;
  if (Operation *op = v.getDefiningOp())
    r = compute(op, v.getType(), depth + 1);
  else if (auto loop = loopOf(v))
    r = position(loop, depth + 1);
  if (!all.contains(r))
    r = all;
  known.try_emplace(v, r);
  return r;
}

Ranges Ranges::within(Block *block) {
  SmallVector<std::pair<Value, bool>> conditions;
  for (; block && block->getParentOp(); block = block->getParentOp()->getBlock()) {
    if (auto branch = dyn_cast<IfOp>(block->getParentOp()))
      conditions.emplace_back(branch.getCondition(), block->getParent() == &branch.getThenRegion());
    if (isa<KernelOp>(block->getParentOp()))
      break;
  }
  Ranges out;
  for (auto [condition, holds] : llvm::reverse(conditions))
    out.assume(condition, holds);
  // Only what was assumed stays: the rest was computed while less was known.
  out.known = out.assumed;
  return out;
}

void Ranges::limit(Value v, Range r) {
  Range before = (*this)(v), both{std::max(before.low, r.low), std::min(before.high, r.high)};
  if (constantInt(v) || both.low > both.high) // never runs
    return;
  assumed[v] = known[v] = both;
}

void Ranges::assume(Value condition, bool holds) {
  Operation *op = condition.getDefiningOp();
  if (!op)
    return;
  OpKind kind = kindOf(op);
  if ((kind == OpKind::and_ && holds) || (kind == OpKind::or_ && !holds)) {
    assume(op->getOperand(0), holds);
    assume(op->getOperand(1), holds);
    return;
  }
  if (op->getNumOperands() != 2 || !isIntLike(op->getOperand(0).getType()) ||
      !isScalar(op->getOperand(0).getType()))
    return;
  Value x = op->getOperand(0), y = op->getOperand(1);
  Range a = (*this)(x), b = (*this)(y);
  auto below = [&](Value low, Range l, Value high, Range h, int strict) {
    limit(low, {l.low, h.high - strict});
    limit(high, {l.low + strict, h.high});
  };
  switch (kind) {
  case OpKind::cmp_lt:
    return holds ? below(x, a, y, b, 1) : below(y, b, x, a, 0);
  case OpKind::cmp_le:
    return holds ? below(x, a, y, b, 0) : below(y, b, x, a, 1);
  case OpKind::cmp_gt:
    return holds ? below(y, b, x, a, 1) : below(x, a, y, b, 0);
  case OpKind::cmp_ge:
    return holds ? below(y, b, x, a, 0) : below(x, a, y, b, 1);
  case OpKind::cmp_ne:
    if (!holds)
      return;
    if (b == Range{a.low, a.low}) // from the least on, and not it
      return limit(x, {a.low + 1, a.high});
    return;
  default:
    return;
  }
}

Range Ranges::position(ForOp loop, int depth) {
  Range lower = range(loop.getLower(), depth), upper = range(loop.getUpper(), depth),
        step = range(loop.getStep(), depth);
  Range all = ofType(loop.getLower().getType());
  if (step.low >= 0) {
    Range all{lower.low, std::max(lower.low, upper.high - 1)};
    if (lower.low == lower.high && step.low == step.high && step.low > 0)
      all.high -= (all.high - all.low) % step.low;
    return all;
  }
  if (step.high <= 0)
    return {std::min(upper.low + 1, lower.high), lower.high};
  return all;
}

std::optional<Range> Ranges::exact(Operation *op, int depth) {
  if (op->getNumOperands() == 0 || !isIntLike(op->getResult(0).getType()) ||
      widthOf(op->getResult(0).getType()) > 32)
    return std::nullopt; // 64-bit products do not fit Wide in general, and nobody indexes so
  Range x = range(op->getOperand(0), depth);
  Range y = op->getNumOperands() > 1 ? range(op->getOperand(1), depth) : Range{0, 0};
  switch (kindOf(op)) {
  case OpKind::add:
    return Range{x.low + y.low, x.high + y.high};
  case OpKind::sub:
    return Range{x.low - y.high, x.high - y.low};
  case OpKind::neg:
    return Range{-x.high, -x.low};
  case OpKind::mul: {
    Wide products[] = {x.low * y.low, x.low * y.high, x.high * y.low, x.high * y.high};
    return Range{*std::min_element(products, products + 4), *std::max_element(products, products + 4)};
  }
  default:
    return std::nullopt;
  }
}

// The extents of the only launch that the kernel is for, along the axis of a query, or zeros.
static std::pair<int64_t, int64_t> launchOf(Operation *query) {
  auto kernel = query->getParentOfType<KernelOp>();
  auto launch = kernel ? kernel->getAttrOfType<DenseI64ArrayAttr>(launchAttr) : DenseI64ArrayAttr();
  auto axis = query->getAttrOfType<AxisAttr>("axis");
  if (!launch || launch.size() != 6 || !axis)
    return {0, 0};
  auto i = static_cast<size_t>(axis.getValue());
  return {launch[i], launch[3 + i]};
}

Range Ranges::compute(Operation *op, Type type, int depth) {
  Range all = ofType(type);
  auto operand = [&](int i) { return range(op->getOperand(i), depth); };
  switch (kindOf(op)) {
  case OpKind::constant:
    if (auto value = constantInt(op->getResult(0)); value && isScalar(type))
      return widthOf(type) == 64 && isUnsignedIntLike(type)
                 ? Range{Wide(uint64_t(*value)), Wide(uint64_t(*value))}
                 : Range{*value, *value};
    return all;
  case OpKind::add:
  case OpKind::sub:
  case OpKind::mul:
  case OpKind::neg:
    if (auto r = exact(op, depth))
      return all.contains(*r) ? *r : all;
    return all;
  case OpKind::floor_div: {
    Range x = operand(0), y = operand(1);
    if (x.low >= 0 && y.low > 0)
      return {x.low / y.high, x.high / y.low};
    return all;
  }
  case OpKind::mod: {
    Range x = operand(0), y = operand(1);
    if (y.low <= 0)
      return all;
    return x.low >= 0 ? Range{0, std::min(x.high, y.high - 1)} : Range{0, y.high - 1};
  }
  case OpKind::shr: {
    Range x = operand(0), y = operand(1);
    if (x.low >= 0 && y.low == y.high && y.low >= 0 && y.low < Wide(widthOf(type)))
      return {x.low >> int(y.low), x.high >> int(y.low)};
    return x.low >= 0 ? Range{0, x.high} : all;
  }
  case OpKind::and_: {
    Range x = operand(0), y = operand(1);
    if (x.low >= 0 && y.low >= 0)
      return {0, std::min(x.high, y.high)};
    if (y.low >= 0)
      return {0, y.high};
    return x.low >= 0 ? Range{0, x.high} : all;
  }
  case OpKind::min: {
    Range x = operand(0), y = operand(1);
    return {std::min(x.low, y.low), std::min(x.high, y.high)};
  }
  case OpKind::max: {
    Range x = operand(0), y = operand(1);
    return {std::max(x.low, y.low), std::max(x.high, y.high)};
  }
  case OpKind::select: {
    if (!isIntLike(type))
      return all;
    Range x = operand(1), y = operand(2);
    return {std::min(x.low, y.low), std::max(x.high, y.high)};
  }
  case OpKind::cast: {
    Type from = op->getOperand(0).getType();
    if (!isIntLike(from) && !isBoolLike(from))
      return all;
    Range x = operand(0);
    return all.contains(x) ? x : all;
  }
  // MSL 5.2.3.6 and the limits of a launch: at most 1024 threads in a group, grids below 2^32.
  case OpKind::thread_position_in_grid:
  case OpKind::threadgroup_position_in_grid:
    if (auto [grid, threads] = launchOf(op); grid)
      return {0, kindOf(op) == OpKind::thread_position_in_grid ? grid - 1 : (grid - 1) / threads};
    return {0, all.high - 1};
  case OpKind::threads_per_grid:
  case OpKind::threadgroups_per_grid:
    return {1, all.high};
  case OpKind::thread_position_in_threadgroup:
    if (auto [grid, threads] = launchOf(op); grid)
      return {0, std::min(grid, threads) - 1};
    return {0, 1023};
  case OpKind::thread_index_in_threadgroup:
    return {0, 1023};
  case OpKind::threads_per_threadgroup:
  case OpKind::dispatch_threads_per_threadgroup:
    return {1, 1024};
  case OpKind::thread_index_in_simdgroup:
    return {0, 31};
  case OpKind::simdgroup_index_in_threadgroup:
    return {0, 31};
  case OpKind::simdgroups_per_threadgroup:
    return {1, 32};
  case OpKind::threads_per_simdgroup:
    return {32, 32};
  case OpKind::thread_index_in_quadgroup:
    return {0, 3};
  case OpKind::quadgroup_index_in_threadgroup:
    return {0, 255};
  case OpKind::quadgroups_per_threadgroup:
    return {1, 256};
  default:
    return all;
  }
}

constexpr uint32_t largestDivisor = 1u << 31;

uint32_t Ranges::divisor(Value v, int depth) {
  if (auto value = constantInt(v))
    return *value == 0 ? largestDivisor
                       : std::min<uint64_t>(largestDivisor, uint64_t(*value) & (0 - uint64_t(*value)));
  if (auto it = knownDivisors.find(v); it != knownDivisors.end())
    return it->second;
  if (depth > maxDepth || !isIntLike(v.getType()))
    return 1;
  if (auto loop = loopOf(v))
    return std::min(divisor(loop.getLower(), depth + 1), divisor(loop.getStep(), depth + 1));
  Operation *op = v.getDefiningOp();
  if (!op)
    return 1;
  // Wrapping keeps multiples of powers of two, as long as they fit the width.
  uint32_t cap = widthOf(v.getType()) >= 32 ? largestDivisor : 1u << (widthOf(v.getType()) - 1);
  uint32_t d = std::min(computeDivisor(op, depth + 1), cap);
  // Remembered, since a value may be reached along exponentially many ways: x = x + x, again and again.
  knownDivisors.try_emplace(v, d);
  return d;
}

uint32_t Ranges::computeDivisor(Operation *op, int depth) {
  auto operand = [&](int i) { return divisor(op->getOperand(i), depth); };
  auto times = [](uint64_t d, uint64_t factor) {
    return static_cast<uint32_t>(std::min<uint64_t>(d * factor, largestDivisor));
  };
  switch (kindOf(op)) {
  case OpKind::add:
  case OpKind::sub:
    return std::min(operand(0), operand(1));
  case OpKind::mul:
    return times(operand(0), operand(1));
  case OpKind::and_:
    return std::max(operand(0), operand(1));
  case OpKind::neg:
    return operand(0);
  case OpKind::shl:
    if (auto count = constantInt(op->getOperand(1))) // 31 says all: d << 63 would not fit
      return times(operand(0),
                   uint64_t(1) << std::min<int64_t>(*count & (widthOf(op->getResult(0).getType()) - 1), 31));
    return operand(0);
  case OpKind::cast:
    return isIntLike(op->getOperand(0).getType()) ? operand(0) : 1;
  case OpKind::select:
    return std::min(operand(1), operand(2));
  default:
    return 1;
  }
}

} // namespace enigma::transforms
