// SPDX-License-Identifier: MIT
//
// The one rewriting that belongs to the language: x * y + z rounds once.
//
//     %t = mul %x, %y : f32          (its only use)
//     %r = add %t, %z : f32    ->    %r = fma %x, %y, %z : f32
//
// x * y - z becomes fma(x, y, -z), and z - x * y becomes fma(-x, y, z). With two products the left one is
// fused. bf16 is left alone: it has no fma in Metal, and its product rounds first.
#include "enigma/IR/Function.h"

namespace enigma::ir {

void contract(Function &f) {
  // Only a product of the same region is fused: one from outside a loop is computed once there.
  std::vector<uint32_t> regionOf(f.numOps());
  for (uint32_t r = 0; r < f.numRegions(); ++r)
    for (uint32_t index : f.region(r).ops)
      regionOf[index] = r;
  std::vector<bool> gone(f.numOps(), false);

  for (uint32_t r = 0; r < f.numRegions(); ++r) {
    bool changed = false;
    std::vector<uint32_t> out;
    out.reserve(f.region(r).ops.size());
    for (uint32_t index : f.region(r).ops) {
      Op op = f.op(index);
      bool isAdd = op.opcode == Opcode::add, isSub = op.opcode == Opcode::sub;
      Elem elem = isAdd || isSub ? f.type(f.result(op)).elem : Elem::b1;
      for (int side = 0; (elem == Elem::f32 || elem == Elem::f16) && side < 2; ++side) {
        Value product = f.operands(op)[side], other = f.operands(op)[1 - side];
        const Op *mul = f.definition(product);
        if (!mul || mul->opcode != Opcode::mul || f.value(product).uses != 1 ||
            regionOf[f.value(product).op] != r)
          continue;
        Value x = f.operands(*mul)[0], y = f.operands(*mul)[1], z = other;
        gone[f.value(product).op] = true;
        auto negated = [&](Value v) {
          Type t = f.type(v);
          uint32_t neg = f.create(Opcode::neg, {&v, 1}, {&t, 1}, 0, op.place);
          out.push_back(neg);
          return f.result(f.op(neg));
        };
        if (isSub)
          (side == 0 ? z : x) = negated(side == 0 ? z : x);
        Value operands[3] = {x, y, z};
        f.replaceOp(index, Opcode::fma, operands);
        changed = true;
        break;
      }
      out.push_back(index);
    }
    if (!changed)
      continue;
    std::erase_if(out, [&](uint32_t index) { return index < gone.size() && gone[index]; });
    f.setOps(r, std::move(out));
  }
}

} // namespace enigma::ir
