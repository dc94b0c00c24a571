// SPDX-License-Identifier: MIT
//
// Conversions between Python objects and layout values, and the evaluation of layouts on NumPy arrays.
#include "layout_values.h"

#include "errors.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

namespace enigma::bindings {

using namespace layout;

namespace {

DynamicIntegers dynamicIntegers;

[[noreturn]] void typeError(const std::string &message) { failLayoutType(message); }

int64_t wholeNumber(PyObject *object, const char *what) {
  int overflow = 0;
  long long value = PyLong_AsLongLongAndOverflow(object, &overflow);
  if (overflow)
    fail(std::string(what) + ": " + nb::cast<std::string>(nb::str(nb::handle(object))) +
         " does not fit 64 bits");
  if (value == -1 && PyErr_Occurred())
    throw nb::python_error();
  return value;
}

void parse(IntTuple &out, PyObject *object, const char *what, bool arrays, uint32_t depth) {
  if (PyLong_CheckExact(object)) {
    out.push(wholeNumber(object, what));
    return;
  }
  bool list = PyList_Check(object);
  if (list || PyTuple_Check(object)) {
    if (depth == kMaxDepth)
      fail(std::string(what) + ": a tuple nests at most " + std::to_string(kMaxDepth) + " levels deep");
    uint32_t at = out.open();
    Py_ssize_t n = list ? PyList_Size(object) : PyTuple_Size(object);
    if (n > static_cast<Py_ssize_t>(kMaxNodes))
      fail(std::string(what) + ": a tuple holds at most " + std::to_string(kMaxNodes) +
           " entries in all, got " + std::to_string(n));
    for (Py_ssize_t i = 0; i < n; ++i)
      parse(out, list ? PyList_GetItem(object, i) : PyTuple_GetItem(object, i), what, arrays, depth + 1);
    out.close(at, static_cast<uint32_t>(n));
    return;
  }
  if (object == Py_None) {
    out.push(nullNode());
    return;
  }
  ScaledBasis *basis;
  if (nb::try_cast<ScaledBasis *>(nb::handle(object), basis, false) && basis) {
    out.push(basis->leaf);
    return;
  }
  Node dynamic;
  if (dynamicIntegers.fromPython && dynamicIntegers.fromPython(object, dynamic)) {
    out.push(dynamic);
    return;
  }
  if (PyBool_Check(object))
    typeError(std::string(what) + " must consist of integers, got a bool");
  if (isArray(object)) {
    if (arrays)
      throw ArrayInTuple();
    typeError(std::string(what) + " must consist of integers, got an array");
  }
  if (PyIndex_Check(object)) { // int subclasses, NumPy integers
    nb::object index = nb::steal(PyNumber_Index(object));
    if (!index.is_valid())
      throw nb::python_error();
    out.push(wholeNumber(index.ptr(), what));
    return;
  }
  typeError(std::string(what) + " must be an integer or a tuple of integers, got " + typeNameOf(object));
}

PyObject *build(const Node *&node) {
  if (!node->isTuple()) {
    const Node leaf = *node++;
    if (leaf.isInt())
      return PyLong_FromLongLong(leaf.value);
    if (leaf.isNull())
      return nb::none().release().ptr();
    if (leaf.basis())
      return nb::cast(ScaledBasis{leaf}).release().ptr();
    if (dynamicIntegers.toPython)
      return dynamicIntegers.toPython(leaf);
    fail("an integer that is known only at run time has no value here");
  }
  Py_ssize_t n = node->value;
  ++node;
  nb::object tuple = nb::steal(PyTuple_New(n));
  if (!tuple.is_valid())
    throw nb::python_error();
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject *item = build(node);
    if (!item)
      throw nb::python_error();
    PyTuple_SetItem(tuple.ptr(), i, item);
  }
  return tuple.release().ptr();
}

PyTypeObject *layoutType() {
  static PyObject *type = nb::type<Layout>().ptr();
  return reinterpret_cast<PyTypeObject *>(type);
}

void parseTiler(Tiler &out, PyObject *object, uint32_t depth) {
  if (Py_TYPE(object) == layoutType()) {
    out.push(nb::inst_ptr<Layout>(object)->view());
    return;
  }
  bool list = PyList_Check(object);
  if (list || PyTuple_Check(object)) {
    if (depth == kMaxDepth)
      fail("a tiler nests at most " + std::to_string(kMaxDepth) + " levels deep");
    uint32_t at = out.open();
    Py_ssize_t n = list ? PyList_Size(object) : PyTuple_Size(object);
    if (n > static_cast<Py_ssize_t>(kMaxNodes))
      fail("a tiler holds at most " + std::to_string(kMaxNodes) + " entries in all, got " +
           std::to_string(n));
    for (Py_ssize_t i = 0; i < n; ++i)
      parseTiler(out, list ? PyList_GetItem(object, i) : PyTuple_GetItem(object, i), depth + 1);
    out.close(at);
    return;
  }
  if (isAnyLayout(object))
    typeError("a tiler consists of integers, None and layouts, got a " + typeNameOf(object));
  IntTuple leaf = IntTuple::building();
  parse(leaf, object, "a tile", false, depth);
  out.push(leaf.view().leaf());
}

} // namespace

void setDynamicIntegers(DynamicIntegers hooks) { dynamicIntegers = hooks; }

std::string typeNameOf(nb::handle object) {
  return nb::cast<std::string>(nb::str(nb::handle(object.type()).attr("__name__")));
}

bool isArray(nb::handle object) {
  if (PyLong_Check(object.ptr()) || PyTuple_Check(object.ptr()) ||
      !nb::hasattr(object, "__array_interface__"))
    return false;
  return nb::cast<long>(object.attr("ndim")) > 0;
}

IntTuple tupleFrom(nb::handle object, const char *what, bool arrays) {
  IntTuple out = IntTuple::building();
  parse(out, object.ptr(), what, arrays, 0);
  return out;
}

IntTuple shapeFrom(nb::handle object, const char *what) {
  if (const Layout *l = layoutIf(object))
    return l->shape();
  if (isAnyLayout(object))
    return domainOf(anyFrom(object, what)).shape();
  return tupleFrom(object, what);
}

int64_t intFrom(nb::handle object, const char *what) { return staticInt(tupleFrom(object, what), what); }

uint32_t countFrom(nb::handle object, const char *what) {
  int64_t n = intFrom(object, what);
  if (n < 0 || n > static_cast<int64_t>(kMaxNodes))
    fail(std::string(what) + " must be from 0 to " + std::to_string(kMaxNodes) + ", got " +
         std::to_string(n));
  return static_cast<uint32_t>(n);
}

nb::object toPython(View tuple) {
  const Node *node = tuple.nodes();
  PyObject *object = build(node);
  if (!object)
    throw nb::python_error();
  return nb::steal(object);
}

const Layout *layoutIf(nb::handle object) {
  return Py_TYPE(object.ptr()) == layoutType() ? nb::inst_ptr<Layout>(object) : nullptr;
}

const Layout &layoutFrom(nb::handle object, const char *what) {
  if (const Layout *l = layoutIf(object))
    return *l;
  typeError(std::string(what) + " must be a Layout, got " + typeNameOf(object));
}

bool isAnyLayout(nb::handle object) {
  return layoutIf(object) || nb::isinstance<Swizzle>(object) || nb::isinstance<ComposedLayout>(object);
}

AnyLayout anyFrom(nb::handle object, const char *what) {
  if (const Layout *l = layoutIf(object))
    return AnyLayout(*l);
  if (nb::isinstance<Swizzle>(object))
    return AnyLayout(nb::cast<Swizzle>(object));
  if (nb::isinstance<ComposedLayout>(object))
    return AnyLayout(nb::cast<ComposedLayout>(object));
  typeError(std::string(what) + " must be a Layout, a Swizzle or a ComposedLayout, got " +
            typeNameOf(object));
}

nb::object toPython(Layout &&value) {
  nb::object object = nb::inst_alloc(nb::handle(reinterpret_cast<PyObject *>(layoutType())));
  new (nb::inst_ptr<Layout>(object)) Layout(std::move(value));
  nb::inst_mark_ready(object);
  return object;
}

nb::object toPython(AnyLayout &&value) {
  if (const Layout *l = value.layout())
    return toPython(Layout(*l));
  if (const Swizzle *s = value.swizzle())
    return nb::cast(*s);
  return nb::cast(*value.composed());
}

Tiler tilerFrom(nb::handle object) {
  Tiler out = Tiler::building();
  parseTiler(out, object.ptr(), 0);
  return out;
}

namespace {

using Positions = nb::ndarray<const int64_t, nb::c_contig, nb::device::cpu>;

nb::object positionsOf(nb::handle object, nb::module_ &numpy) {
  nb::object array = numpy.attr("asarray")(object);
  std::string kind = nb::cast<std::string>(array.attr("dtype").attr("kind"));
  if (kind != "i" && kind != "u")
    typeError("a layout is evaluated at integers, got an array of " +
              nb::cast<std::string>(nb::str(nb::handle(nb::object(array.attr("dtype"))))));
  if (kind == "u" && nb::cast<int>(array.attr("dtype").attr("itemsize")) == 8 &&
      nb::cast<int64_t>(array.attr("size")) && nb::cast<bool>(array.attr("max")() > nb::int_(INT64_MAX)))
    fail("a coordinate does not fit 64 bits");
  return numpy.attr("ascontiguousarray")(array, numpy.attr("int64"));
}

/// out = f(in) for each element.
template <class F>
nb::object mapArray(nb::handle object, F f) {
  nb::module_ numpy = nb::module_::import_("numpy");
  nb::object in = positionsOf(object, numpy), out = numpy.attr("empty_like")(in);
  Positions from = nb::cast<Positions>(in);
  auto to = nb::cast<nb::ndarray<int64_t, nb::c_contig, nb::device::cpu>>(out);
  const int64_t *p = from.data();
  int64_t *q = to.data();
  for (size_t i = 0, n = from.size(); i < n; ++i)
    q[i] = f(p[i]);
  return out;
}

nb::object evaluatePart(LayoutView mode, nb::handle coord) {
  if (isArray(coord))
    return mapArray(coord, [&](int64_t position) { return evaluate(mode, position); });
  bool list = PyList_Check(coord.ptr());
  if (!list && !PyTuple_Check(coord.ptr()))
    return nb::int_(staticInt(crd2idx(tupleFrom(coord, "a coordinate"), mode), "an offset"));
  size_t n = nb::len(coord);
  if (!mode.isTuple() || n != mode.rank())
    fail("the coordinate has " + std::to_string(n) + " modes, " + print(mode) + " has " +
         std::to_string(mode.rank()));
  nb::object sum;
  for (size_t i = 0; i < n; ++i) {
    nb::object part = evaluatePart(mode[static_cast<uint32_t>(i)], coord[i]);
    sum = i ? sum + part : part;
  }
  return n ? sum : nb::object(nb::int_(0));
}

} // namespace

nb::object evaluateArrays(const AnyLayout &layout, nb::handle coord) {
  if (layout.swizzle())
    return mapArray(coord, [&](int64_t x) { return (*layout.swizzle())(x); });
  if (const Layout *l = layout.layout()) {
    for (uint32_t i = 0; i < l->nodeCount(); ++i)
      if (!l->stride().data()[i].isTuple() && !l->stride().data()[i].isInt())
        fail("arrays are evaluated through constant integer strides, got " + print(*l));
    return evaluatePart(l->view(), coord);
  }
  const ComposedLayout *c = layout.composed();
  int64_t offset = staticInt(c->offset(), "the offset of a composed layout");
  nb::object moved = evaluateArrays(c->outer(), coord) + nb::int_(offset);
  return evaluateArrays(c->inner(), moved);
}

} // namespace enigma::bindings
