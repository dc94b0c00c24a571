// SPDX-License-Identifier: MIT
//
// The layout classes in Python: Layout, Swizzle, ComposedLayout and the basis strides E(i, j).
#include "layout_values.h"

#include <nanobind/operators.h>
#include <nanobind/stl/string.h>

namespace enigma::bindings {

using namespace layout;
using namespace nb::literals;

namespace {

nb::object call(const AnyLayout &layout, nb::handle coord) {
  if (isArray(coord))
    return evaluateArrays(layout, coord);
  try {
    IntTuple c = tupleFrom(coord, "a coordinate", true);
    if (const Layout *l = layout.layout())
      return toPython(hasNull(c) ? crd2idxOpen(c, *l) : crd2idx(c, *l));
    return toPython(layout(c));
  } catch (const ArrayInTuple &) {
    return evaluateArrays(layout, coord);
  }
}

/// layout(c) or layout(i, j, ...).
nb::object coordOf(const nb::args &args) {
  if (args.size() == 1)
    return nb::borrow(args[0]);
  if (args.size() == 0)
    throw nb::type_error("a layout is called with a coordinate: layout(i), layout(i, j) or layout((i, j))");
  return nb::borrow(args);
}

nb::object slicedBy(const AnyLayout &layout, const IntTuple &coord) {
  if (const Layout *l = layout.layout())
    return toPython(slice(coord, l->view()));
  return toPython(sliceAndOffset(coord, layout).first);
}

/// layout[i], layout[a:b], layout[None, 3].
nb::object item(const AnyLayout &layout, nb::handle key) {
  const Layout &domain = domainOf(layout);
  int64_t rank = domain.rank();
  if (PySlice_Check(key.ptr())) {
    auto [start, stop, step, count] = nb::borrow<nb::slice>(key).compute(static_cast<size_t>(rank));
    (void)stop;
    IntTuple modes = IntTuple::building();
    uint32_t at = modes.open();
    for (size_t i = 0; i < count; ++i)
      modes.push(int64_t(start) + int64_t(i) * step);
    modes.close(at, static_cast<uint32_t>(count));
    return toPython(mapOuter(layout, [&](const Layout &l) { return select(l.view(), modes); }));
  }
  if (PyTuple_Check(key.ptr()) || key.is_none()) {
    IntTuple coord = tupleFrom(key, "a coordinate");
    if (hasNull(coord))
      return slicedBy(layout, coord);
    throw nb::type_error(
        "layout[i] is mode i, layout[None, 3] a slice; write get(layout, mode=[0, 1]) for a nested "
        "mode and layout(0, 1) for an offset");
  }
  int64_t i = intFrom(key, "a mode index");
  if (i < -rank || i >= rank)
    throw nb::index_error(
        ("mode " + std::to_string(i) + " of " + print(domain) + ", which has rank " + std::to_string(rank))
            .c_str());
  uint32_t mode = static_cast<uint32_t>(i < 0 ? i + rank : i);
  return toPython(mapOuter(layout, [&](const Layout &l) { return Layout(l.view()[mode]); }));
}

nb::object modes(const AnyLayout &layout) {
  nb::list out;
  for (uint32_t i = 0, n = domainOf(layout).rank(); i < n; ++i)
    out.append(toPython(mapOuter(layout, [&](const Layout &l) { return Layout(l.view()[i]); })));
  return nb::iter(out);
}

/// What Layout and ComposedLayout share.
template <class T, class C>
void bindCommon(C &cls) {
  cls.def(
         "__call__", [](const T &self, nb::args args) { return call(AnyLayout(self), coordOf(args)); },
         nb::sig("def __call__(self, *coord: object) -> typing.Any"),
         "The offset of a coordinate: an integer, a tuple, or NumPy arrays of them.")
      .def(
          "__getitem__", [](const T &self, nb::handle key) { return item(AnyLayout(self), key); },
          nb::sig("def __getitem__(self, key: object) -> typing.Any"),
          "layout[i] is mode i, layout[a:b] some modes, layout[None, 3] the slice at a coordinate.")
      .def("__len__", [](const T &self) { return domainOf(AnyLayout(self)).rank(); })
      .def(
          "__iter__", [](const T &self) { return modes(AnyLayout(self)); },
          nb::sig("def __iter__(self) -> typing.Iterator[typing.Any]"))
      .def("__repr__", [](const T &self) { return print(AnyLayout(self)); })
      .def("__hash__", [](const T &self) { return static_cast<Py_hash_t>(hash(AnyLayout(self)) >> 2); })
      .def(
          "__eq__",
          [](const T &self, nb::handle other) -> nb::object {
            if (!nb::isinstance<T>(other))
              return nb::borrow(nb::handle(Py_NotImplemented));
            return nb::bool_(self == *nb::inst_ptr<T>(other));
          },
          nb::sig("def __eq__(self, other: object) -> bool"));
}

ScaledBasis makeBasis(nb::args path) {
  InlineVector<uint32_t, 8> levels;
  for (nb::handle mode : path)
    levels.push_back(countFrom(mode, "a mode of a basis vector"));
  if (levels.empty())
    throw nb::type_error("E needs at least one mode: E(0), E(1, 0)");
  return {scaleBasis(intNode(1), levels.data(), levels.size())};
}

nb::tuple pathOf(const ScaledBasis &b) {
  nb::list path;
  for (uint32_t i = 0; i < b.leaf.basisDepth(); ++i)
    path.append(b.leaf.basisAt(i));
  return nb::tuple(path);
}

nb::object scaled(const ScaledBasis &b, nb::handle factor) {
  if (!PyLong_Check(factor.ptr()) && !PyIndex_Check(factor.ptr()))
    return nb::borrow(nb::handle(Py_NotImplemented));
  return toPython(mul(b.leaf, integer(tupleFrom(factor, "a factor"), "a factor")));
}

} // namespace

void bindLayoutClasses(nb::module_ &module) {
  nb::class_<ScaledBasis>(module, "ScaledBasis", nb::is_final(),
                          "A stride that moves in one mode of a coordinate: k * E(i, j), printed k@j@i.\n\n"
                          ">>> 2 * E(1)\n2@1\n>>> Layout((4, 8), (E(0), E(1)))((2, 3))\n(2, 3)")
      .def(
          "__init__",
          [](ScaledBasis *self, nb::handle value, nb::args path) {
            int64_t k = intFrom(value, "the value of a scaled basis");
            if (k == 0)
              fail("a basis vector times 0 is the plain stride 0");
            new (self) ScaledBasis{mul(makeBasis(path).leaf, intNode(k))};
          },
          nb::sig("def __init__(self, value: int, *path: int) -> None"))
      .def_prop_ro(
          "value", [](const ScaledBasis &b) { return toPython(basisValue(b.leaf)); },
          nb::sig("def value(self) -> int"), "The factor k.")
      .def_prop_ro("path", pathOf, nb::sig("def path(self) -> tuple[int, ...]"),
                   "The mode, outermost index first.")
      .def("__mul__", scaled, nb::sig("def __mul__(self, factor: int) -> typing.Any"))
      .def("__rmul__", scaled, nb::sig("def __rmul__(self, factor: int) -> typing.Any"))
      .def("__repr__", [](const ScaledBasis &b) { return printLeaf(b.leaf); })
      .def("__hash__", [](const ScaledBasis &b) { return static_cast<Py_hash_t>(hash(View(&b.leaf)) >> 2); })
      .def(
          "__eq__",
          [](const ScaledBasis &a, nb::handle b) -> nb::object {
            if (!nb::isinstance<ScaledBasis>(b))
              return nb::borrow(nb::handle(Py_NotImplemented));
            return nb::bool_(a.leaf == nb::inst_ptr<ScaledBasis>(b)->leaf);
          },
          nb::sig("def __eq__(self, other: object) -> bool"))
      .def(
          "__reduce__",
          [](const ScaledBasis &b) {
            nb::list args;
            args.append(toPython(basisValue(b.leaf)));
            args.extend(pathOf(b));
            return nb::make_tuple(nb::type<ScaledBasis>(), nb::tuple(args));
          },
          nb::sig("def __reduce__(self) -> tuple[typing.Any, ...]"));

  module.def("E", makeBasis, nb::sig("def E(*path: int) -> ScaledBasis"),
             "The basis vector of a mode: E(0) of the first, E(1, 0) of the first inside the second.\n\n"
             ">>> E(1, 0)\n1@0@1");

  nb::class_<Layout> layout(
      module, "Layout", nb::is_final(),
      "A function from coordinates to offsets, shape:stride.\n\n"
      "Without strides it is column-major: the first mode moves fastest. Immutable, hashable, "
      "comparable.\n\n"
      ">>> a = Layout((4, 8), (8, 1))\n>>> a\n(4,8):(8,1)\n>>> a(1, 2)\n10\n>>> a(9)\n10\n"
      ">>> a[0]\n4:8\n>>> a[1, None]\n(8):(1)");
  layout
      .def(
          "__init__",
          [](Layout *self, nb::handle shape, nb::handle stride) {
            if (const Layout *other = layoutIf(shape); other && stride.is_none())
              new (self) Layout(*other);
            else if (stride.is_none())
              new (self) Layout(tupleFrom(shape, "a shape"));
            else
              new (self) Layout(tupleFrom(shape, "a shape"), tupleFrom(stride, "a stride"));
          },
          "shape"_a, "stride"_a.none() = nb::none(),
          nb::sig("def __init__(self, shape: object, stride: object = None) -> None"))
      .def_prop_ro(
          "shape", [](const Layout &l) { return toPython(l.shape()); },
          nb::sig("def shape(self) -> typing.Any"), "The extents, nested like the modes.")
      .def_prop_ro(
          "stride", [](const Layout &l) { return toPython(l.stride()); },
          nb::sig("def stride(self) -> typing.Any"), "The strides, nested like the shape.")
      .def(
          "get_hier_coord",
          [](const Layout &l, nb::handle i) { return toPython(hierCoord(l, tupleFrom(i, "an index"))); },
          nb::sig("def get_hier_coord(self, idx: int) -> typing.Any"),
          "The coordinate at an offset, for a compact layout.\n\n>>> Layout((4, 8), (8, "
          "1)).get_hier_coord(10)\n(1, 2)")
      .def(
          "get_flat_coord",
          [](const Layout &l, nb::handle i) { return toPython(flatCoord(l, tupleFrom(i, "an index"))); },
          nb::sig("def get_flat_coord(self, idx: int) -> typing.Any"),
          "The coordinate at an offset, one integer per mode.\n\n"
          ">>> Layout(((2, 2), 8), ((16, 8), 1)).get_flat_coord(26)\n(3, 2)")
      .def(
          "get_1d_coord",
          [](const Layout &l, nb::handle i) { return toPython(linearCoord(l, tupleFrom(i, "an index"))); },
          nb::sig("def get_1d_coord(self, idx: int) -> int"),
          "The position at an offset.\n\n>>> Layout((4, 8), (8, 1)).get_1d_coord(10)\n9")
      .def(
          "__reduce__",
          [](const Layout &l) {
            return nb::make_tuple(nb::type<Layout>(),
                                  nb::make_tuple(toPython(l.shape()), toPython(l.stride())));
          },
          nb::sig("def __reduce__(self) -> tuple[typing.Any, ...]"));
  bindCommon<Layout>(layout);

  nb::class_<Swizzle>(
      module, "Swizzle", nb::is_final(),
      "A permutation of offsets: bits [base+shift, base+shift+bits) are xored into [base, base+bits).\n\n"
      "A negative shift swaps the two. A swizzle is its own inverse.\n\n"
      ">>> s = Swizzle(3, 0, 3)\n>>> [s(i) for i in (8, 9, 16)]\n[9, 8, 18]")
      .def(
          "__init__",
          [](Swizzle *self, int bits, int base, int shift) { new (self) Swizzle(bits, base, shift); },
          "bits"_a, "base"_a, "shift"_a)
      .def_prop_ro("bits", &Swizzle::bits, "Number of bits that are xored.")
      .def_prop_ro("base", &Swizzle::base, "Lowest bit that is touched: 2**base elements stay together.")
      .def_prop_ro("shift", &Swizzle::shift, "Distance between the two groups of bits.")
      .def(
          "__call__",
          [](const Swizzle &s, nb::handle offset) -> nb::object {
            if (isArray(offset))
              return evaluateArrays(AnyLayout(s), offset);
            return toPython(AnyLayout(s)(tupleFrom(offset, "an offset")));
          },
          nb::sig("def __call__(self, offset: typing.Any) -> typing.Any"),
          "The permuted offset, of an integer or an array.")
      .def("__repr__", [](const Swizzle &s) { return print(s); })
      .def("__hash__", [](const Swizzle &s) { return static_cast<Py_hash_t>(hash(AnyLayout(s)) >> 2); })
      .def(
          "__eq__",
          [](const Swizzle &a, nb::handle b) -> nb::object {
            if (!nb::isinstance<Swizzle>(b))
              return nb::borrow(nb::handle(Py_NotImplemented));
            return nb::bool_(a == *nb::inst_ptr<Swizzle>(b));
          },
          nb::sig("def __eq__(self, other: object) -> bool"))
      .def(
          "__reduce__",
          [](const Swizzle &s) {
            return nb::make_tuple(nb::type<Swizzle>(), nb::make_tuple(s.bits(), s.base(), s.shift()));
          },
          nb::sig("def __reduce__(self) -> tuple[typing.Any, ...]"));

  nb::class_<ComposedLayout> composed(module, "ComposedLayout", nb::is_final(),
                                      "inner(offset + outer(coordinate)): a swizzled layout, mostly.\n\n"
                                      ">>> composition(Swizzle(3, 0, 3), Layout((8, 8), (8, 1)))\n"
                                      "Sw<3,0,3> o 0 o (8,8):(8,1)");
  composed
      .def(
          "__init__",
          [](ComposedLayout *self, nb::handle inner, nb::handle offset, nb::handle outer) {
            new (self) ComposedLayout(anyFrom(inner, "inner"), tupleFrom(offset, "an offset"),
                                      anyFrom(outer, "outer"));
          },
          "inner"_a, "offset"_a, "outer"_a,
          nb::sig("def __init__(self, inner: object, offset: object, outer: object) -> None"))
      .def_prop_ro(
          "inner", [](const ComposedLayout &c) { return toPython(c.inner()); },
          nb::sig("def inner(self) -> typing.Any"), "Applied last.")
      .def_prop_ro(
          "offset", [](const ComposedLayout &c) { return toPython(c.offset()); },
          nb::sig("def offset(self) -> typing.Any"), "Added in between.")
      .def_prop_ro(
          "outer", [](const ComposedLayout &c) { return toPython(c.outer()); },
          nb::sig("def outer(self) -> typing.Any"), "Applied first.")
      .def_prop_ro(
          "shape", [](const ComposedLayout &c) { return toPython(domainOf(AnyLayout(c)).shape()); },
          nb::sig("def shape(self) -> typing.Any"), "The shape of the outer layout.")
      .def(
          "__reduce__",
          [](const ComposedLayout &c) {
            return nb::make_tuple(
                nb::type<ComposedLayout>(),
                nb::make_tuple(toPython(c.inner()), toPython(c.offset()), toPython(c.outer())));
          },
          nb::sig("def __reduce__(self) -> tuple[typing.Any, ...]"));
  bindCommon<ComposedLayout>(composed);
}

void bindLayout(nb::module_ &module) {
  bindLayoutClasses(module);
  bindLayoutAlgebra(module);
  bindLayoutPictures(module);
}

} // namespace enigma::bindings
