// SPDX-License-Identifier: MIT
//
// What operations among lanes ask beyond the type rules: numbers of lanes that exist, and types that have a
// form in Metal.
//
//     simd_shuffle(x, 40)     error: a simdgroup has the lanes 0 to 31
#include "enigma/IR/Builder.h"

namespace enigma::ir {

void Builder::checkLanes(const OpInfo &op, std::string_view name, std::span<const Operand> operands,
                         Type type) const {
  const bool isQuad = op.name.starts_with("quad");
  const uint64_t width = isQuad ? 4 : 32;
  const std::string group = isQuad ? "quadgroup" : "simdgroup";
  if (type.elem == Elem::b1 && type.lanes > 1)
    fail(std::string(name) + ": takes one b1 or a vector of numbers, got " + type.str(),
         {"take the components one by one: x.x, x.y, ..."});
  for (size_t k = 0; k < operands.size(); ++k) {
    if (op.rule.operands[k] != Slot::u16)
      continue;
    const std::string what = std::string(name) + ": " + std::string(op.operandNames[k]);
    const bool isModulo = op.operandNames[k] == "modulo";
    if (!operands[k].isLiteral()) {
      Type t = fn.type(operands[k].value);
      if (isModulo)
        fail(what + " must be the number 2, 4, 8, 16 or 32, got a value of type " + t.str());
      if (t.isValue() && t.lanes > 1)
        fail(what + " must be one integer, got " + t.str(), {"all components move together: take one, x.x"});
      continue;
    }
    const Literal &number = operands[k].literal;
    const bool isInteger = number.kind == Literal::Kind::integer;
    if (isModulo) {
      const uint64_t m = number.magnitude;
      if (!isInteger || number.negative || m < 2 || m > 32 || (m & (m - 1)) != 0)
        fail(what + " must be 2, 4, 8, 16 or 32, got " + number.str());
    } else if (!isInteger || number.negative || number.magnitude >= width) {
      fail(what + " must be an integer from 0 to " + std::to_string(width - 1) + ", got " + number.str(),
           {"a " + group + " has " + std::to_string(width) + " lanes"});
    }
  }
}

} // namespace enigma::ir
