// SPDX-License-Identifier: MIT
//
// Arrays in a device's memory: made, read, written, and shared through DLPack.
#include "launching.h"
#include "sharing.h"
#include "types.h"

#include <nanobind/stl/vector.h>

namespace enigma::bindings {
namespace {

void makeArray(DeviceArray *self, const Runtime &rt, std::vector<int64_t> shape, nb::handle dtype) {
  ir::Elem elem = elemFrom("an array", dtype);
  uint64_t bytes = ir::bytes(elem);
  for (int64_t extent : shape) {
    if (extent < 0)
      failLaunch("an array cannot have a negative extent, got " + std::to_string(extent));
    if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(extent), &bytes))
      failLaunch("the array is larger than any memory");
  }
  new (self) DeviceArray{rt.device->allocate(bytes), elem, std::move(shape), rt.device.get()};
}

void waitFor(const DeviceArray &array) {
  RunOptions options = optionsFrom(nb::none());
  nb::gil_scoped_release release;
  array.buffer->wait(options);
}

void arrayRead(const DeviceArray &array, nb::handle target) {
  waitFor(array);
  copyOut(array.buffer->data(), array.buffer->bytes(), target);
}

void arrayWrite(DeviceArray &array, nb::handle source) {
  Py_buffer view;
  if (PyObject_GetBuffer(source.ptr(), &view, PyBUF_SIMPLE) != 0)
    throw nb::python_error();
  try {
    waitFor(array);
  } catch (...) {
    PyBuffer_Release(&view);
    throw;
  }
  if (static_cast<uint64_t>(view.len) == array.buffer->bytes())
    std::memcpy(array.buffer->data(), view.buf, view.len);
  PyBuffer_Release(&view);
}

nb::object arrayDlpack(nb::pointer_and_handle<DeviceArray> self, nb::kwargs) {
  DeviceArray &array = *self.p;
  waitFor(array);
  using nb::dlpack::dtype_code;
  ir::Elem e = array.elem;
  dtype_code code = e == ir::Elem::b1     ? dtype_code::Bool
                    : e == ir::Elem::bf16 ? dtype_code::Bfloat
                    : ir::isFloat(e)      ? dtype_code::Float
                    : ir::isSigned(e)     ? dtype_code::Int
                                          : dtype_code::UInt;
  nb::dlpack::dtype dtype{static_cast<uint8_t>(code), static_cast<uint8_t>(8 * ir::bytes(e)), 1};
  std::vector<size_t> shape(array.shape.begin(), array.shape.end());
  nb::ndarray<> view(array.buffer->data(), shape.size(), shape.data(), self.h, nullptr, dtype,
                     nb::device::cpu::value, 0);
  return nb::cast(view, nb::rv_policy::reference);
}

} // namespace

void bindArrays(nb::module_ &module) {
  auto type = nb::class_<DeviceArray>(module, "DeviceArray", "An array in a device's memory.");
  deviceArrayType = reinterpret_cast<PyTypeObject *>(type.ptr());
  type.def("__init__", makeArray, nb::arg("runtime"), nb::arg("shape"), nb::arg("dtype"))
      .def("__init__", shareArray, nb::arg("runtime"), nb::arg("source").none())
      .def_prop_ro(
          "shape", [](const DeviceArray &a) { return nb::tuple(nb::cast(a.shape)); },
          "Elements in each dimension.")
      .def_prop_ro(
          "dtype", [](const DeviceArray &a) { return dtypeObject(a.elem); },
          "The element type, such as enigma.f32.")
      .def_prop_ro(
          "nbytes", [](const DeviceArray &a) { return a.buffer->bytes(); }, "Bytes of memory.")
      .def("wait", waitFor, "Waits for every launch that uses the array.")
      .def("_read_into", arrayRead, nb::arg("target"))
      .def("_write_from", arrayWrite, nb::arg("source"))
      .def("__dlpack__", arrayDlpack)
      .def("__dlpack_device__",
           [](const DeviceArray &) { return nb::make_tuple(nb::device::cpu::value, 0); });
}

} // namespace enigma::bindings
