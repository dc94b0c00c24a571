// SPDX-License-Identifier: MIT
//
// See sharing.h. The producer's tensor is let go of with the last user of the memory, which may be a launch
// on a thread of the runtime: that thread takes the GIL for it.
#include "sharing.h"

#include "value.h"

namespace enigma::bindings {
namespace {

std::optional<ir::Elem> elemOf(nb::dlpack::dtype t) {
  using nb::dlpack::dtype_code;
  if (t.lanes != 1)
    return std::nullopt;
  const auto code = static_cast<dtype_code>(t.code);
  for (int i = 0; i < ir::numElems; ++i) {
    const auto elem = static_cast<ir::Elem>(i);
    const dtype_code own = elem == ir::Elem::b1     ? dtype_code::Bool
                           : elem == ir::Elem::bf16 ? dtype_code::Bfloat
                           : ir::isFloat(elem)      ? dtype_code::Float
                           : ir::isSigned(elem)     ? dtype_code::Int
                                                    : dtype_code::UInt;
    if (code == own && t.bits == 8 * ir::bytes(elem))
      return elem;
  }
  return std::nullopt;
}

template <class Tensor>
void share(DeviceArray *self, const Runtime &rt, Tensor tensor, bool isReadOnly) {
  if (tensor.device_type() != nb::device::cpu::value)
    throw Error(ErrorKind::Launch, "from_dlpack needs an array in CPU memory, got one on another device", {},
                {"copy it: x.cpu()"});
  const std::optional<ir::Elem> elem = elemOf(tensor.dtype());
  if (!elem)
    failArgumentType("from_dlpack: Metal has no type for this array's elements, of " +
                         std::to_string(tensor.dtype().bits) + " bits",
                     {"convert it first, to float32 for example"});
  int64_t expected = 1;
  std::vector<int64_t> shape(tensor.ndim());
  for (size_t d = tensor.ndim(); d-- > 0;) {
    shape[d] = tensor.shape(d);
    if (shape[d] != 1 && tensor.stride(d) != expected && tensor.size() != 0)
      throw Error(ErrorKind::Launch,
                  "from_dlpack needs a contiguous array in C order, got one with gaps or another order", {},
                  {"copy it: rt.array(x)"});
    expected *= shape[d];
  }
  void *data = const_cast<void *>(static_cast<const void *>(tensor.data()));
  const uint64_t bytes = tensor.nbytes();
  std::shared_ptr<void> owner(new Tensor(std::move(tensor)), [](void *held) {
    if (!Py_IsInitialized()) // the process ends: what would free it is gone
      return;
    nb::gil_scoped_acquire gil;
    delete static_cast<Tensor *>(held);
  });
  auto buffer = bytes ? rt.device->wrap(data, bytes, !isReadOnly, std::move(owner)) : rt.device->allocate(0);
  new (self) DeviceArray{std::move(buffer), *elem, std::move(shape), rt.device.get()};
}

} // namespace

void shareArray(DeviceArray *self, const Runtime &rt, nb::handle object) {
  nb::ndarray<> tensor;
  if (nb::try_cast(object, tensor, false) && tensor.is_valid())
    return share(self, rt, std::move(tensor), false);
  nb::ndarray<nb::ro> readOnly;
  if (nb::try_cast(object, readOnly, false) && readOnly.is_valid())
    return share(self, rt, std::move(readOnly), true);
  failArgumentType("from_dlpack needs an array with __dlpack__ or the buffer protocol, got " +
                       typeName(object.ptr()),
                   {"rt.array(x) copies lists and numbers"});
}

} // namespace enigma::bindings
