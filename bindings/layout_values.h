// SPDX-License-Identifier: MIT
//
// Layout values between Python and C++: tuples in, tuples out.
//
//     IntTuple shape = tupleFrom(handle, "shape");  // int, nested tuple, list, NumPy integer, ScaledBasis
//     return toPython(shape);                       // int or nested tuple
//
// Integers that are known only at run time belong to the tracing front end, which registers how they pass.
#pragma once

#include "enigma/Layout/ComposedLayout.h"

#include <nanobind/nanobind.h>

namespace enigma::bindings {

namespace nb = nanobind;

/// k * E(i, j, ...): a stride that moves in one mode of a coordinate.
struct ScaledBasis {
  layout::Node leaf;
};

/// How traced integers go into layouts and come out again.
struct DynamicIntegers {
  /// Sets `out` and returns true if the object is a traced integer.
  bool (*fromPython)(PyObject *object, layout::Node &out) = nullptr;
  /// A new reference to the traced integer.
  PyObject *(*toPython)(layout::Node leaf) = nullptr;
};
void setDynamicIntegers(DynamicIntegers hooks);

/// Thrown by tupleFrom where an array stands for many integers.
struct ArrayInTuple {};

layout::IntTuple tupleFrom(nb::handle object, const char *what, bool arrays = false);
/// The same; a layout stands for its shape.
layout::IntTuple shapeFrom(nb::handle object, const char *what);
int64_t intFrom(nb::handle object, const char *what);
uint32_t countFrom(nb::handle object, const char *what);
nb::object toPython(layout::View tuple);
inline nb::object toPython(const layout::IntTuple &tuple) { return toPython(tuple.view()); }
inline nb::object toPython(layout::Node leaf) { return toPython(layout::View(&leaf)); }

/// The layout inside a Python Layout, or null.
const layout::Layout *layoutIf(nb::handle object);
const layout::Layout &layoutFrom(nb::handle object, const char *what);
/// Layout, Swizzle or ComposedLayout; bool form for dispatch.
bool isAnyLayout(nb::handle object);
layout::AnyLayout anyFrom(nb::handle object, const char *what);
nb::object toPython(layout::Layout &&value);
nb::object toPython(layout::AnyLayout &&value);

/// A tiler and the Python objects that its layouts live in.
layout::Tiler tilerFrom(nb::handle object);

std::string typeNameOf(nb::handle object);

/// Is it a NumPy array (of at least one dimension)?
bool isArray(nb::handle object);
/// Evaluates a layout at an array of positions, or at a coordinate with arrays for some of its integers.
nb::object evaluateArrays(const layout::AnyLayout &layout, nb::handle coord);

void bindLayoutClasses(nb::module_ &module);
void bindLayoutAlgebra(nb::module_ &module);
void bindLayoutPictures(nb::module_ &module);
/// All of it: what the extension module calls.
void bindLayout(nb::module_ &module);

} // namespace enigma::bindings
