// SPDX-License-Identifier: MIT
//
// Atomic accesses: the type is that of the buffer's elements, and the operation says which it takes.
#include "enigma/IR/Builder.h"

namespace enigma::ir {

Value Builder::atomic(Opcode op, Value buffer, Operand index, std::span<const Operand> values) {
  const OpInfo &i = info(op);
  const std::string what(i.name);
  Type t = elementOf(what, buffer);
  if (t.lanes != 1 || !i.types.contains(t.elem)) {
    std::vector<std::string> notes;
    if (t.elem == Elem::u64 || t.elem == Elem::i64)
      notes.push_back("on 64 bits Metal has atomic_min and atomic_max of u64, without a result");
    else if (isFloat(t.elem) && i.types.contains(Elem::u32))
      notes.push_back("declare the buffer as enigma.u32 and take the bits: enigma.as_type(x, enigma.u32)");
    else if (isInt(t.elem))
      notes.push_back("declare the buffer as enigma.i32 or enigma.u32");
    fail(what + ": needs a buffer of " + std::string(i.typeWord) + ", got " + t.str(), std::move(notes));
  }
  const Space space = fn.type(buffer).space;
  if (space != Space::device && space != Space::threadgroup)
    fail(what + ": needs a buffer or threadgroup memory, which several threads reach");
  if (space == Space::threadgroup && (t.elem == Elem::f32 || t.elem == Elem::u64))
    fail(what + ": in threadgroup memory Metal has it on i32, u32 and b1, got " + t.str(),
         {t.elem == Elem::f32
              ? "add with simd_sum first and let one thread of each simdgroup store its sum, or keep "
                "the bits in enigma.u32 and exchange them in a loop"
              : "take the largest of each simdgroup first: simd_max"});
  std::vector<Value> operands{buffer, indexOf(what, index)};
  for (const Operand &value : values)
    operands.push_back(stored(what, value, t));
  fn.markAccess(buffer, false);
  if (op != Opcode::atomic_load)
    fn.markAccess(buffer, true);
  const Type results[] = {t, Type::value(Elem::b1)};
  return append(op, operands, {results, i.rule.numResults});
}

} // namespace enigma::ir
