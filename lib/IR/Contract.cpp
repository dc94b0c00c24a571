// SPDX-License-Identifier: MIT
//
// The one rewriting that belongs to the language: x * y + z rounds once.
//
//     %t = mul %x, %y : f32          (its only use)
//     %r = add %t, %z : f32    ->    %r = fma %x, %y, %z : f32
//
// x * y - z becomes fma(x, y, -z), and z - x * y becomes fma(-x, y, z). With two products the left one is fused. bf16 is left
// alone: it has no fma in Metal, and its product rounds first.
#include "enigma/IR/Function.h"

namespace enigma::ir {

void contract(Function &f) {
  std::vector<bool> gone;
  bool changed = false;
  std::vector<uint32_t> body = f.body(), out;
  out.reserve(body.size());
  gone.assign(f.numOps(), false);
  for (uint32_t index : body) {
    Op op = f.op(index);
    bool isAdd = op.opcode == Opcode::add, isSub = op.opcode == Opcode::sub;
    if (isAdd || isSub) {
      Elem elem = f.type(f.result(op)).elem;
      for (int side = 0; (elem == Elem::f32 || elem == Elem::f16) && side < 2; ++side) {
        Value product = f.operands(op)[side], other = f.operands(op)[1 - side];
        const Op *mul = f.definition(product);
        if (!mul || mul->opcode != Opcode::mul || f.value(product).uses != 1)
          continue;
        Value factors[2] = {f.operands(*mul)[0], f.operands(*mul)[1]};
        gone[f.value(product).op] = true;
        auto negated = [&](Value v) {
          Type t = f.type(v);
          uint32_t neg = f.append(Opcode::neg, {&v, 1}, {&t, 1}, 0, op.place);
          out.push_back(neg);
          return f.result(f.op(neg));
        };
        Value x = factors[0], z = other;
        if (isSub && side == 0)
          z = negated(z);
        if (isSub && side == 1)
          x = negated(x);
        Value operands[3] = {x, factors[1], z};
        f.replaceOp(index, Opcode::fma, operands);
        changed = true;
        break;
      }
    }
    out.push_back(index);
  }
  if (!changed)
    return;
  std::erase_if(out, [&](uint32_t index) { return index < gone.size() && gone[index]; });
  f.setBody(std::move(out));
}

} // namespace enigma::ir
