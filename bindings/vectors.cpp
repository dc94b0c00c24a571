// SPDX-License-Identifier: MIT
//
// Components of vectors. `v.x = e` arrives as set_component(e, v, "x"), whose result the rewritten source
// binds to v: a vector is a value, and the name takes the new one.
#include "vectors.h"

#include "enigma/IR/Components.h"
#include "functions.h"
#include "types.h"

#include <nanobind/stl/string.h>

namespace enigma::bindings {
namespace {

using ir::componentsOf;

// The value of a vector of the trace at hand.
ir::Value vectorOf(Trace &trace, std::string_view what, PyObject *object) {
  auto operand = operandFrom(trace, what, object);
  if (operand.isLiteral() || !trace.function.type(operand.value).isVector())
    trace.builder.fail(
        std::string(what) + ": needs a vector, got " +
        (operand.isLiteral() ? operand.literal.str() : trace.function.type(operand.value).str()));
  return operand.value;
}

ir::Operand indexOf(Trace &trace, PyObject *index) {
  if (PySlice_Check(index))
    trace.builder.fail("a vector has no slices", {"write the components that are meant: v.xy"});
  if (PyBool_Check(index))
    trace.builder.fail("an index must be an integer, got bool");
  return operandFrom(trace, "an index of a vector", index);
}

nb::object extract(nb::handle v, nb::handle index) {
  Trace &trace = requireTrace("extract");
  ir::Builder &builder = trace.at();
  ir::Value vector = vectorOf(trace, "extract", v.ptr());
  return nb::steal(wrapValue(trace, builder.extract(vector, indexOf(trace, index.ptr()))));
}

nb::object insert(nb::handle v, nb::handle index, nb::handle value) {
  Trace &trace = requireTrace("insert");
  ir::Builder &builder = trace.at();
  ir::Value vector = vectorOf(trace, "insert", v.ptr());
  ir::Operand at = indexOf(trace, index.ptr());
  return nb::steal(wrapValue(trace, builder.insert(vector, at, operandFrom(trace, "insert", value.ptr()))));
}

// The rewritten form of `target.name = value`: what target is then.
nb::object setComponent(nb::handle value, nb::handle target, nb::str name) {
  if (!isVector(target.ptr())) {
    if (PyObject_SetAttr(target.ptr(), name.ptr(), value.ptr()) != 0)
      throw nb::python_error();
    return nb::borrow(target);
  }
  Trace &trace = requireTrace("a component of a vector");
  ir::Builder &builder = trace.at();
  std::string what = "." + std::string(utf8(name.ptr()));
  ir::Value vector = vectorOf(trace, what, target.ptr());
  std::vector<int> components = componentsOf(utf8(name.ptr()));
  return nb::steal(
      wrapValue(trace, builder.withComponents(vector, components, operandFrom(trace, what, value.ptr()))));
}

} // namespace

bool isVector(PyObject *object) {
  return Py_TYPE(object) == valueType && nb::inst_ptr<ValueHandle>(object)->type.isVector();
}

PyObject *vectorItem(PyObject *self, PyObject *index) {
  return guarded([&]() -> PyObject * { return extract(self, index).release().ptr(); });
}

PyObject *vectorIterator(PyObject *self) {
  return guarded([&]() -> PyObject * {
    Trace &trace = requireTrace("a vector");
    ir::Builder &builder = trace.at();
    ir::Value vector = vectorOf(trace, "a vector", self);
    nb::list components;
    for (int c = 0; c < trace.function.type(vector).lanes; ++c)
      components.append(nb::steal(wrapValue(trace, builder.swizzle(vector, {&c, 1}))));
    return PyObject_GetIter(components.ptr());
  });
}

nb::object vectorAttribute(PyObject *self, std::string_view name) {
  if (!isVector(self))
    return {};
  std::vector<int> components = componentsOf(name);
  if (components.empty())
    return {};
  Trace &trace = requireTrace("a component of a vector");
  ir::Builder &builder = trace.at();
  return nb::steal(wrapValue(trace, builder.swizzle(vectorOf(trace, name, self), components)));
}

void bindComponents(nb::module_ &module) {
  module.def(
      "set_component", setComponent, nb::arg("value"), nb::arg("target"), nb::arg("name"),
      "Carries out `target.name = value` and returns what target is then: a new vector, or the same object.");
}

void bindVectors(nb::module_ &module) {
  module.def(
      "extract", extract, nb::arg("v"), nb::arg("index"),
      "Component `index` of a vector, as v[index] gives it.\n\nAn index that is known may count from the "
      "end; one that is computed gives the last component where there are not so many.");
  module.def(
      "insert", insert, nb::arg("v"), nb::arg("index"), nb::arg("value"),
      "The vector v with component `index` replaced by a value.\n\nAn index that is known may count from "
      "the end; one that is computed replaces none where there are not so many.");
}

} // namespace enigma::bindings
