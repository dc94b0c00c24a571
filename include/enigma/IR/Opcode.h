// SPDX-License-Identifier: MIT
//
// The table of operations, generated from include/enigma/Dialect/Enigma*Ops.td (tools/opgen): for each opcode
// its names, the classes of type it takes and the rule by which its result type follows.
//
//     const OpInfo &sqrt = info(Opcode::sqrt);
//     sqrt.name == "sqrt"; sqrt.types.contains(Elem::f16); sqrt.rule.results[0] == Slot::T;
#pragma once

#include "enigma/IR/Type.h"

#include <array>
#include <span>
#include <string_view>

namespace enigma::ir {

enum class Opcode : uint16_t {
#define ENIGMA_OPCODE(name) name,
#include "enigma/IR/Opcodes.inc"
#undef ENIGMA_OPCODE
};

/// A set of element types.
struct TypeSet {
  uint16_t mask = 0;
  constexpr bool contains(Elem e) const { return mask >> static_cast<int>(e) & 1; }
};

/// What stands in one place of a type rule.
enum class Slot : uint8_t {
  none,
  T,   ///< the type that the operands are brought to
  I,   ///< an integer, converted to T by keeping its low bits (shift counts)
  U,   ///< the unsigned type of T's width
  b1,  ///< b1 in T's shape
  i32, ///< i32 in T's shape
  u32, ///< u32, always a scalar
  u16, ///< u16, always a scalar: the number of a lane
  V,   ///< T, a vector
  V3,  ///< T, a vector of 3
  S,   ///< one component of T
  // Types that do not depend on T.
  f32x2,
  f32x4,
  f16x2,
  f16x4,
};

/// The type of a slot that does not depend on T, else none.
constexpr Type fixedType(Slot slot) {
  switch (slot) {
  case Slot::f32x2:
    return Type::value(Elem::f32, 2);
  case Slot::f32x4:
    return Type::value(Elem::f32, 4);
  case Slot::f16x2:
    return Type::value(Elem::f16, 2);
  case Slot::f16x4:
    return Type::value(Elem::f16, 4);
  case Slot::u32:
    return Type::value(Elem::u32);
  case Slot::u16:
    return Type::value(Elem::u16);
  default:
    return {};
  }
}

/// How the operands and results of an operation are typed.
struct Rule {
  /// Elementwise operations, functions of whole vectors and queries follow the slots; the other kinds have a
  /// builder function of their own.
  enum class Kind : uint8_t {
    slots,
    query,
    constant,
    cast,
    vector,
    component,
    swizzle,
    load,
    store,
    atomic,
    matrix,
    functionConstant,
    kernel,
    control,
    alloc,   ///< the immediate is a number of elements
    table,   ///< the immediate is an index into Function::tables
    barrier, ///< the immediate is MemFlags
  };
  Kind kind = Kind::slots;
  uint8_t numOperands = 0, numResults = 0;
  std::array<Slot, 4> operands{};
  std::array<Slot, 2> results{};
};

struct OpInfo {
  std::string_view name;     ///< in the IR and in the dialect
  std::string_view python;   ///< in Python; empty when it is no function
  std::string_view summary;  ///< one line
  std::string_view typeWord; ///< what an error calls the types that it takes, "a float"
  TypeSet types;
  Rule rule;
  bool elementwise = false;
  bool pure = false;    ///< neither reads nor writes memory
  bool hasAxis = false; ///< the immediate is an axis, 0 to 2
  bool modal = false;   ///< the immediate is a MathMode
  std::array<std::string_view, 4> operandNames{};
  uint8_t mslMajor = 2, mslMinor = 2;
  bool convergent = false; ///< depends on which lanes are active
};

inline constexpr int numOpcodes = 0
#define ENIGMA_OPCODE(name) +1
#include "enigma/IR/Opcodes.inc"
#undef ENIGMA_OPCODE
    ;

const OpInfo &info(Opcode op);
std::span<const OpInfo> allOps();

/// A Python function of the one declaration: a name for an opcode, perhaps restricted to some types ("imin").
struct PythonFunction {
  std::string_view name;
  Opcode op;
  TypeSet types;
  std::string_view typeWord;
};
std::span<const PythonFunction> pythonFunctions();

/// Which of Metal's namespaces a math function is taken from.
enum class MathMode : uint8_t { standard, fast, precise };

} // namespace enigma::ir
