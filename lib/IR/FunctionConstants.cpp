// SPDX-License-Identifier: MIT
//
// Function constants: their declaration while tracing, and the numbers that they are bound to.
#include "enigma/IR/Builder.h"
#include "enigma/IR/Constant.h"

#include <algorithm>

namespace enigma::ir {
namespace {

std::string shown(const FunctionConstant &c) {
  return "function constant " + std::to_string(c.index) + " \"" + c.name + "\"";
}

} // namespace

Value Builder::functionConstant(Elem elem, uint32_t index, std::string name,
                                const std::optional<Literal> &fallback) {
  constexpr std::string_view what = "function_constant";
  constexpr uint32_t most = 65535; // specification 5.8.1
  if (index > most)
    fail(std::string(what) + ": the index must be from 0 to 65535, got " + std::to_string(index));
  FunctionConstant declared{std::move(name), elem, index, false, 0};
  if (declared.name.empty())
    declared.name = "constant_" + std::to_string(index);
  const auto isWord = [](unsigned char c) { return std::isalnum(c) || c == '_'; };
  if (!std::all_of(declared.name.begin(), declared.name.end(), isWord) || std::isdigit(declared.name[0]))
    fail(std::string(what) + ": the name must be an identifier, got \"" + declared.name + "\"");
  if (fallback) {
    auto bits = constantBits(elem, *fallback);
    if (!bits)
      fail(std::string(what) + ": the default " + fallback->str() + " does not fit " +
           std::string(ir::name(elem)));
    declared.hasDefault = true;
    declared.bits = *bits;
  }
  uint32_t number = 0;
  for (const FunctionConstant &other : fn.constants()) {
    if (other == declared)
      return appendValue(Opcode::function_constant, {}, Type::value(elem), number);
    if (other.index == index || other.name == declared.name)
      fail(std::string(what) + ": " + shown(declared) + " is declared otherwise before, as " + shown(other) +
               " of " + std::string(ir::name(other.elem)),
           {"each index and each name stands for one type, name and default in a kernel"});
    ++number;
  }
  fn.addConstant(std::move(declared));
  return appendValue(Opcode::function_constant, {}, Type::value(elem), number);
}

Value Builder::isFunctionConstantDefined(Operand constant) {
  const Op *definition = constant.isLiteral() ? nullptr : fn.definition(constant.value);
  if (!definition || definition->opcode != Opcode::function_constant)
    fail("is_function_constant_defined: needs what function_constant gave, got " +
             (constant.isLiteral() ? constant.literal.str()
                                   : "another value of " + fn.type(constant.value).str()),
         {"n = enigma.function_constant(enigma.u32, 0, \"N\", default=4), then "
          "is_function_constant_defined(n)"});
  return appendValue(Opcode::is_function_constant_defined, {constant.value}, Type::value(Elem::b1),
                     definition->immediate);
}

void bindConstants(Function &f, std::span<const ConstantBinding> bindings) {
  for (const ConstantBinding &binding : bindings) {
    const auto &all = f.constants();
    const auto at = std::find_if(all.begin(), all.end(),
                                 [&](const FunctionConstant &c) { return c.index == binding.index; });
    if (at == all.end())
      throw Error(ErrorKind::Compile,
                  "kernel " + f.name() + " has no function constant " + std::to_string(binding.index),
                  f.locate(f.place));
    const auto number = static_cast<uint64_t>(at - all.begin());
    for (uint32_t i = 0; i < f.numOps(); ++i) {
      const Op &op = f.op(i);
      if (op.immediate != number)
        continue;
      if (op.opcode == Opcode::function_constant)
        f.makeConstant(i, binding.bits);
      else if (op.opcode == Opcode::is_function_constant_defined)
        f.makeConstant(i, binding.isGiven);
    }
  }
}

std::vector<FunctionConstant> openConstants(const Function &f) {
  std::vector<FunctionConstant> open;
  std::vector<bool> isOpen(f.constants().size(), false);
  for (uint32_t index : f.programOrder())
    if (Opcode o = f.op(index).opcode;
        o == Opcode::function_constant || o == Opcode::is_function_constant_defined)
      isOpen[f.op(index).immediate] = true;
  for (size_t i = 0; i < isOpen.size(); ++i)
    if (isOpen[i])
      open.push_back(f.constants()[i]);
  return open;
}

void bindDefaults(Function &f) {
  std::vector<ConstantBinding> bindings;
  for (const FunctionConstant &c : openConstants(f)) {
    if (!c.hasDefault)
      throw Error(ErrorKind::Compile, "kernel " + f.name() + ": " + shown(c) + " has no value",
                  f.locate(f.place),
                  {"give it to enigma.compile(kernel, function_constants={\"" + c.name +
                   "\": ...}), or a default to function_constant"});
    bindings.push_back({c.index, c.bits, false});
  }
  bindConstants(f, bindings);
}

} // namespace enigma::ir
