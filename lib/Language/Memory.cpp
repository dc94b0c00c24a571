// SPDX-License-Identifier: MIT
//
// Arrays of a kernel's own and function constants, handed to the builder.
#include "enigma/Language/Memory.h"

#include "State.h"
#include "enigma/IR/Constant.h"

namespace enigma {

using language::State;

namespace {

/// A function constant is a number.
ir::Elem numbersOf(ir::Builder &b, const std::string &what, ElementType type) {
  if (type.lanes != 1)
    b.fail(what + ": needs a type of numbers, got " + ir::pythonName(type.type()));
  return type.elem;
}

} // namespace

Buffer threadgroup_alloc(uint64_t count, ElementType type, std::source_location place) {
  State &s = language::current("threadgroup_alloc", place);
  return s.at(place,
              [&](ir::Builder &b) { return Buffer(s.wrap(b.threadgroupAlloc(count, type.type())).in()); });
}

Buffer register_tensor(uint64_t count, ElementType type, const Operand &fill) {
  State &s = language::stateOf("register_tensor", {&fill});
  return s.at(fill.location(), [&](ir::Builder &b) {
    return Buffer(s.wrap(b.registerAlloc(count, type.type(), s.use("register_tensor", fill))).in());
  });
}

Buffer constant_array(ElementType type, std::span<const Operand> values, std::source_location place) {
  State &s = language::current("constant_array", place);
  return s.at(place, [&](ir::Builder &b) {
    const ir::Elem elem = type.elem;
    if (values.size() % size_t(type.lanes))
      b.fail("constant_array: needs " + std::to_string(type.lanes) + " numbers for each " +
             ir::pythonName(type.type()) + ", got " + std::to_string(values.size()) + " in all");
    std::vector<uint64_t> bits;
    for (const Operand &value : values) {
      if (!value.isNumber())
        b.fail("constant_array: needs numbers, got a value",
               {"its elements are fixed when the kernel is compiled"});
      auto word = ir::constantBits(elem, value.numberValue());
      if (!word)
        b.fail("constant_array: the number " + value.numberValue().str() + " does not fit " +
               std::string(ir::name(elem)));
      bits.push_back(*word);
    }
    return Buffer(s.wrap(b.constantArray(std::move(bits), type.type())).in());
  });
}

namespace {
Value functionConstant(ElementType type, uint32_t index, std::string_view name,
                       const std::optional<ir::Literal> &fallback, const std::source_location &place) {
  State &s = language::current("function_constant", place);
  return s.at(place, [&](ir::Builder &b) {
    const ir::Elem elem = numbersOf(b, "function_constant", type);
    return s.wrap(b.functionConstant(elem, index, std::string(name), fallback));
  });
}
} // namespace

Value function_constant(ElementType type, uint32_t index, std::string_view name, std::source_location place) {
  return functionConstant(type, index, name, std::nullopt, place);
}

Value function_constant(ElementType type, uint32_t index, std::string_view name, const Operand &fallback) {
  if (!fallback.isNumber())
    fallback.value().state->fail(fallback.location(), "function_constant: the default must be a number");
  return functionConstant(type, index, name, fallback.numberValue(), fallback.location());
}

Value is_function_constant_defined(const Operand &constant) {
  constexpr std::string_view what = "is_function_constant_defined";
  State &s = language::stateOf(what, {&constant});
  return s.at(constant.location(),
              [&](ir::Builder &b) { return s.wrap(b.isFunctionConstantDefined(s.use(what, constant))); });
}

} // namespace enigma
