// SPDX-License-Identifier: MIT
//
// Adds operations to a function under the language's type rules: Python numbers are weak and take the type of
// the value they meet, operands are brought to one type (docs/types.md), and what does not fit is an Error at
// the user's place.
//
//     Builder b(f);
//     Value i = b.query(Opcode::thread_position_in_grid, 0);
//     Value y = b.emit(Opcode::mul, {b.load(x, i), Literal(2.0)});   // stays f16 for f16
#pragma once

#include "enigma/IR/Function.h"

#include <initializer_list>

namespace enigma::ir {

/// A number without a type of its own, as Python's are.
struct Literal {
  enum class Kind : uint8_t { boolean, integer, real };
  Kind kind;
  bool negative = false;  ///< sign of an integer
  uint64_t magnitude = 0; ///< of an integer or boolean
  double number = 0;      ///< of a real

  Literal(bool value) : kind(Kind::boolean), magnitude(value) {}
  Literal(int value) : Literal(static_cast<int64_t>(value)) {}
  Literal(int64_t value)
      : kind(Kind::integer), negative(value < 0),
        magnitude(value < 0 ? 0 - static_cast<uint64_t>(value) : value) {}
  Literal(uint64_t value) : kind(Kind::integer), magnitude(value) {}
  Literal(double value) : kind(Kind::real), number(value) {}
  /// As Python writes it.
  std::string str() const;
};

/// A value of the function or a literal. No value (Value{}) is not a literal, but an error where it is used.
struct Operand {
  Value value;
  Literal literal{0};
  Operand(Value v) : value(v) {}
  Operand(Literal l) : literal(l), given(true) {}
  bool isLiteral() const { return given; }

private:
  bool given = false;
};

/// Python's operators; comparisons and functions are opcodes of their own.
enum class Operator : uint8_t { add, sub, mul, truediv, floordiv, mod, pow, and_, or_, xor_, shl, shr };

/// What a barrier orders: MSL's mem_flags, which add up.
enum class MemFlags : uint8_t {
  none = 0,
  device = 1,
  threadgroup = 2,
  /// Threadgroup memory, and device memory where the kernel reads a parameter that it also writes.
  automatic = 8,
};

/// Bytes of threadgroup memory that one threadgroup can have.
inline constexpr uint64_t maxThreadgroupBytes = 32768;
/// Bytes that the arrays allocated so far take, each aligned to its elements.
uint64_t threadgroupBytes(const Function &f);

class Builder {
public:
  explicit Builder(Function &f) : fn(f) {}

  /// The place that the next operations get, and that errors name.
  Place place = 0;

  /// An elementwise operation by its rule; the first result is returned, a second one follows it (frexp,
  /// modf).
  Value emit(Opcode op, std::span<const Operand> operands, uint64_t immediate = 0) {
    return emit(op, operands, immediate, info(op).python);
  }
  Value emit(Opcode op, std::initializer_list<Operand> operands, uint64_t immediate = 0) {
    return emit(op, std::span(operands.begin(), operands.size()), immediate);
  }
  /// The same under another name in errors, and for fewer types: a PythonFunction such as imin.
  Value call(const PythonFunction &function, std::span<const Operand> operands, uint64_t immediate = 0);

  /// What Python's `a op b` means.
  Value binary(Operator op, Operand a, Operand b);
  Value negate(Operand a);
  /// Numbers compared as numbers, also of different signedness.
  Value compare(Opcode cmp, Operand a, Operand b);
  /// The bits compared as unsigned integers: cmp_ult and its kin.
  Value compareUnsigned(Opcode cmp, Operand a, Operand b);

  /// A constant of the literal's own type: i32 (i64 where that is needed), f32, b1.
  Value literal(Literal value);
  Value constant(Literal value, Type type);
  Value cast(Operand x, Elem to);
  /// As a call of the type has it: to a vector type a scalar becomes a vector of it, to a scalar type a
  /// vector is converted component by component. `name` stands in errors.
  Value convert(Operand x, Type to, std::string_view name);
  /// The bits of a scalar or vector as another type of as many bits; to a scalar type of a component's width
  /// component by component.
  Value asType(Operand x, Type to);
  Value asType(Operand x, Elem to) { return asType(x, Type::value(to)); }

  /// A vector of scalars and shorter vectors, converted to its type and put one after the other; or of one
  /// scalar.
  Value makeVector(Type type, std::span<const Operand> parts, std::string_view name = {});
  Value makeVector(Type type, std::initializer_list<Operand> parts) {
    return makeVector(type, std::span(parts.begin(), parts.size()));
  }
  /// Components of a vector in any order, by number; of one the scalar.
  Value swizzle(Value v, std::span<const int> components);
  /// A component: a literal index may count from the end, a value past the end gives the last component.
  Value extract(Value v, Operand index);
  /// v with a component replaced; a value past the end replaces none.
  Value insert(Value v, Operand index, Operand value);
  /// v with these components replaced by those of a vector of as many, or all by one scalar.
  Value withComponents(Value v, std::span<const int> components, Operand value);
  /// A vector of one scalar; itself where it has the length already.
  Value splat(Value x, int lanes);
  Value query(Opcode op, int axis = 0);

  Value load(Value buffer, Operand index);
  void store(Value buffer, Operand index, Operand value);
  Value loadIf(Value buffer, Operand index, Operand mask, Operand fallback);
  void storeIf(Value buffer, Operand index, Operand value, Operand mask);

  /// Consecutive elements at once, 1, 2 or 4 of them. The index of the first one must be a multiple of their
  /// number: Metal's vectors are aligned. `value` and `fallback` have the type that is moved.
  Value loadVector(Value buffer, Value index, int lanes);
  void storeVector(Value buffer, Value index, Value value);
  Value loadVectorIf(Value buffer, Value index, Value mask, Value fallback);
  void storeVectorIf(Value buffer, Value index, Value value, Value mask);
  /// Memory of `count` elements that a threadgroup shares. The sum of all is at most 32 KB.
  Value threadgroupAlloc(uint64_t count, Type element);
  /// Memory of `count` elements of one thread that start as `fill`, each time that the place is reached.
  Value registerAlloc(uint64_t count, Type element, Operand fill);
  /// Memory that holds these bits (constantBits) and cannot be written.
  Value constantArray(std::vector<uint64_t> bits, Type element);
  /// Opcode::threadgroup_barrier or simdgroup_barrier.
  void barrier(Opcode op, MemFlags flags = MemFlags::automatic);

  /// An atomic access to an element, in relaxed order: `values` are those of the operation, in its order. The
  /// first result is returned; whether a comparison exchanged follows it.
  Value atomic(Opcode op, Value buffer, Operand index, std::span<const Operand> values);

  /// Where the 8x8 elements of a simdgroup matrix lie: element (row, column) at index + (y + row) *
  /// elements_per_row + x + column, or with rows and columns swapped.
  struct MatrixPlace {
    Value buffer;
    Operand index, stride, x, y;
    bool transpose = false;
  };
  Value matrixFill(Elem elem, Operand value);
  Value matrixLoad(const MatrixPlace &place);
  void matrixStore(Value matrix, const MatrixPlace &place);
  Value matrixMultiply(Value a, Value b);
  Value matrixMultiply(Value a, Value b, Value c); ///< a b + c
  /// The two elements that a lane holds; the second follows the first.
  Value matrixElements(Value matrix);
  Value matrixFromElements(Operand first, Operand second);

  /// A number that a pipeline gives; "" for a name of its own.
  Value functionConstant(Elem elem, uint32_t index, std::string name, const std::optional<Literal> &fallback);
  Value isFunctionConstantDefined(Operand constant);

  /// Opens a region that starts from values of these types; operations go into it until closeRegion. Regions
  /// are made first and given to their operation by the calls below, innermost first.
  ///
  ///     uint32_t body = b.openRegion({i32, f32});          // the position and one carried value
  ///     auto args = b.function().region(body).args;
  ///     b.closeRegion({b.binary(Operator::add, args[1], b.load(a, args[0]))});
  ///     Value sum = b.forLoop(lower, upper, step, {zero}, body)[0];
  uint32_t openRegion(std::span<const Type> args);
  uint32_t openRegion(std::initializer_list<Type> args) {
    return openRegion(std::span(args.begin(), args.size()));
  }
  void closeRegion(std::span<const Value> yields);
  void closeRegion(std::initializer_list<Value> yields) {
    closeRegion(std::span(yields.begin(), yields.size()));
  }

  /// A loop over lower, lower + step, ... before upper. The region's arguments are the position, of the type
  /// of the bounds, and the carried values, of the types of `initial`, which it yields. Returns their last
  /// values.
  std::vector<Value> forLoop(Value lower, Value upper, Value step, std::span<const Value> initial,
                             uint32_t body);
  std::vector<Value> forLoop(Value lower, Value upper, Value step, std::initializer_list<Value> initial,
                             uint32_t body) {
    return forLoop(lower, upper, step, std::span(initial.begin(), initial.size()), body);
  }
  /// One of two regions without arguments, which yield values of the same types.
  std::vector<Value> ifElse(Value condition, uint32_t thenRegion, uint32_t elseRegion);
  /// Runs `body` while the first value that `condition` yields is true; the others that it yields go to the
  /// body, which yields the next.
  std::vector<Value> whileLoop(std::span<const Value> initial, uint32_t condition, uint32_t body);

  Function &function() { return fn; }
  /// Throws a TraceError at the current place.
  [[noreturn]] void fail(std::string message, std::vector<std::string> notes = {}) const;

private:
  Value emit(Opcode op, std::span<const Operand> operands, uint64_t immediate, std::string_view name);
  Value emitFixed(Opcode op, std::span<const Operand> operands, uint64_t immediate, std::string_view name);
  void checkShape(std::string_view name, const OpInfo &i, size_t k, const Operand &operand, int lanes) const;
  int componentOf(std::string_view name, Type t, const Literal &index);
  std::optional<Elem> unify(std::string_view name, std::span<const Operand> operands, bool keepBool);
  [[noreturn]] void failNoValue(std::string what, Type got) const;
  void checkLanes(const OpInfo &op, std::string_view name, std::span<const Operand> operands,
                  Type type) const;
  Value materialise(std::string_view name, Operand operand, Elem to);
  Value indexOf(std::string_view name, Operand index);
  Value maskOf(std::string_view name, Operand mask);
  Value stored(std::string_view name, Operand value, Type to);
  Type elementOf(std::string_view name, Value buffer);
  void checkMoved(std::string_view name, Value buffer, Type moved);
  void checkConstantIndex(std::string_view name, Value buffer, const Operand &index);
  void checkWritable(std::string_view name, Value buffer);
  Value append(Opcode op, std::span<const Value> operands, std::span<const Type> results,
               uint64_t immediate = 0);
  Value append(Opcode op, std::initializer_list<Value> operands, Type result, uint64_t immediate = 0);
  Value appendValue(Opcode op, std::initializer_list<Value> operands, Type result, uint64_t immediate = 0);
  Type matrixOf(std::string_view what, Value matrix);
  Value matrixPlace(std::string_view what, const MatrixPlace &place, Value &stride);
  std::vector<Value> control(Opcode op, std::span<const Value> operands, std::span<const Type> results,
                             std::initializer_list<uint32_t> regions);
  std::vector<Type> yielded(uint32_t region) const;
  std::vector<Type> typesOf(std::span<const Value> values) const;

  Function &fn;
};

} // namespace enigma::ir
