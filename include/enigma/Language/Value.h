// SPDX-License-Identifier: MIT
//
// What a kernel computes with when it is written in C++: values that every thread has for itself, variables,
// and buffers. Each call adds operations to the kernel that is being built; nothing is computed yet.
//
//     Value x = X[i], y = 2 * x + 1;          // a number of C++ takes the type of the value that it meets
//     Variable sum(0.0f);                     // may be assigned, also in loops and branches
//     sum += sqrt(x);                         // functions: Operations.h
//     Out[i] = sum;
//
// A Value never changes, so that nothing is lost silently: `x = x + 1` does not compile, a Variable does
// that. `if (x < 1)` does not compile either: ControlFlow.h has if_, for_range and while_. Errors are
// enigma::Error of kind Trace at the line of the operand.
#pragma once

#include "enigma/IR/Builder.h"

#include <concepts>
#include <memory>
#include <source_location>
#include <string_view>
#include <type_traits>

namespace enigma {

namespace language {
class State;
/// What a value is in the kernel under construction, and the block that computed it.
struct Handle {
  std::shared_ptr<State> state;
  ir::Value value;
  uint64_t block = 0;
};
} // namespace language

class Operand;
class Value;
class Variable;
class Element;

/// A type of numbers, or of vectors of them (`vec(f32, 4)`), and, called with an operand, the conversion to
/// it: `f32(i)`. Float to integer truncates, integer to integer keeps the low bits. A type of vectors makes
/// one of scalars and shorter vectors, `vec(f32, 4)(xy, z, 1)`, or of one scalar in all components.
struct ElementType {
  ir::Elem elem;
  uint8_t lanes = 1; ///< components
  constexpr ir::Type type() const { return ir::Type::value(elem, lanes); }
  Value operator()(const Operand &x) const;
  Value operator()(const Operand &x, const Operand &y) const;
  Value operator()(const Operand &x, const Operand &y, const Operand &z) const;
  Value operator()(const Operand &x, const Operand &y, const Operand &z, const Operand &w) const;
  bool operator==(const ElementType &) const = default;
};
/// The vectors of 2, 3 or 4 numbers of a type. In memory one of 3 takes the room of 4.
ElementType vec(ElementType element, int components);
inline constexpr ElementType b1{ir::Elem::b1};     ///< true or false, one byte in memory
inline constexpr ElementType i8{ir::Elem::i8};     ///< signed, 8 bits; wraps
inline constexpr ElementType u8{ir::Elem::u8};     ///< unsigned, 8 bits; wraps
inline constexpr ElementType i16{ir::Elem::i16};   ///< signed, 16 bits; wraps
inline constexpr ElementType u16{ir::Elem::u16};   ///< unsigned, 16 bits; wraps
inline constexpr ElementType i32{ir::Elem::i32};   ///< signed, 32 bits; wraps
inline constexpr ElementType u32{ir::Elem::u32};   ///< unsigned, 32 bits; wraps
inline constexpr ElementType i64{ir::Elem::i64};   ///< signed, 64 bits; wraps
inline constexpr ElementType u64{ir::Elem::u64};   ///< unsigned, 64 bits; wraps
inline constexpr ElementType f16{ir::Elem::f16};   ///< Metal's half
inline constexpr ElementType bf16{ir::Elem::bf16}; ///< Metal's bfloat, rounded at each operation
inline constexpr ElementType f32{ir::Elem::f32};   ///< Metal's float

/// A component of a position or size.
enum class Axis : uint8_t { x, y, z };

/// A number of C++ that can stand where a kernel needs a value.
template <class T>
concept Number = std::is_arithmetic_v<T>;

/// The parameter type of every operation: a value, or a number of C++ without a type of its own. Converting
/// to it notes the line, so it is never written out.
class Operand {
public:
  Operand(const Value &value, std::source_location place = std::source_location::current());
  Operand(const Variable &variable, std::source_location place = std::source_location::current());
  Operand(Element &&element, std::source_location place = std::source_location::current());
  /// A number: `bool`, an integer or a float.
  template <Number T>
  Operand(T number, std::source_location at = std::source_location::current())
      : literal(literalOf(number)), number(true), place(at) {}

  /// The value; without a kernel if this is a number.
  const language::Handle &value() const { return handle; }
  /// The number, where isNumber().
  const ir::Literal &numberValue() const { return literal; }
  bool isNumber() const { return number; }
  /// Where it was written.
  const std::source_location &location() const { return place; }

private:
  template <Number T>
  static ir::Literal literalOf(T number) {
    if constexpr (std::same_as<T, bool>)
      return ir::Literal(number);
    else if constexpr (std::floating_point<T>)
      return ir::Literal(static_cast<double>(number));
    else if constexpr (std::signed_integral<T>)
      return ir::Literal(static_cast<int64_t>(number));
    else
      return ir::Literal(static_cast<uint64_t>(number));
  }

  language::Handle handle;
  ir::Literal literal{0};
  bool number = false;
  std::source_location place;
};

/// A number that every thread computes for itself. It never changes; copies are the same value.
class Value {
public:
  /// The present value of a variable.
  Value(const Variable &variable, std::source_location place = std::source_location::current());
  /// Loads the element of a buffer.
  Value(Element &&element, std::source_location place = std::source_location::current());
  /// A constant of the kernel that is being built: i32 (i64 where that is needed), f32 or b1.
  template <Number T>
  Value(T number, std::source_location place = std::source_location::current())
      : Value(Operand(number, place)) {}
  explicit Value(const Operand &operand);
  explicit Value(language::Handle is) : handle(std::move(is)) {}
  Value(const Value &) = default;
  /// A value is what it is; write Variable for one that changes.
  Value &operator=(const Value &) = delete;

  /// "f32", "f16x4".
  std::string type() const;
  // Of a vector.
  Value x(std::source_location place = std::source_location::current()) const { return swizzle("x", place); }
  Value y(std::source_location place = std::source_location::current()) const { return swizzle("y", place); }
  Value z(std::source_location place = std::source_location::current()) const { return swizzle("z", place); }
  Value w(std::source_location place = std::source_location::current()) const { return swizzle("w", place); }
  /// Components by their letters, of xyzw or of rgba, in any order: "zyx"; a scalar of one, else a vector.
  Value swizzle(std::string_view components,
                std::source_location place = std::source_location::current()) const;
  /// The vector with these components replaced by those of a vector of as many, or all of them by one scalar.
  Value with(std::string_view components, const Operand &value) const;
  /// A component by its number. One that is computed gives the last where there are not so many.
  Value operator[](const Operand &component) const;
  /// The same value, which takes this name in the emitted text unless it has one.
  Value named(std::string_view name) const;
  const language::Handle &in() const { return handle; }

private:
  language::Handle handle;
};

/// A number that is assigned anew as the kernel goes on. Its type is that of its first value. What a loop or
/// a branch assigns to it is known after the block, as in plain C++.
class Variable {
public:
  /// @param initial its first value: a value, an element, or a number (then i32, f32 or b1).
  /// @param name in the emitted text.
  explicit Variable(const Value &initial, std::string_view name = {},
                    std::source_location place = std::source_location::current())
      : Variable(Operand(initial, place), name) {}
  explicit Variable(Element &&initial, std::string_view name = {},
                    std::source_location place = std::source_location::current());
  template <Number T>
  explicit Variable(T initial, std::string_view name = {},
                    std::source_location place = std::source_location::current())
      : Variable(Operand(initial, place), name) {}
  explicit Variable(const Operand &initial, std::string_view name = {});
  /// A further variable that starts with the value of this one.
  Variable(const Variable &other);
  Variable &operator=(const Variable &other);
  /// A number is taken in the variable's type; a value of another type is an error that names the conversion.
  Variable &operator=(const Operand &value);
  Variable &operator+=(const Operand &value);
  Variable &operator-=(const Operand &value);
  Variable &operator*=(const Operand &value);
  Variable &operator/=(const Operand &value);
  Variable &operator%=(const Operand &value);
  Variable &operator&=(const Operand &value);
  Variable &operator|=(const Operand &value);
  Variable &operator^=(const Operand &value);
  Variable &operator<<=(const Operand &value);
  Variable &operator>>=(const Operand &value);

  /// What it holds now.
  language::Handle read(const std::source_location &place) const;

private:
  std::shared_ptr<language::State> state;
  uint32_t index = 0;  ///< among the variables of the kernel
  uint64_t serial = 0; ///< of the variable, since places are used again
};

/// `A[i]`, until it is read or assigned; it cannot be kept: write `Value x = A[i];`.
class Element {
public:
  Element(const Element &) = delete;
  /// Writes the element. A float is not stored to an integer buffer without a conversion.
  void operator=(const Operand &value) &&;
  void operator=(Element &&value) &&;
  void operator+=(const Operand &value) &&;
  void operator-=(const Operand &value) &&;
  void operator*=(const Operand &value) &&;

  language::Handle load() &&;

private:
  friend class Buffer;
  Element(language::Handle in, language::Handle at, const std::source_location &where)
      : buffer(std::move(in)), index(std::move(at)), place(where) {}
  template <class Change>
  void change(Change &&make);

  language::Handle buffer, index;
  std::source_location place;
};

/// Memory of many elements that all threads share: a parameter of the kernel. Indices count elements.
class Buffer {
public:
  explicit Buffer(language::Handle is) : handle(std::move(is)) {}
  /// The element at an index of an integer type. An index past the end is an error at run time on the CPU.
  Element operator[](const Operand &index) const;
  /// The same memory, which takes this name in the emitted text unless it has one; of arrays of the kernel.
  Buffer named(std::string_view name) const;
  const language::Handle &in() const { return handle; }

private:
  language::Handle handle;
};

// Operators. The operands are brought to one type first; integers wrap. `/` and `%` take floats or unsigned
// integers: for signed ones C++ and Python disagree about rounding, so that floor_div and mod say which is
// meant.
Value operator+(const Operand &x, const Operand &y);
Value operator-(const Operand &x, const Operand &y);
Value operator*(const Operand &x, const Operand &y);
Value operator/(const Operand &x, const Operand &y);
Value operator%(const Operand &x, const Operand &y);
Value operator&(const Operand &x, const Operand &y);
Value operator|(const Operand &x, const Operand &y);
Value operator^(const Operand &x, const Operand &y);
/// The count is taken modulo the width.
Value operator<<(const Operand &x, const Operand &y);
Value operator>>(const Operand &x, const Operand &y);
Value operator-(const Operand &x);
Value operator~(const Operand &x);
/// The opposite of a b1.
Value operator!(const Operand &x);
// Numbers are compared as numbers, also a signed one with an unsigned one.
Value operator==(const Operand &x, const Operand &y);
Value operator!=(const Operand &x, const Operand &y);
Value operator<(const Operand &x, const Operand &y);
Value operator<=(const Operand &x, const Operand &y);
Value operator>(const Operand &x, const Operand &y);
Value operator>=(const Operand &x, const Operand &y);
// Both sides would run, whatever the first one is: write `a & b`, `a | b`, or an if_ around a load.
Value operator&&(const Operand &x, const Operand &y) = delete;
Value operator||(const Operand &x, const Operand &y) = delete;

} // namespace enigma
