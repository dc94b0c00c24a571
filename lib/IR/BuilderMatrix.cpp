// SPDX-License-Identifier: MIT
//
// Matrices that a simdgroup holds together: their element types, and where in a buffer they lie.
#include "enigma/IR/Builder.h"

namespace enigma::ir {
namespace {

bool isZero(const Operand &x) {
  return x.isLiteral() && x.literal.kind == Literal::Kind::integer && x.literal.magnitude == 0;
}

} // namespace

Type Builder::matrixOf(std::string_view what, Value matrix) {
  Type t = fn.type(matrix);
  if (!t.isSimdgroupMatrix())
    fail(std::string(what) + ": needs a simdgroup matrix, got " + t.str(),
         {"simdgroup_load(buffer, index) and make_filled_simdgroup_matrix(dtype, value) make one"});
  return t;
}

Value Builder::matrixFill(Elem elem, Operand value) {
  constexpr std::string_view what = "make_filled_simdgroup_matrix";
  if (!isFloat(elem))
    fail(std::string(what) + ": a simdgroup matrix holds f16, bf16 or f32, got " + std::string(name(elem)));
  Value x = stored(what, value, Type::value(elem));
  return appendValue(Opcode::make_filled_simdgroup_matrix, {x}, Type::simdgroupMatrix(elem));
}

Value Builder::matrixPlace(std::string_view what, const MatrixPlace &place, Value &stride) {
  Type t = fn.type(place.buffer);
  if (!t.isBuffer() || t.lanes != 1 || !isFloat(t.elem))
    fail(std::string(what) + ": needs a buffer of f16, bf16 or f32, got " + t.str());
  if (t.space != Space::device && t.space != Space::threadgroup)
    fail(std::string(what) + ": needs a buffer or threadgroup memory, which all lanes reach");
  const Literal &number = place.stride.literal;
  if (place.stride.isLiteral() &&
      (number.kind != Literal::Kind::integer || number.negative || number.magnitude == 0))
    fail(std::string(what) + ": elements_per_row must be a positive integer, got " + number.str());
  stride = indexOf(what, place.stride);
  Operand index = place.index;
  if (!isZero(place.y))
    index = binary(Operator::add, index, binary(Operator::mul, place.y, stride));
  if (!isZero(place.x))
    index = binary(Operator::add, index, place.x);
  return indexOf(what, index);
}

Value Builder::matrixLoad(const MatrixPlace &place) {
  Value stride, index = matrixPlace("simdgroup_load", place, stride);
  fn.markAccess(place.buffer, false);
  return appendValue(Opcode::simdgroup_load, {place.buffer, index, stride},
                     Type::simdgroupMatrix(fn.type(place.buffer).elem), place.transpose);
}

void Builder::matrixStore(Value matrix, const MatrixPlace &place) {
  Type t = matrixOf("simdgroup_store", matrix);
  Value stride, index = matrixPlace("simdgroup_store", place, stride);
  if (fn.type(place.buffer).elem != t.elem)
    fail("simdgroup_store: the buffer holds " + std::string(name(fn.type(place.buffer).elem)) + ", got " +
             t.str(),
         {"convert it by its elements: simdgroup_matrix_elements, simdgroup_matrix_from_elements"});
  fn.markAccess(place.buffer, true);
  append(Opcode::simdgroup_store, std::initializer_list<Value>{matrix, place.buffer, index, stride}, {},
         place.transpose);
}

Value Builder::matrixMultiply(Value a, Value b) {
  constexpr std::string_view what = "simdgroup_multiply";
  Type t = matrixOf(what, a);
  if (Type other = matrixOf(what, b); other != t)
    fail(std::string(what) + ": needs two matrices of one type, got " + t.str() + " and " + other.str());
  return appendValue(Opcode::simdgroup_multiply, {a, b}, t);
}

Value Builder::matrixMultiply(Value a, Value b, Value c) {
  constexpr std::string_view what = "simdgroup_multiply_accumulate";
  Type t = matrixOf(what, a), other = matrixOf(what, b), sum = matrixOf(what, c);
  if (other != t)
    fail(std::string(what) + ": needs two factors of one type, got " + t.str() + " and " + other.str());
  if (sum != t && sum.elem != Elem::f32)
    fail(std::string(what) + ": factors of " + std::string(name(t.elem)) + " accumulate in " +
         (t.elem == Elem::f32 ? "f32" : std::string(name(t.elem)) + " or f32") + ", got " +
         std::string(name(sum.elem)));
  return appendValue(Opcode::simdgroup_multiply_accumulate, {a, b, c}, sum);
}

Value Builder::matrixElements(Value matrix) {
  Type t = Type::value(matrixOf("simdgroup_matrix_elements", matrix).elem);
  const Type results[] = {t, t};
  return append(Opcode::simdgroup_matrix_elements, std::span(&matrix, 1), results);
}

Value Builder::matrixFromElements(Operand first, Operand second) {
  constexpr std::string_view what = "simdgroup_matrix_from_elements";
  const Operand both[] = {first, second};
  auto elem = unify(what, both, false);
  if (!elem || !isFloat(*elem))
    fail(std::string(what) + ": needs floats, got " + std::string(name(*elem)),
         {"convert them: enigma.f32(x)"});
  Value x = materialise(what, first, *elem), y = materialise(what, second, *elem);
  return appendValue(Opcode::simdgroup_matrix_from_elements, {x, y}, Type::simdgroupMatrix(*elem));
}

Value Builder::appendValue(Opcode op, std::initializer_list<Value> operands, Type result,
                           uint64_t immediate) {
  return append(op, std::span(operands.begin(), operands.size()), {&result, 1}, immediate);
}

} // namespace enigma::ir
