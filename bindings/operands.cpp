// SPDX-License-Identifier: MIT
//
// What a Python object is to an operation: a value of the current trace, a weakly typed number, or an error.
#include "arguments.h"
#include "value.h"

namespace enigma::bindings {
namespace {

[[noreturn]] void failStale(std::string_view what, const ir::Type &type) {
  if (currentTrace)
    currentTrace->builder.fail(
        std::string(what) + ": the " + type.str() + (type.isBuffer() ? "" : " value") +
            " belongs to another kernel",
        {"values live in the kernel that computes them; pass data between kernels in buffers"});
  throw Error(ErrorKind::Trace,
              std::string(what) + ": the " + type.str() + (type.isBuffer() ? "" : " value") +
                  " belongs to a kernel that is already traced",
              callerLocation(),
              {"values exist only while their kernel is traced; run the kernel to get numbers"});
}

// A value of a loop or branch that is over, kept in something that outlives it.
[[noreturn]] void failEscaped(Trace &trace, std::string_view what, const ValueHandle &handle) {
  std::string name;
  if (trace.state(handle) == Trace::State::ended)
    name = trace.function.nameOf(handle.value);
  trace.builder.fail(std::string(what) + ": the " + handle.type.str() + " value " +
                         (name.empty() ? "" : name + " ") + "was computed in a loop or branch that has ended",
                     {"only what the block assigns to a variable is known after it"});
}

ir::Literal integerLiteral(PyObject *object) {
  int overflow = 0;
  long long value = PyLong_AsLongLongAndOverflow(object, &overflow);
  if (!overflow) {
    if (value == -1 && PyErr_Occurred())
      throw nb::python_error();
    return ir::Literal(static_cast<int64_t>(value));
  }
  if (overflow > 0) {
    unsigned long long large = PyLong_AsUnsignedLongLong(object);
    if (!PyErr_Occurred())
      return ir::Literal(static_cast<uint64_t>(large));
    PyErr_Clear();
  }
  throw Error(ErrorKind::Trace,
              "the number " + std::string(nb::str(nb::handle(object)).c_str()) + " does not fit 64 bits",
              callerLocation());
}

} // namespace

void checkAlive(std::string_view what, PyObject *object) {
  auto check = [&](const auto *handle) {
    if (!currentTrace || handle->trace != currentTrace->serial)
      failStale(what, handle->type);
  };
  if (Py_TYPE(object) == valueType) {
    auto *handle = nb::inst_ptr<ValueHandle>(object);
    check(handle);
    if (currentTrace->state(*handle) == Trace::State::forgotten)
      failEscaped(*currentTrace, what, *handle);
  } else if (Py_TYPE(object) == bufferType)
    check(nb::inst_ptr<BufferHandle>(object));
}

std::string_view utf8(PyObject *text) {
  Py_ssize_t size;
  const char *data = PyUnicode_AsUTF8AndSize(text, &size);
  if (!data)
    throw nb::python_error();
  return {data, static_cast<size_t>(size)};
}

std::string typeName(PyObject *object) {
  nb::handle type(reinterpret_cast<PyObject *>(Py_TYPE(object)));
  nb::object module = nb::getattr(type, "__module__", nb::none());
  std::string name = nb::cast<nb::str>(type.attr("__qualname__")).c_str();
  if (!nb::isinstance<nb::str>(module))
    return name;
  std::string from = nb::cast<nb::str>(module).c_str();
  return from == "builtins" ? name : from + "." + name;
}

PyTypeObject *numpyScalarType() {
  static PyObject *type = nullptr; // numpy.generic; modules that are in use are never unloaded
  if (!type) {
    PyObject *modules = PyImport_GetModuleDict();
    PyObject *numpy = PyDict_GetItemString(modules, "numpy");
    if (!numpy)
      return nullptr;
    type = PyObject_GetAttrString(numpy, "generic");
    if (!type) {
      PyErr_Clear(); // NumPy is being imported right now
      return nullptr;
    }
  }
  return reinterpret_cast<PyTypeObject *>(type);
}

std::optional<ir::Literal> literalFrom(PyObject *object) {
  if (PyBool_Check(object))
    return ir::Literal(object == Py_True);
  if (PyLong_Check(object))
    return integerLiteral(object);
  if (PyFloat_Check(object))
    return ir::Literal(PyFloat_AsDouble(object));
  PyTypeObject *numpyScalar = numpyScalarType();
  if (!numpyScalar || !PyObject_TypeCheck(object, numpyScalar))
    return std::nullopt;
  nb::handle scalar(object);
  nb::object kind = scalar.attr("dtype").attr("kind");
  std::string_view letter = utf8(kind.ptr());
  if (letter == "b")
    return ir::Literal(PyObject_IsTrue(object) == 1);
  if (letter == "i" || letter == "u") {
    nb::object number = nb::steal(PyNumber_Index(object));
    if (!number)
      throw nb::python_error();
    return integerLiteral(number.ptr());
  }
  // ml_dtypes' floats are of kind V or f.
  if (letter == "f" || (letter == "V" && PyObject_HasAttrString(object, "__float__"))) {
    nb::object number = nb::steal(PyNumber_Float(object));
    if (!number)
      throw nb::python_error();
    return ir::Literal(PyFloat_AsDouble(number.ptr()));
  }
  return std::nullopt;
}

std::optional<ir::Operand> tryOperand(Trace &trace, std::string_view what, PyObject *object) {
  PyTypeObject *type = Py_TYPE(object);
  if (type == valueType) {
    auto *handle = nb::inst_ptr<ValueHandle>(object);
    if (handle->trace != trace.serial) [[unlikely]]
      failStale(what, handle->type);
    if (trace.state(*handle) != Trace::State::usable) [[unlikely]]
      failEscaped(trace, what, *handle);
    return ir::Operand(handle->value);
  }
  if (auto literal = literalFrom(object))
    return ir::Operand(*literal);
  if (type == gridPositionType)
    return ir::Operand(trace.builder.query(ir::Opcode::thread_position_in_grid, 0));
  if (type == bufferType) {
    auto *handle = nb::inst_ptr<BufferHandle>(object);
    if (handle->trace != trace.serial)
      failStale(what, handle->type);
    std::string name(trace.function.nameOf(handle->value));
    trace.builder.fail(std::string(what) + ": needs a value, got the buffer " + name,
                       {"index it: " + name + "[i]"});
  }
  return std::nullopt;
}

ir::Operand operandFrom(Trace &trace, std::string_view what, PyObject *object) {
  if (auto operand = tryOperand(trace, what, object))
    return *operand;
  std::vector<std::string> notes;
  std::string type = typeName(object);
  if (type == "numpy.ndarray")
    notes = {"pass the array as a buffer parameter of the kernel, and index that"};
  else if (deviceArrayFrom(object))
    notes = {"pass the device array as a buffer parameter of the kernel, and index that"};
  else if (object == Py_None)
    notes = {"None is what a function without `return`, or a store, gives"};
  trace.builder.fail(std::string(what) + ": needs a value or a number, got " +
                         (object == Py_None ? "None" : type),
                     std::move(notes));
}

ir::Value bufferFrom(Trace &trace, std::string_view what, PyObject *object) {
  if (Py_TYPE(object) != bufferType)
    trace.builder.fail(std::string(what) + ": needs a buffer parameter, got " +
                       (Py_TYPE(object) == valueType
                            ? "a value of type " + nb::inst_ptr<ValueHandle>(object)->type.str()
                            : typeName(object)));
  auto *handle = nb::inst_ptr<BufferHandle>(object);
  if (handle->trace != trace.serial)
    failStale(what, handle->type);
  if (Trace::State state = trace.state(handle->value, handle->epoch); state != Trace::State::usable) {
    std::string name(state == Trace::State::ended ? trace.function.nameOf(handle->value) : "");
    trace.builder.fail(std::string(what) + ": the array " + (name.empty() ? "" : name + " ") +
                           "was declared in a loop or branch that has ended",
                       {"declare it before the loop or branch"});
  }
  return handle->value;
}

} // namespace enigma::bindings
