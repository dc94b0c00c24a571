// SPDX-License-Identifier: MIT
//
// The twelve element types and the vectors of them as Python objects, one of each, so that `is` compares
// them.
#include "types.h"

#include "value.h"

#include <nanobind/stl/string.h>

#include <vector>

namespace enigma::bindings {
namespace {

PyObject *dtypes[4][ir::numElems] = {}; // by lanes - 1; there are no vectors of b1
PyTypeObject *dtypeType = nullptr;

PyObject *convert(PyObject *self, PyObject *args, PyObject *keywords) {
  return guarded([&]() -> PyObject * {
    ir::Type type = nb::inst_ptr<DType>(self)->type;
    std::string name = ir::pythonName(type);
    Trace &trace = requireTrace("enigma." + name + "(...)");
    ir::Builder &builder = trace.at();
    if (type.isVector()) {
      if (keywords && PyDict_Size(keywords))
        builder.fail(name + ": its components have no names", {"write enigma." + name + "(x, y, ...)"});
      std::vector<ir::Operand> parts;
      for (Py_ssize_t i = 0; i < PyTuple_Size(args); ++i)
        parts.push_back(operandFrom(trace, name, PyTuple_GetItem(args, i)));
      return wrapValue(trace, builder.makeVector(type, parts, name));
    }
    if (PyTuple_Size(args) != 1 || (keywords && PyDict_Size(keywords)))
      builder.fail(name + ": needs one value or number",
                   {"write enigma." + name + "(x), or enigma." + name + "(0)"});
    return wrapValue(trace, builder.cast(operandFrom(trace, name, PyTuple_GetItem(args, 0)), type.elem));
  });
}

} // namespace

nb::object dtypeObject(ir::Type type) {
  return nb::borrow(dtypes[type.lanes - 1][static_cast<int>(type.elem)]);
}

ir::Type typeFrom(std::string_view what, nb::handle object) {
  std::vector<std::string> notes{"the types are enigma.f16 bf16 f32 i8 u8 i16 u16 i32 u32 i64 u64 b1, "
                                 "vectors such as enigma.float4, or Metal's "
                                 "names such as \"float\""};
  if (Py_TYPE(object.ptr()) == dtypeType)
    return nb::inst_ptr<DType>(object)->type;
  if (PyUnicode_Check(object.ptr()))
    if (auto type = ir::typeFromName(utf8(object.ptr()))) {
      if (type->elem != ir::Elem::b1 || type->lanes == 1)
        return *type;
      notes = {"vectors of b1 come from comparisons: v < w"};
    }
  throw Error(ErrorKind::Trace,
              std::string(what) + ": needs a type, got " +
                  (PyUnicode_Check(object.ptr()) ? "\"" + std::string(utf8(object.ptr())) + "\""
                                                 : typeName(object.ptr())),
              callerLocation(), std::move(notes));
}

ir::Elem elemFrom(std::string_view what, nb::handle object) {
  ir::Type type = typeFrom(what, object);
  if (type.isVector())
    throw Error(ErrorKind::Trace,
                std::string(what) + ": needs a type of single numbers, got enigma." + ir::pythonName(type),
                callerLocation(), {"write enigma." + std::string(ir::name(type.elem))});
  return type.elem;
}

namespace {

nb::object vectorType(nb::handle dtype, int lanes) {
  ir::Type type = typeFrom("vec", dtype);
  if (type.isVector() || lanes < 2 || lanes > 4)
    throw Error(ErrorKind::Trace,
                type.isVector() ? "vec: needs a type of single numbers, got enigma." + ir::pythonName(type)
                                : "vec: a vector has 2, 3 or 4 components, got " + std::to_string(lanes),
                callerLocation(), {"write enigma.vec(enigma.f32, 4)"});
  if (type.elem == ir::Elem::b1)
    throw Error(
        ErrorKind::Trace, "vec: there is no vector type of b1", callerLocation(),
        {"vectors of b1 come from comparisons (v < w) and go to select_, where, any and all; in memory "
         "write enigma.u8"});
  return dtypeObject(type.withLanes(lanes));
}

} // namespace

void bindTypes(nb::module_ &module) {
  static const PyType_Slot slots[] = {{Py_tp_call, reinterpret_cast<void *>(convert)}, {0, nullptr}};
  auto type = nb::class_<DType>(
      module, "DType", nb::type_slots(slots), nb::is_final(),
      "An element type or a type of vectors. As an annotation of a kernel's parameter it declares a "
      "buffer of that type; called in a\n"
      "kernel it converts a value or makes a constant, or a vector of its components.\n\n"
      "    >>> enigma.f32.itemsize\n    4\n");
  dtypeType = reinterpret_cast<PyTypeObject *>(type.ptr());
  type.def("__repr__", [](const DType &t) { return "enigma." + ir::pythonName(t.type); });
  // As a global of this module: copies and pickles give the one object.
  type.def("__reduce__", [](const DType &t) { return ir::pythonName(t.type); });
  type.def_prop_ro(
      "name", [](const DType &t) { return t.type.str(); }, "\"f32\" or \"f32x4\", as dump_ir prints it.");
  type.def_prop_ro(
      "itemsize", [](const DType &t) { return t.type.bytes(); },
      "Bytes of one element in memory; 1 for b1. A vector of 3 takes as much as one of 4.");
  type.def_prop_ro(
      "is_float", [](const DType &t) { return ir::isFloat(t.type.elem); },
      "Whether it is f16, bf16, f32 or a vector of one.");
  type.def_prop_ro(
      "is_signed", [](const DType &t) { return ir::isSigned(t.type.elem); },
      "Whether it is a signed integer or a vector of one.");
  type.def_prop_ro(
      "lanes", [](const DType &t) { return int(t.type.lanes); }, "Components: 1, or 2 to 4 of a vector.");
  type.def_prop_ro(
      "element", [](const DType &t) { return dtypeObject(t.type.elem); },
      "The type of a component; itself for a scalar.");
  nb::dict all, vectors;
  for (int lanes = 1; lanes <= 4; ++lanes)
    for (int i = 0; i < ir::numElems; ++i) {
      ir::Type t = ir::Type::value(static_cast<ir::Elem>(i), lanes);
      if (t.elem == ir::Elem::b1 && lanes > 1)
        continue;
      PyObject *&object = dtypes[lanes - 1][i];
      object = nb::cast(DType{t}).release().ptr();
      std::string name = ir::pythonName(t);
      (lanes == 1 ? all : vectors)[name.c_str()] = nb::handle(object);
      module.attr(name.c_str()) = nb::handle(object);
    }
  module.attr("dtypes") = all;
  module.attr("vector_types") = vectors;
  module.def(
      "vec", vectorType, nb::arg("dtype"), nb::arg("lanes"),
      "The type of vectors of 2, 3 or 4 components: vec(enigma.f32, 4) is enigma.float4.\n\nLike an element "
      "type it annotates a parameter, and in a kernel makes or converts a value.");
  module.def(
      "dtype_named",
      [](nb::str name) {
        auto type = ir::typeFromName(utf8(name.ptr()));
        bool exists = type && (type->lanes == 1 || type->elem != ir::Elem::b1);
        return exists ? dtypeObject(*type) : nb::none();
      },
      nb::arg("name"),
      "The type that is called so by Enigma (\"f32\", \"Float32\") or Metal (\"float\"), or None.");
}

} // namespace enigma::bindings
