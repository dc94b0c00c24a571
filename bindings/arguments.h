// SPDX-License-Identifier: MIT
//
// Python objects as arguments of a launch: NumPy arrays and everything else with the buffer protocol, DLPack
// tensors in CPU memory, device arrays, numbers. Nothing is copied; what does not fit is refused with the
// parameter's name and what to write instead.
#pragma once

#include "compile.h"
#include "types.h"

#include <nanobind/ndarray.h>

#include <memory>

namespace enigma::bindings {

/// An array in a device's memory.
struct DeviceArray {
  std::shared_ptr<runtime::Buffer> buffer;
  ir::Elem elem;
  std::vector<int64_t> shape;
  runtime::Device *device;
};

/// A parameter as errors name it: "saxpy: parameter X".
struct Subject {
  const Kernel &kernel;
  size_t param;
  std::string str() const { return kernel.name + ": parameter " + kernel.params()[param].name; }
};

/// The array that a Python object is, or null.
DeviceArray *deviceArrayFrom(nb::handle object);
extern PyTypeObject *deviceArrayType;

/// Contiguous memory of a Python object, for as long as this exists. Needs the GIL to be made and destroyed.
class ArrayView {
public:
  ArrayView() = default;
  ArrayView(const ArrayView &) = delete;
  ~ArrayView();

  /// Opens the memory of an array of `element`: for vectors an array of their components, as many as vectors
  /// take.
  void open(nb::handle object, ir::Type element, bool writable, const Subject &subject);
  void *data() const { return memory; }
  uint64_t bytes() const { return length; }

private:
  void openAny(nb::handle object, ir::Elem elem, bool writable, const Subject &subject);
  void openBuffer(nb::handle object, ir::Elem elem, bool writable, const Subject &subject);
  bool openBfloat(nb::handle object, ir::Elem elem, bool writable, const Subject &subject);
  void openTensor(nb::handle object, ir::Elem elem, bool writable, const Subject &subject);

  Py_buffer view{};
  bool isOpen = false;
  nb::object held;
  nb::ndarray<> tensor;
  nb::ndarray<nb::ro> readOnlyTensor;
  void *memory = nullptr;
  uint64_t length = 0;
};

/// A number or array of one element as a scalar of a type, or a sequence of numbers as a vector; or an error.
runtime::Argument scalarArgument(nb::handle object, ir::Type type, const Subject &subject);
/// Throws unless an array of this shape and size holds whole elements of a buffer of vectors.
void checkVectors(ir::Type element, uint64_t bytes, int64_t lastExtent, const Subject &subject);

/// Arguments of one launch. Needs the GIL to be destroyed.
class Arguments {
public:
  explicit Arguments(const Kernel &kernel);
  /// The next parameter, bound to an object. Not `mayWrite`: a parameter that the kernel writes gets a copy.
  void add(nb::handle object, bool mayWrite, runtime::Device &device);
  /// The next parameter, bound to memory that the caller keeps.
  void addMemory(void *data, uint64_t bytes) { list.push_back(runtime::Argument::memory(data, bytes)); }

  std::span<const runtime::Argument> span() const { return list; }
  /// Whether nothing but device memory and numbers is bound, so that the launch may outlast the call.
  bool inDeviceMemory() const { return onDevice; }

private:
  const Kernel &kernel;
  std::vector<runtime::Argument> list;
  std::unique_ptr<ArrayView[]> views; // one for each parameter; a Py_buffer must not move
  bool onDevice = true;
};

} // namespace enigma::bindings
