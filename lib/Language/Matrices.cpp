// SPDX-License-Identifier: MIT
//
// Simdgroup matrices, handed to the builder.
#include "enigma/Language/Matrices.h"

#include "State.h"

namespace enigma {

using language::State;

namespace {

ir::Builder::MatrixPlace placeIn(State &s, std::string_view what, const Buffer &buffer, const Operand &index,
                                 const Operand &stride, const MatrixPlace &at) {
  return {s.use(what, buffer.in()), s.use(what, index), s.use(what, stride),
          s.use(what, at.x),        s.use(what, at.y),  at.transpose};
}

} // namespace

Value make_filled_simdgroup_matrix(ElementType type, const Operand &value) {
  constexpr std::string_view what = "make_filled_simdgroup_matrix";
  State &s = language::stateOf(what, {&value});
  return s.at(value.location(), [&](ir::Builder &b) {
    if (type.lanes != 1)
      b.fail(std::string(what) + ": needs a type of numbers, got " + ir::pythonName(type.type()));
    return s.wrap(b.matrixFill(type.elem, s.use(what, value)));
  });
}

Value simdgroup_load(const Buffer &buffer, const Operand &index, const Operand &stride,
                     const MatrixPlace &at) {
  State &s = *buffer.in().state;
  return s.at(index.location(), [&](ir::Builder &b) {
    return s.wrap(b.matrixLoad(placeIn(s, "simdgroup_load", buffer, index, stride, at)));
  });
}

void simdgroup_store(const Value &matrix, const Buffer &buffer, const Operand &index, const Operand &stride,
                     const MatrixPlace &at) {
  State &s = *buffer.in().state;
  s.at(index.location(), [&](ir::Builder &b) {
    ir::Value stored = s.use("simdgroup_store", matrix.in());
    b.matrixStore(stored, placeIn(s, "simdgroup_store", buffer, index, stride, at));
  });
}

Value simdgroup_multiply(const Value &a, const Value &b, std::source_location place) {
  State &s = *a.in().state;
  return s.at(place, [&](ir::Builder &builder) {
    ir::Value left = s.use("simdgroup_multiply", a.in());
    return s.wrap(builder.matrixMultiply(left, s.use("simdgroup_multiply", b.in())));
  });
}

Value simdgroup_multiply_accumulate(const Value &a, const Value &b, const Value &c,
                                    std::source_location place) {
  constexpr std::string_view what = "simdgroup_multiply_accumulate";
  State &s = *a.in().state;
  return s.at(place, [&](ir::Builder &builder) {
    ir::Value left = s.use(what, a.in()), right = s.use(what, b.in());
    return s.wrap(builder.matrixMultiply(left, right, s.use(what, c.in())));
  });
}

std::pair<Value, Value> simdgroup_matrix_elements(const Value &matrix, std::source_location place) {
  State &s = *matrix.in().state;
  return s.at(place, [&](ir::Builder &b) {
    ir::Value first = b.matrixElements(s.use("simdgroup_matrix_elements", matrix.in()));
    return std::pair(s.wrap(first), s.wrap({first.id + 1}));
  });
}

Value simdgroup_matrix_from_elements(const Operand &first, const Operand &second) {
  constexpr std::string_view what = "simdgroup_matrix_from_elements";
  State &s = language::stateOf(what, {&first, &second});
  return s.at(first.location(), [&](ir::Builder &b) {
    ir::Operand one = s.use(what, first);
    return s.wrap(b.matrixFromElements(one, s.use(what, second)));
  });
}

} // namespace enigma
