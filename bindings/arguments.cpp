// SPDX-License-Identifier: MIT
//
// The way from a Python object to memory of the right type: the buffer protocol first (NumPy, array,
// memoryview, JAX on a CPU), ml_dtypes.bfloat16 through its bits, then DLPack (PyTorch).
#include "arguments.h"

#include "enigma/IR/Constant.h"
#include "value.h"

namespace enigma::bindings {
namespace {

using ir::Elem;

const char *numpyName(Elem e) {
  constexpr const char *names[] = {"numpy.bool_",  "numpy.int8",    "numpy.uint8",        "numpy.int16",
                                   "numpy.uint16", "numpy.int32",   "numpy.uint32",       "numpy.int64",
                                   "numpy.uint64", "numpy.float16", "ml_dtypes.bfloat16", "numpy.float32"};
  return names[static_cast<int>(e)];
}

// The element type of a struct-module format, if it is one of ours and in this machine's byte order.
std::optional<Elem> elemOfFormat(const char *format, Py_ssize_t size) {
  if (!format)
    return Elem::u8;
  if (*format == '@' || *format == '=' || *format == '<')
    ++format;
  if (!*format || format[1])
    return std::nullopt;
  auto integer = [&](Elem signed8, bool isUnsigned) -> std::optional<Elem> {
    int step = size == 1 ? 0 : size == 2 ? 2 : size == 4 ? 4 : size == 8 ? 6 : -1;
    if (step < 0)
      return std::nullopt;
    return static_cast<Elem>(static_cast<int>(signed8) + step + isUnsigned);
  };
  switch (*format) {
  case '?':
    return Elem::b1;
  case 'e':
    return Elem::f16;
  case 'f':
    return Elem::f32;
  case 'b':
  case 'h':
  case 'i':
  case 'l':
  case 'q':
  case 'n':
    return integer(Elem::i8, false);
  case 'B':
  case 'H':
  case 'I':
  case 'L':
  case 'Q':
  case 'N':
    return integer(Elem::i8, true);
  default:
    return std::nullopt;
  }
}

std::string dtypeText(nb::handle object) {
  nb::object dtype = nb::getattr(object, "dtype", nb::none());
  return dtype.is_none() ? typeName(object.ptr()) : std::string(nb::str(dtype).c_str());
}

[[noreturn]] void failType(nb::handle object, Elem want, const Subject &subject, const std::string &got) {
  std::vector<std::string> notes;
  std::string type = typeName(object.ptr());
  if (got == "bfloat16" || type == "numpy.ndarray")
    notes.push_back("convert it: x.astype(" + std::string(numpyName(want)) + ")");
  else if (PyBytes_Check(object.ptr()) || type == "bytearray" || type == "memoryview")
    notes.push_back("read it as an array: numpy.frombuffer(x, " + std::string(numpyName(want)) + ")");
  else if (PyList_Check(object.ptr()) || PyTuple_Check(object.ptr()) || PyNumber_Check(object.ptr()))
    notes.push_back("make an array: numpy.array(x, " + std::string(numpyName(want)) + ")");
  if (PyLong_Check(object.ptr()) || PyFloat_Check(object.ptr()))
    notes = {"for one number, declare the parameter as enigma.Scalar(enigma." + std::string(ir::name(want)) +
             "); for a buffer, make an array: numpy.array([x], " + std::string(numpyName(want)) + ")"};
  if (want == Elem::bf16 && got == "uint16")
    notes = {"if these are the bits, write x.view(ml_dtypes.bfloat16)"};
  failArgumentType(subject.str() + " needs an array of " + std::string(ir::name(want)) + ", got " + got,
                   std::move(notes));
}

[[noreturn]] void failLaunch(std::string message, std::vector<std::string> notes = {}) {
  throw Error(ErrorKind::Launch, std::move(message), {}, std::move(notes));
}

void failContiguity(const Subject &subject) {
  failLaunch(subject.str() + " needs a contiguous array in C order, got one with gaps or another order",
             {"copy it: numpy.ascontiguousarray(x)"});
}

void failReadOnly(const Subject &subject) {
  failLaunch(subject.str() + " is written by the kernel, got a read-only array", {"pass a copy: x.copy()"});
}

} // namespace

PyTypeObject *deviceArrayType = nullptr;

DeviceArray *deviceArrayFrom(nb::handle object) {
  return PyObject_TypeCheck(object.ptr(), deviceArrayType) ? nb::inst_ptr<DeviceArray>(object) : nullptr;
}

ArrayView::~ArrayView() {
  if (isOpen)
    PyBuffer_Release(&view);
}

void ArrayView::openBuffer(nb::handle object, Elem elem, bool writable, const Subject &subject) {
  std::optional<Elem> got = elemOfFormat(view.format, view.itemsize);
  if (got != elem)
    failType(object, elem, subject, dtypeText(object));
  if (!PyBuffer_IsContiguous(&view, 'C'))
    failContiguity(subject);
  if (writable && view.readonly)
    failReadOnly(subject);
  memory = view.buf;
  length = view.len;
}

// ml_dtypes arrays have no buffer format: their bits have one.
bool ArrayView::openBfloat(nb::handle object, Elem elem, bool writable, const Subject &subject) {
  nb::object dtype = nb::getattr(object, "dtype", nb::none());
  if (dtype.is_none() || std::string(nb::str(dtype).c_str()) != "bfloat16" || !nb::hasattr(object, "view") ||
      typeName(object.ptr()) != "numpy.ndarray")
    return false;
  if (elem != Elem::bf16)
    failType(object, elem, subject, "bfloat16");
  if (!nb::cast<bool>(object.attr("flags").attr("c_contiguous"))) // a view of other bits needs that
    failContiguity(subject);
  held = object.attr("view")("uint16");
  if (PyObject_GetBuffer(held.ptr(), &view, PyBUF_RECORDS_RO) != 0)
    throw nb::python_error();
  isOpen = true;
  openBuffer(held, Elem::u16, writable, subject);
  return true;
}

void ArrayView::openTensor(nb::handle object, Elem elem, bool writable, const Subject &subject) {
  auto take = [&](const auto &array, bool readOnly) {
    if (array.device_type() != nb::device::cpu::value)
      failLaunch(subject.str() + " needs an array in CPU memory, got one on another device",
                 {"copy it: x.cpu()"});
    nb::dlpack::dtype t = array.dtype();
    auto code = static_cast<nb::dlpack::dtype_code>(t.code);
    Elem base = code == nb::dlpack::dtype_code::Int ? Elem::i8 : Elem::u8;
    std::optional<Elem> got;
    if (code == nb::dlpack::dtype_code::Int || code == nb::dlpack::dtype_code::UInt)
      for (int step = 0; step < 8; step += 2)
        if (ir::bits(static_cast<Elem>(static_cast<int>(base) + step)) == t.bits)
          got = static_cast<Elem>(static_cast<int>(base) + step);
    if (code == nb::dlpack::dtype_code::Float)
      got = t.bits == 16 ? std::optional(Elem::f16) : t.bits == 32 ? std::optional(Elem::f32) : std::nullopt;
    if (code == nb::dlpack::dtype_code::Bfloat && t.bits == 16)
      got = Elem::bf16;
    if (code == nb::dlpack::dtype_code::Bool && t.bits == 8)
      got = Elem::b1;
    if (got != elem || t.lanes != 1) {
      constexpr const char *kinds[] = {"int", "uint", "float", "handle", "bfloat", "complex", "bool"};
      std::string kind = t.code < std::size(kinds) ? kinds[t.code] : "code" + std::to_string(t.code) + "_";
      failType(object, elem, subject, kind + std::to_string(t.bits));
    }
    int64_t expected = 1;
    for (size_t d = array.ndim(); d-- > 0;) {
      if (array.shape(d) != 1 && array.stride(d) != expected && array.size() != 0)
        failContiguity(subject);
      expected *= array.shape(d);
    }
    if (writable && readOnly)
      failReadOnly(subject);
    memory = const_cast<void *>(static_cast<const void *>(array.data()));
    length = array.nbytes();
  };
  if (nb::try_cast(object, tensor, false) && tensor.is_valid())
    return take(tensor, false);
  if (nb::try_cast(object, readOnlyTensor, false) && readOnlyTensor.is_valid())
    return take(readOnlyTensor, true);
  failArgumentType(subject.str() + " needs an array of " + std::string(ir::name(elem)) + ", got " +
                   typeName(object.ptr()) + ", whose __dlpack__ gives no tensor");
}

void checkVectors(ir::Type element, uint64_t bytes, int64_t lastExtent, const Subject &subject) {
  std::string name = "enigma." + ir::pythonName(element),
              each = std::to_string(element.bytes() / ir::bytes(element.elem));
  if (element.lanes == 1)
    return;
  // An array of rows of 3 would be read as if every fourth number were a gap.
  if (element.lanes == 3 && lastExtent == 3)
    failLaunch(
        subject.str() + " holds " + name + ", which takes the memory of 4 numbers, got an array of rows of 3",
        {"give an array of shape (n, 4), of whose rows the last number is not used",
         "or declare the parameter enigma." + std::string(ir::name(element.elem)) + " and read 3 elements"});
  if (bytes % element.bytes())
    failLaunch(subject.str() + " holds " + name + ", so its array needs a multiple of " + each +
                   " numbers, got " + std::to_string(bytes / ir::bytes(element.elem)),
               {"give an array of shape (n, " + each + "), or a flat one of " + each + " * n numbers"});
}

void ArrayView::open(nb::handle object, ir::Type element, bool writable, const Subject &subject) {
  openAny(object, element.elem, writable, subject);
  if (element.lanes == 1)
    return;
  int64_t last = 0;
  if (nb::object shape = nb::getattr(object, "shape", nb::none());
      nb::isinstance<nb::tuple>(shape) && nb::len(shape))
    last = nb::cast<int64_t>(shape[nb::len(shape) - 1]);
  checkVectors(element, length, last, subject);
}

void ArrayView::openAny(nb::handle object, Elem elem, bool writable, const Subject &subject) {
  if (Py_TYPE(object.ptr()) == valueType || Py_TYPE(object.ptr()) == bufferType)
    failArgumentType(subject.str() + " needs an array of " + std::string(ir::name(elem)) +
                         ", got a traced value",
                     {"a kernel is launched from outside of kernels, on arrays"});
  if (PyObject_CheckBuffer(object.ptr())) {
    if (std::string_view(Py_TYPE(object.ptr())->tp_name) == "MaskedArray")
      failArgumentType(subject.str() + " needs an array of " + std::string(ir::name(elem)) +
                           ", got a masked array, whose mask kernels cannot see",
                       {"write x.filled(value), or x.data to ignore the mask"});
    if (PyObject_GetBuffer(object.ptr(), &view, PyBUF_RECORDS_RO) == 0) {
      isOpen = true;
      return openBuffer(object, elem, writable, subject);
    }
    PyErr_Clear();
    if (openBfloat(object, elem, writable, subject))
      return;
    failType(object, elem, subject, dtypeText(object));
  }
  if (nb::hasattr(object, "__dlpack__"))
    return openTensor(object, elem, writable, subject);
  failType(object, elem, subject, object.is_none() ? "None" : typeName(object.ptr()));
}

static uint64_t scalarBits(nb::handle object, Elem elem, const Subject &subject) {
  std::string type(ir::name(elem));
  std::optional<ir::Literal> literal;
  try {
    literal = literalFrom(object.ptr());
  } catch (const Error &) { // an integer beyond 64 bits
    double number = ir::isFloat(elem) ? PyFloat_AsDouble(object.ptr()) : -1;
    if (!ir::isFloat(elem) || PyErr_Occurred()) {
      PyErr_Clear();
      failLaunch(subject.str() + " is a scalar of " + type + ", which cannot hold " +
                 std::string(nb::str(object).c_str()));
    }
    literal = ir::Literal(number);
  }
  if (!literal && nb::hasattr(object, "item") && nb::hasattr(object, "shape")) {
    if (PyObject_Size(nb::object(object.attr("shape")).ptr()) >= 0) {
      nb::object size = nb::getattr(object, "size", nb::none());
      if (PyCallable_Check(size.ptr())) // PyTorch
        size = object.attr("numel")();
      if (!PyLong_Check(size.ptr()) || PyLong_AsLong(size.ptr()) != 1)
        failLaunch(subject.str() +
                   " is a scalar and needs a number or an array of one element, got an array of " +
                   std::string(nb::str(size).c_str()) + " elements");
      nb::object item = object.attr("item")();
      literal = literalFrom(item.ptr());
    } else {
      PyErr_Clear();
    }
  }
  if (!literal)
    failArgumentType(subject.str() + " is a scalar of " + type + " and needs a number, got " +
                     (object.is_none() ? "None" : typeName(object.ptr())));
  if (literal->kind == ir::Literal::Kind::real && ir::isInt(elem) &&
      literal->number == std::trunc(literal->number) && std::fabs(literal->number) < 0x1p63)
    literal = ir::Literal(static_cast<int64_t>(literal->number));
  auto bits = ir::constantBits(elem, *literal);
  if (!bits)
    failLaunch(subject.str() + " is a scalar of " + type + ", which cannot hold " + literal->str());
  return *bits;
}

runtime::Argument scalarArgument(nb::handle object, ir::Type type, const Subject &subject) {
  unsigned char bytes[runtime::Argument::mostValueBytes] = {};
  if (type.lanes == 1) {
    uint64_t bits = scalarBits(object, type.elem, subject);
    return runtime::Argument::scalarBytes(&bits, ir::bytes(type.elem));
  }
  std::string n = std::to_string(type.lanes);
  nb::object items = nb::steal(PySequence_Check(object.ptr()) && !PyUnicode_Check(object.ptr())
                                   ? PySequence_List(object.ptr())
                                   : nullptr);
  if (!items)
    PyErr_Clear();
  if (!items || nb::len(items) != type.lanes)
    failArgumentType(subject.str() + " is one enigma." + ir::pythonName(type) + " and needs " + n +
                         " numbers, got " + (items ? std::to_string(nb::len(items)) : typeName(object.ptr())),
                     {"give a tuple or an array of " + n + " numbers"});
  for (int c = 0; c < type.lanes; ++c) {
    uint64_t bits = scalarBits(items[c], type.elem, subject);
    std::memcpy(bytes + c * ir::bytes(type.elem), &bits, ir::bytes(type.elem));
  }
  return runtime::Argument::scalarBytes(bytes, type.bytes());
}

Arguments::Arguments(const Kernel &forKernel) : kernel(forKernel) {
  list.reserve(kernel.params().size());
  views = std::make_unique<ArrayView[]>(kernel.params().size());
}

void Arguments::add(nb::handle object, bool mayWrite, runtime::Device &device) {
  const ir::Param &param = kernel.params()[list.size()];
  Elem elem = param.type.elem;
  DeviceArray *array = deviceArrayFrom(object);
  Subject subject{kernel, list.size()};
  if (!param.type.isBuffer()) {
    if (array)
      failArgumentType(subject.str() + " is a scalar of " + param.type.str() +
                           " and needs a number, got an array",
                       {param.type.isVector() ? "write x.numpy()" : "write x.numpy().item()"});
    list.push_back(scalarArgument(object, param.type, subject));
    return;
  }
  if (array && array->device != &device)
    failLaunch(subject.str() + " needs an array of the runtime that runs the kernel, got one of another",
               {"write rt.array(x.numpy())"});
  bool copy = param.written && !mayWrite;
  auto addCopy = [&](const void *data, uint64_t bytes) {
    auto buffer = device.allocate(bytes);
    std::memcpy(buffer->data(), data, bytes);
    list.push_back(runtime::Argument::of(std::move(buffer)));
  };
  if (array) {
    if (array->elem != elem)
      failType(object, elem, subject, std::string(ir::name(array->elem)));
    checkVectors(param.type.element(), array->buffer->bytes(), array->shape.empty() ? 0 : array->shape.back(),
                 subject);
    if (copy) {
      {
        nb::gil_scoped_release release;
        array->buffer->wait();
      }
      return addCopy(array->buffer->data(), array->buffer->bytes());
    }
    list.push_back(runtime::Argument::of(array->buffer));
    return;
  }
  ArrayView &view = views[list.size()];
  view.open(object, param.type.element(), param.written && mayWrite, subject);
  if (copy)
    return addCopy(view.data(), view.bytes());
  onDevice = false;
  list.push_back(param.written ? runtime::Argument::memory(view.data(), view.bytes())
                               : runtime::Argument::readOnlyMemory(view.data(), view.bytes()));
}

} // namespace enigma::bindings
