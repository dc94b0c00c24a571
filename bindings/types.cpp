// SPDX-License-Identifier: MIT
//
// The twelve element types as Python objects, one of each, so that `is` compares them.
#include "types.h"

#include "value.h"

#include <nanobind/stl/string.h>

namespace enigma::bindings {
namespace {

PyObject *dtypes[ir::numElems] = {};
PyTypeObject *dtypeType = nullptr;

PyObject *convert(PyObject *self, PyObject *args, PyObject *keywords) {
  return guarded([&]() -> PyObject * {
    ir::Elem elem = nb::inst_ptr<DType>(self)->elem;
    std::string name(ir::name(elem));
    Trace &trace = requireTrace("enigma." + name + "(...)");
    ir::Builder &builder = trace.at();
    if (PyTuple_Size(args) != 1 || (keywords && PyDict_Size(keywords)))
      builder.fail(name + ": needs one value or number",
                   {"write enigma." + name + "(x), or enigma." + name + "(0)"});
    return wrapValue(trace, builder.cast(operandFrom(trace, name, PyTuple_GetItem(args, 0)), elem));
  });
}

} // namespace

nb::object dtypeObject(ir::Elem elem) { return nb::borrow(dtypes[static_cast<int>(elem)]); }

ir::Elem elemFrom(std::string_view what, nb::handle object) {
  if (Py_TYPE(object.ptr()) == dtypeType)
    return nb::inst_ptr<DType>(object)->elem;
  if (PyUnicode_Check(object.ptr()))
    if (auto elem = ir::elemFromName(utf8(object.ptr())))
      return *elem;
  throw Error(ErrorKind::Trace,
              std::string(what) + ": needs a type, got " +
                  (PyUnicode_Check(object.ptr()) ? "\"" + std::string(utf8(object.ptr())) + "\""
                                                 : typeName(object.ptr())),
              callerLocation(),
              {"the types are enigma.f16 bf16 f32 i8 u8 i16 u16 i32 u32 i64 u64 b1, or Metal's names such as "
               "\"float\""});
}

void bindTypes(nb::module_ &module) {
  static const PyType_Slot slots[] = {{Py_tp_call, reinterpret_cast<void *>(convert)}, {0, nullptr}};
  auto type = nb::class_<DType>(module, "DType", nb::type_slots(slots), nb::is_final(),
                                "An element type. As an annotation of a kernel's parameter it declares a "
                                "buffer of that type; called in a\n"
                                "kernel it converts a value or makes a constant.\n\n"
                                "    >>> enigma.f32.itemsize\n    4\n");
  dtypeType = reinterpret_cast<PyTypeObject *>(type.ptr());
  type.def("__repr__", [](const DType &t) { return "enigma." + std::string(ir::name(t.elem)); });
  // As a global of this module: copies and pickles give the one object.
  type.def("__reduce__", [](const DType &t) { return std::string(ir::name(t.elem)); });
  type.def_prop_ro(
      "name", [](const DType &t) { return std::string(ir::name(t.elem)); }, "\"f32\", as dump_ir prints it.");
  type.def_prop_ro(
      "itemsize", [](const DType &t) { return ir::bytes(t.elem); },
      "Bytes of one element in memory; 1 for b1.");
  type.def_prop_ro(
      "is_float", [](const DType &t) { return ir::isFloat(t.elem); }, "Whether it is f16, bf16 or f32.");
  type.def_prop_ro(
      "is_signed", [](const DType &t) { return ir::isSigned(t.elem); }, "Whether it is a signed integer.");
  nb::dict all;
  for (int i = 0; i < ir::numElems; ++i) {
    dtypes[i] = nb::cast(DType{static_cast<ir::Elem>(i)}).release().ptr();
    std::string name(ir::name(static_cast<ir::Elem>(i)));
    all[name.c_str()] = nb::handle(dtypes[i]);
    module.attr(name.c_str()) = nb::handle(dtypes[i]);
  }
  module.attr("dtypes") = all;
  module.def(
      "dtype_named",
      [](nb::str name) {
        auto elem = ir::elemFromName(utf8(name.ptr()));
        return elem ? dtypeObject(*elem) : nb::none();
      },
      nb::arg("name"),
      "The type that is called so by Enigma (\"f32\", \"Float32\") or Metal (\"float\"), or None.");
}

} // namespace enigma::bindings
