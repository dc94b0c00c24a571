// SPDX-License-Identifier: MIT
//
// Simdgroup matrices. A matrix is a traced value without arithmetic of its own:
//
//     a = simdgroup_load(A, index, elements_per_row)
//     acc = simdgroup_multiply_accumulate(a, b, acc)
//     simdgroup_store(acc, C, index, elements_per_row)
#include "functions.h"
#include "types.h"
#include "value.h"

namespace enigma::bindings {
namespace {

ir::Value matrixFrom(Trace &trace, std::string_view what, nb::handle object) {
  if (Py_TYPE(object.ptr()) != valueType)
    trace.at().fail(std::string(what) + ": needs a simdgroup matrix, got " + typeName(object.ptr()));
  checkAlive(what, object.ptr());
  return nb::inst_ptr<ValueHandle>(object)->value;
}

ir::Builder::MatrixPlace placeFrom(Trace &trace, std::string_view what, nb::handle buffer, nb::handle index,
                                   nb::handle stride, nb::handle origin, bool transpose) {
  if (!PyTuple_Check(origin.ptr()) || PyTuple_GET_SIZE(origin.ptr()) != 2)
    trace.at().fail(std::string(what) + ": the origin must be a tuple (x, y), got " + typeName(origin.ptr()));
  const auto operand = [&](PyObject *object) { return operandFrom(trace, what, object); };
  return {bufferFrom(trace, what, buffer.ptr()),
          operand(index.ptr()),
          operand(stride.ptr()),
          operand(PyTuple_GET_ITEM(origin.ptr(), 0)),
          operand(PyTuple_GET_ITEM(origin.ptr(), 1)),
          transpose};
}

nb::object fill(nb::handle dtype, nb::handle value) {
  constexpr const char *what = "make_filled_simdgroup_matrix";
  Trace &trace = requireTrace(what);
  const ir::Elem elem = elemFrom(what, dtype);
  return nb::steal(wrapValue(trace, trace.at().matrixFill(elem, operandFrom(trace, what, value.ptr()))));
}

nb::object load(nb::handle buffer, nb::handle index, nb::handle stride, nb::handle origin, bool transpose) {
  Trace &trace = requireTrace("simdgroup_load");
  trace.at();
  auto place = placeFrom(trace, "simdgroup_load", buffer, index, stride, origin, transpose);
  return nb::steal(wrapValue(trace, trace.builder.matrixLoad(place)));
}

void store(nb::handle matrix, nb::handle buffer, nb::handle index, nb::handle stride, nb::handle origin,
           bool transpose) {
  Trace &trace = requireTrace("simdgroup_store");
  trace.at();
  ir::Value value = matrixFrom(trace, "simdgroup_store", matrix);
  trace.builder.matrixStore(value,
                            placeFrom(trace, "simdgroup_store", buffer, index, stride, origin, transpose));
}

nb::object multiply(nb::handle a, nb::handle b) {
  constexpr const char *what = "simdgroup_multiply";
  Trace &trace = requireTrace(what);
  ir::Builder &builder = trace.at();
  return nb::steal(
      wrapValue(trace, builder.matrixMultiply(matrixFrom(trace, what, a), matrixFrom(trace, what, b))));
}

nb::object multiplyAccumulate(nb::handle a, nb::handle b, nb::handle c) {
  constexpr const char *what = "simdgroup_multiply_accumulate";
  Trace &trace = requireTrace(what);
  ir::Builder &builder = trace.at();
  return nb::steal(
      wrapValue(trace, builder.matrixMultiply(matrixFrom(trace, what, a), matrixFrom(trace, what, b),
                                              matrixFrom(trace, what, c))));
}

nb::object elements(nb::handle matrix) {
  constexpr const char *what = "simdgroup_matrix_elements";
  Trace &trace = requireTrace(what);
  ir::Value first = trace.at().matrixElements(matrixFrom(trace, what, matrix));
  return nb::make_tuple(nb::object(nb::steal(wrapValue(trace, first))),
                        nb::object(nb::steal(wrapValue(trace, {first.id + 1}))));
}

nb::object fromElements(nb::handle first, nb::handle second) {
  constexpr const char *what = "simdgroup_matrix_from_elements";
  Trace &trace = requireTrace(what);
  ir::Builder &builder = trace.at();
  return nb::steal(wrapValue(trace, builder.matrixFromElements(operandFrom(trace, what, first.ptr()),
                                                               operandFrom(trace, what, second.ptr()))));
}

} // namespace

void bindMatrices(nb::module_ &extension) {
  nb::module_ module = extension.attr("functions");
  using nb::arg;
  const auto zero = nb::make_tuple(0, 0);
  module.def("make_filled_simdgroup_matrix", fill, arg("dtype"), arg("value"),
             "A simdgroup matrix whose 8x8 elements are all the value.\n\ndtype: f16, bf16 or f32.");
  module.def(
      "simdgroup_load", load, arg("buffer"), arg("index") = 0, arg("elements_per_row") = 8, nb::kw_only(),
      arg("origin") = zero, arg("transpose") = false,
      "The 8x8 elements of a buffer that start at an index, as a simdgroup matrix.\n\nbuffer: of f16, bf16 "
      "or f32. index, elements_per_row: counted in elements, the same in all lanes. origin: (x, y), columns "
      "and rows further on. transpose: rows of memory are columns of the matrix.\nAll 32 lanes of the "
      "simdgroup take part. Metal: simdgroup_load, specification 6.7.");
  module.def(
      "simdgroup_store", store, arg("matrix"), arg("buffer"), arg("index") = 0, arg("elements_per_row") = 8,
      nb::kw_only(), arg("origin") = zero, arg("transpose") = false,
      "Writes a simdgroup matrix into a buffer of its type; the arguments are those of simdgroup_load.");
  module.def("simdgroup_multiply", multiply, arg("a"), arg("b"),
             "The product of two simdgroup matrices of one type.");
  module.def("simdgroup_multiply_accumulate", multiplyAccumulate, arg("a"), arg("b"), arg("c"),
             "a b + c of simdgroup matrices; a and b are of one type, c of the same or of f32.");
  module.def(
      "simdgroup_matrix_elements", elements, arg("matrix"),
      "The two elements of a simdgroup matrix that this lane holds.\n\nLane l holds those of row (l / 4 & 4) "
      "+ l / 2 % 4 in columns c and c + 1, c = (l / 4 & 2) * 2 + l % 2 * 2.");
  module.def(
      "simdgroup_matrix_from_elements", fromElements, arg("first"), arg("second"),
      "The simdgroup matrix of which each lane holds the two elements that it gives.\n\nfirst, second: f16, "
      "bf16 or f32, in the places of simdgroup_matrix_elements.");
}

} // namespace enigma::bindings
