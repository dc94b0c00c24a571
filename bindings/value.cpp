// SPDX-License-Identifier: MIT
//
// Python's protocols on handles. Operators are type slots: the interpreter calls them without building an
// argument tuple. What tracing would lose silently (truth values, iteration, conversion to a Python number,
// hashing) is refused; the words for that depend on the user's source and come from enigma/explain.py.
#include "value.h"

#include "vectors.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>

namespace enigma::bindings {

PyTypeObject *valueType = nullptr, *bufferType = nullptr, *gridPositionType = nullptr;

PyObject *wrapValue(Trace &trace, ir::Value value) {
  nb::object handle = nb::inst_alloc(reinterpret_cast<PyObject *>(valueType));
  new (nb::inst_ptr<ValueHandle>(handle))
      ValueHandle{trace.serial, value, trace.function.type(value), trace.epoch()};
  nb::inst_mark_ready(handle);
  return handle.release().ptr();
}

PyObject *wrapBuffer(Trace &trace, ir::Value value, std::vector<int64_t> shape) {
  nb::object handle = nb::inst_alloc(reinterpret_cast<PyObject *>(bufferType));
  new (nb::inst_ptr<BufferHandle>(handle))
      BufferHandle{trace.serial, value, trace.function.type(value), trace.epoch(), std::move(shape)};
  nb::inst_mark_ready(handle);
  return handle.release().ptr();
}

namespace {

using ir::Opcode;
using ir::Operator;

// The kind of thing that an error is about.
const char *subjectOf(PyObject *self) {
  if (Py_TYPE(self) == bufferType)
    return "buffer";
  return isVector(self) ? "vector" : Py_TYPE(self) == valueType ? "value" : "position";
}

Trace &traceOf(std::string_view what, PyObject *a, PyObject *b) {
  if (!currentTrace) [[unlikely]]
    for (PyObject *object : {a, b})
      checkAlive(what, object);
  return requireTrace(
      Py_TYPE(a) == gridPositionType || Py_TYPE(b) == gridPositionType ? "thread_position_in_grid" : what);
}

// Refuses a use that tracing would lose; `use` is a key of enigma/explain.py.
[[noreturn]] void refuse(PyObject *self, const char *use) {
  if (!currentTrace)
    checkAlive(std::string_view(use) == "truth" ? "bool" : use, self);
  SourceLoc loc = callerLocation();
  nb::tuple words = nb::cast<nb::tuple>(
      nb::module_::import_("enigma.explain")
          .attr("refusal")(use, subjectOf(self), loc.file, loc.line, loc.col, loc.endLine, loc.endCol));
  std::vector<std::string> notes;
  for (nb::handle note : words[1])
    notes.emplace_back(utf8(note.ptr()));
  if (nb::object place = words[2]; !place.is_none())
    std::tie(loc.line, loc.col, loc.endLine, loc.endCol) =
        nb::cast<std::tuple<uint32_t, uint32_t, uint32_t, uint32_t>>(place);
  throw Error(ErrorKind::Trace, std::string(utf8(nb::object(words[0]).ptr())), loc, std::move(notes));
}

//===-- Operators
//-------------------------------------------------------------------------------------------===//

constexpr std::string_view symbols[] = {"+", "-", "*", "/", "//", "%", "**", "&", "|", "^", "<<", ">>"};

PyObject *notImplemented() {
  Py_INCREF(Py_NotImplemented);
  return Py_NotImplemented;
}

constexpr const char *reflected[] = {"__radd__",      "__rsub__", "__rmul__",    "__rtruediv__",
                                     "__rfloordiv__", "__rmod__", "__rpow__",    "__rand__",
                                     "__ror__",       "__rxor__", "__rlshift__", "__rrshift__"};

// Objects that cannot know traced values: they have no reflected operator of their own, or one for other
// things.
bool isForeign(PyObject *object, Operator op) {
  return PyUnicode_Check(object) || PyDict_Check(object) || PyComplex_Check(object) ||
         typeName(object) == "numpy.ndarray" ||
         !PyObject_HasAttrString(reinterpret_cast<PyObject *>(Py_TYPE(object)),
                                 reflected[static_cast<int>(op)]);
}

template <Operator op>
PyObject *binarySlot(PyObject *a, PyObject *b) {
  return guarded([&]() -> PyObject * {
    constexpr std::string_view symbol = symbols[static_cast<int>(op)];
    Trace &trace = traceOf(symbol, a, b);
    ir::Builder &builder = trace.at();
    auto x = tryOperand(trace, symbol, a);
    auto y = tryOperand(trace, symbol, b);
    if (!x || !y) [[unlikely]] {
      PyObject *other = x ? b : a;
      if (x && !isForeign(other, op)) // on the left it was asked already
        return notImplemented();
      operandFrom(trace, symbol, other);
    }
    return wrapValue(trace, builder.binary(op, *x, *y));
  });
}

PyObject *powerSlot(PyObject *a, PyObject *b, PyObject *modulus) {
  if (modulus != Py_None)
    return guarded([&]() -> PyObject * {
      requireTrace("pow").at().fail("pow: three arguments work on Python integers only",
                                    {"write (x ** y) % z"});
    });
  return binarySlot<Operator::pow>(a, b);
}

PyObject *divmodSlot(PyObject *a, PyObject *b) {
  nb::object quotient = nb::steal(binarySlot<Operator::floordiv>(a, b));
  if (!quotient || quotient.ptr() == Py_NotImplemented)
    return quotient.release().ptr();
  nb::object remainder = nb::steal(binarySlot<Operator::mod>(a, b));
  return remainder ? PyTuple_Pack(2, quotient.ptr(), remainder.ptr()) : nullptr;
}

PyObject *matmulSlot(PyObject *a, PyObject *b) {
  return guarded([&]() -> PyObject * {
    traceOf("@", a, b).at().fail(
        "@: a thread has numbers, which have no matrix product",
        {"sum the products in a loop: for k in enigma.range(n): acc += A[row * n + k] * B[k * m + column]"});
  });
}

template <class Emit>
PyObject *unary(const char *symbol, PyObject *a, Emit &&emit) {
  return guarded([&]() -> PyObject * {
    Trace &trace = traceOf(symbol, a, a);
    ir::Builder &builder = trace.at();
    return wrapValue(trace, emit(builder, operandFrom(trace, symbol, a)));
  });
}
PyObject *negativeSlot(PyObject *a) {
  return unary("-", a, [](ir::Builder &b, ir::Operand x) { return b.negate(x); });
}
PyObject *positiveSlot(PyObject *a) {
  return unary("+", a, [](ir::Builder &b, ir::Operand x) { // Python's +True is 1
    return b.function().type(x.value).elem == ir::Elem::b1 ? b.cast(x, ir::Elem::i32) : x.value;
  });
}
PyObject *absoluteSlot(PyObject *a) {
  return unary("abs", a, [](ir::Builder &b, ir::Operand x) { return b.emit(Opcode::abs, {x}); });
}
PyObject *invertSlot(PyObject *a) {
  return unary("~", a, [](ir::Builder &b, ir::Operand x) { return b.emit(Opcode::not_, {x}); });
}

PyObject *compareSlot(PyObject *a, PyObject *b, int op) {
  return guarded([&]() -> PyObject * {
    constexpr Opcode opcodes[] = {Opcode::cmp_lt, Opcode::cmp_le, Opcode::cmp_eq,
                                  Opcode::cmp_ne, Opcode::cmp_gt, Opcode::cmp_ge};
    constexpr std::string_view names[] = {"<", "<=", "==", "!=", ">", ">="};
    Trace &trace = traceOf(names[op], a, b);
    ir::Builder &builder = trace.at();
    ir::Operand x = operandFrom(trace, names[op], a);
    // Never NotImplemented: Python would answer == and != by identity.
    return wrapValue(trace, builder.compare(opcodes[op], x, operandFrom(trace, names[op], b)));
  });
}

//===-- What tracing would lose
//-----------------------------------------------------------------------------===//

template <class Result = PyObject *>
Result refuseSlot(PyObject *self, const char *use) {
  guarded([&]() -> PyObject * { refuse(self, use); });
  if constexpr (std::is_pointer_v<Result>)
    return nullptr;
  else
    return -1;
}
int boolSlot(PyObject *self) { return refuseSlot<int>(self, "truth"); }
PyObject *intSlot(PyObject *self) { return refuseSlot(self, "int"); }
PyObject *floatSlot(PyObject *self) { return refuseSlot(self, "float"); }
PyObject *indexSlot(PyObject *self) { return refuseSlot(self, "index"); }
Py_ssize_t lengthSlot(PyObject *self) {
  if (isVector(self))
    return nb::inst_ptr<ValueHandle>(self)->type.lanes;
  return refuseSlot<Py_ssize_t>(self, "length");
}
PyObject *iterSlot(PyObject *self) {
  return isVector(self) ? vectorIterator(self) : refuseSlot(self, "iteration");
}
int containsSlot(PyObject *self, PyObject *) { return refuseSlot<int>(self, "contains"); }
Py_hash_t hashSlot(PyObject *self) { return refuseSlot<Py_hash_t>(self, "hash"); }
PyObject *valueSubscriptSlot(PyObject *self, PyObject *index) {
  return isVector(self) ? vectorItem(self, index) : refuseSlot(self, "subscript");
}
int valueStoreSlot(PyObject *self, PyObject *, PyObject *) {
  return refuseSlot<int>(self, isVector(self) ? "component" : "subscript");
}

//===-- Buffers
//---------------------------------------------------------------------------------------------===//

ir::Operand indexFrom(Trace &trace, std::string_view name, PyObject *index) {
  if (auto operand = tryOperand(trace, name, index)) {
    if (operand->isLiteral() && operand->literal.kind == ir::Literal::Kind::boolean)
      trace.builder.fail(std::string(name) + ": an index must be an integer, got " + operand->literal.str());
    return *operand;
  }
  std::string got = typeName(index), n(name);
  if (PySlice_Check(index))
    trace.builder.fail(n + ": a buffer is read one element at a time, got a slice", {"write " + n + "[i]"});
  if (PyTuple_Check(index))
    trace.builder.fail(n + ": a buffer has one index, got " + std::to_string(PyTuple_Size(index)),
                       {"compute the position: " + n + "[row * width + column]"});
  trace.builder.fail(n + ": an index must be an integer, got " + got);
}

// One index of several: narrow integers are widened, since the sum may not fit them.
ir::Operand dimensionIndex(Trace &trace, std::string_view name, size_t dimension, int64_t size,
                           PyObject *index, bool masked) {
  ir::Operand operand = indexFrom(trace, name, index);
  ir::Builder &builder = trace.builder;
  std::string where = std::string(name) + ": index " + std::to_string(dimension);
  if (operand.isLiteral()) {
    if (operand.literal.kind != ir::Literal::Kind::integer)
      builder.fail(where + " must be an integer, got " + operand.literal.str());
    if (!masked && (operand.literal.negative || operand.literal.magnitude >= static_cast<uint64_t>(size)))
      builder.fail(where + " is out of bounds: got " + operand.literal.str() + ", the size is " +
                   std::to_string(size));
    return operand;
  }
  ir::Type type = trace.function.type(operand.value);
  if (!type.isScalar() || !ir::isInt(type.elem))
    builder.fail(where + " must be an integer, got " + type.str(),
                 {ir::isFloat(type.elem) ? "convert it: enigma.i32(x)" : "use a scalar integer"});
  if (ir::bits(type.elem) < 32)
    return builder.cast(operand, ir::isSigned(type.elem) ? ir::Elem::i32 : ir::Elem::u32);
  return operand;
}

} // namespace

ir::Operand indexInto(Trace &trace, PyObject *buffer, PyObject *index, bool masked) {
  auto *handle = nb::inst_ptr<BufferHandle>(buffer);
  std::string_view name = trace.function.nameOf(handle->value);
  if (name.empty())
    name = "the array";
  const std::vector<int64_t> &shape = handle->shape;
  const bool isTuple = PyTuple_Check(index);
  if (shape.empty() || (shape.size() == 1 && !isTuple))
    return indexFrom(trace, name, index);
  const size_t given = isTuple ? static_cast<size_t>(PyTuple_Size(index)) : 1;
  if (given != shape.size()) {
    std::string wanted;
    for (size_t d = 0; d < shape.size(); ++d)
      wanted += (d ? ", i" : "i") + std::to_string(d);
    trace.builder.fail(std::string(name) + ": has " + std::to_string(shape.size()) +
                           (shape.size() == 1 ? " dimension" : " dimensions") + ", got " +
                           std::to_string(given) + (given == 1 ? " index" : " indices"),
                       {"write " + std::string(name) + "[" + wanted + "]"});
  }
  ir::Builder &builder = trace.builder;
  ir::Operand position = ir::Literal(int64_t(0));
  const auto number = [](const ir::Operand &x) {
    auto magnitude = static_cast<int64_t>(x.literal.magnitude);
    return x.literal.negative ? -magnitude : magnitude;
  };
  for (size_t d = 0; d < shape.size(); ++d) {
    ir::Operand next =
        dimensionIndex(trace, name, d, shape[d], PyTuple_GetItem(index, Py_ssize_t(d)), masked);
    if (position.isLiteral() && next.isLiteral()) {
      position = ir::Literal(number(position) * shape[d] + number(next));
      continue;
    }
    if (position.isLiteral())
      position = ir::Literal(number(position) * shape[d]);
    else if (shape[d] != 1)
      position = builder.binary(ir::Operator::mul, position, ir::Literal(shape[d]));
    if (position.isLiteral() && number(position) == 0)
      position = next;
    else if (!next.isLiteral() || number(next) != 0)
      position = builder.binary(ir::Operator::add, position, next);
  }
  return position;
}

namespace {

PyObject *bufferLoadSlot(PyObject *self, PyObject *index) {
  return guarded([&]() -> PyObject * {
    Trace &trace = requireTrace("a buffer");
    ir::Builder &builder = trace.at();
    ir::Value buffer = bufferFrom(trace, "load", self);
    return wrapValue(trace, builder.load(buffer, indexInto(trace, self, index, /*masked=*/false)));
  });
}

int bufferStoreSlot(PyObject *self, PyObject *index, PyObject *value) {
  PyObject *done = guarded([&]() -> PyObject * {
    Trace &trace = requireTrace("a buffer");
    ir::Builder &builder = trace.at();
    ir::Value buffer = bufferFrom(trace, "store", self);
    std::string_view name = trace.function.nameOf(buffer);
    if (!value)
      builder.fail(std::string(name) + ": elements of a buffer cannot be deleted", {"to clear one, store 0"});
    ir::Operand position = indexInto(trace, self, index, /*masked=*/false);
    builder.store(buffer, position, operandFrom(trace, "store", value));
    return Py_None;
  });
  return done ? 0 : -1;
}

//===-- Text and attributes
//---------------------------------------------------------------------------------===//

std::string valueText(const ValueHandle &handle) {
  std::string out = "<" + handle.type.str() + " value";
  if (currentTrace && currentTrace->serial == handle.trace) {
    if (currentTrace->state(handle) == Trace::State::forgotten)
      return out + " of a block that has ended>";
    if (std::string_view name = currentTrace->function.nameOf(handle.value); !name.empty())
      out += " " + std::string(name);
    return out + " in kernel " + currentTrace->function.name() + ">";
  }
  return out + " of a kernel that is already traced>";
}

std::string bufferText(const BufferHandle &handle) {
  std::string out = "<buffer";
  if (currentTrace && currentTrace->serial == handle.trace)
    out += " " + std::string(currentTrace->function.nameOf(handle.value));
  return out + " of " + handle.type.element().str() + ">";
}

// Only reached for names that do not exist.
nb::object missingAttribute(nb::handle self, nb::str name) {
  if (nb::object components = vectorAttribute(self.ptr(), utf8(name.ptr())))
    return components;
  nb::tuple words = nb::cast<nb::tuple>(
      nb::module_::import_("enigma.explain").attr("missing_attribute")(subjectOf(self.ptr()), name));
  std::vector<std::string> notes;
  for (nb::handle note : words[1])
    notes.emplace_back(utf8(note.ptr()));
  setAttributeError(Error(ErrorKind::Trace, std::string(utf8(nb::object(words[0]).ptr())), callerLocation(),
                          std::move(notes)));
  throw nb::python_error();
}

nb::object arrayProtocol(nb::handle self, nb::args, nb::kwargs) { refuse(self.ptr(), "array"); }

// NumPy hands its operators over here, so that numpy.float32(2) * value is the product; any other of its
// functions is refused.
nb::object numpyFunction(nb::handle self, nb::handle function, nb::str method, nb::args inputs,
                         nb::kwargs options) {
  struct Row {
    std::string_view name;
    PyObject *(*slot)(PyObject *, PyObject *);
  };
  constexpr Row rows[] = {
      {"add", binarySlot<Operator::add>},
      {"subtract", binarySlot<Operator::sub>},
      {"multiply", binarySlot<Operator::mul>},
      {"divide", binarySlot<Operator::truediv>},
      {"true_divide", binarySlot<Operator::truediv>},
      {"floor_divide", binarySlot<Operator::floordiv>},
      {"remainder", binarySlot<Operator::mod>},
      {"power", binarySlot<Operator::pow>},
      {"bitwise_and", binarySlot<Operator::and_>},
      {"bitwise_or", binarySlot<Operator::or_>},
      {"bitwise_xor", binarySlot<Operator::xor_>},
      {"left_shift", binarySlot<Operator::shl>},
      {"right_shift", binarySlot<Operator::shr>},
      {"less", [](PyObject *a, PyObject *b) { return compareSlot(a, b, Py_LT); }},
      {"less_equal", [](PyObject *a, PyObject *b) { return compareSlot(a, b, Py_LE); }},
      {"equal", [](PyObject *a, PyObject *b) { return compareSlot(a, b, Py_EQ); }},
      {"not_equal", [](PyObject *a, PyObject *b) { return compareSlot(a, b, Py_NE); }},
      {"greater", [](PyObject *a, PyObject *b) { return compareSlot(a, b, Py_GT); }},
      {"greater_equal", [](PyObject *a, PyObject *b) { return compareSlot(a, b, Py_GE); }},
  };
  nb::object name = function.attr("__name__");
  if (utf8(method.ptr()) == "__call__" && inputs.size() == 2 && options.size() == 0)
    for (const Row &row : rows)
      if (row.name == utf8(name.ptr())) {
        // A NumPy scalar arrives as it was written or, from its own operators, as an array of no dimensions.
        auto number = [](nb::handle x) {
          return typeName(x.ptr()) == "numpy.ndarray" && nb::cast<int>(x.attr("ndim")) == 0
                     ? x.attr("__getitem__")(nb::tuple())
                     : nb::borrow(x);
        };
        PyObject *result = row.slot(number(inputs[0]).ptr(), number(inputs[1]).ptr());
        if (!result)
          throw nb::python_error();
        return nb::steal(result);
      }
  refuse(self.ptr(), "numpy");
}

// `name = value` in a kernel: gives the user's name to what has none. A grid position becomes a value here.
PyObject *nameValue(PyObject *, PyObject *const *args, Py_ssize_t count) {
  PyObject *object = args[0];
  if (Py_TYPE(object) == valueType) {
    auto *handle = nb::inst_ptr<ValueHandle>(object);
    if (Trace *trace = currentTrace;
        trace && trace->serial == handle->trace && trace->state(*handle) == Trace::State::usable) {
      Py_ssize_t size;
      if (const char *name = PyUnicode_AsUTF8AndSize(args[1], &size))
        trace->function.setName(handle->value, {name, static_cast<size_t>(size)});
      else
        return nullptr;
    }
  } else if (Py_TYPE(object) == bufferType) {
    auto *handle = nb::inst_ptr<BufferHandle>(object);
    if (Trace *trace = currentTrace; trace && trace->serial == handle->trace &&
                                     trace->state(handle->value, handle->epoch) == Trace::State::usable)
      trace->function.setName(handle->value, utf8(args[1]));
  } else if (Py_TYPE(object) == gridPositionType && currentTrace) {
    return guarded([&]() -> PyObject * {
      Trace &trace = *currentTrace;
      ir::Value value = trace.at().query(Opcode::thread_position_in_grid, 0);
      trace.function.setName(value, utf8(args[1]));
      return wrapValue(trace, value);
    });
  }
  Py_INCREF(object);
  return object;
}

PyObject *callPosition(PyObject *, PyObject *, PyObject *) {
  return guarded([]() -> PyObject * {
    throw Error(ErrorKind::Trace, "thread_position_in_grid: is a value, not a function", callerLocation(),
                {"write enigma.thread_position_in_grid for x, enigma.thread_position_in_grid_xyz(\"y\") for "
                 "another component"});
  });
}

std::vector<PyType_Slot> slots(bool isBuffer, std::initializer_list<PyType_Slot> extra = {}) {
  std::vector<PyType_Slot> out = {
      {Py_nb_add, reinterpret_cast<void *>(binarySlot<Operator::add>)},
      {Py_nb_subtract, reinterpret_cast<void *>(binarySlot<Operator::sub>)},
      {Py_nb_multiply, reinterpret_cast<void *>(binarySlot<Operator::mul>)},
      {Py_nb_true_divide, reinterpret_cast<void *>(binarySlot<Operator::truediv>)},
      {Py_nb_floor_divide, reinterpret_cast<void *>(binarySlot<Operator::floordiv>)},
      {Py_nb_remainder, reinterpret_cast<void *>(binarySlot<Operator::mod>)},
      {Py_nb_divmod, reinterpret_cast<void *>(divmodSlot)},
      {Py_nb_matrix_multiply, reinterpret_cast<void *>(matmulSlot)},
      {Py_nb_power, reinterpret_cast<void *>(powerSlot)},
      {Py_nb_and, reinterpret_cast<void *>(binarySlot<Operator::and_>)},
      {Py_nb_or, reinterpret_cast<void *>(binarySlot<Operator::or_>)},
      {Py_nb_xor, reinterpret_cast<void *>(binarySlot<Operator::xor_>)},
      {Py_nb_lshift, reinterpret_cast<void *>(binarySlot<Operator::shl>)},
      {Py_nb_rshift, reinterpret_cast<void *>(binarySlot<Operator::shr>)},
      {Py_nb_negative, reinterpret_cast<void *>(negativeSlot)},
      {Py_nb_positive, reinterpret_cast<void *>(positiveSlot)},
      {Py_nb_absolute, reinterpret_cast<void *>(absoluteSlot)},
      {Py_nb_invert, reinterpret_cast<void *>(invertSlot)},
      {Py_nb_bool, reinterpret_cast<void *>(boolSlot)},
      {Py_nb_int, reinterpret_cast<void *>(intSlot)},
      {Py_nb_float, reinterpret_cast<void *>(floatSlot)},
      {Py_nb_index, reinterpret_cast<void *>(indexSlot)},
      {Py_tp_richcompare, reinterpret_cast<void *>(compareSlot)},
      {Py_tp_hash, reinterpret_cast<void *>(hashSlot)},
      {Py_tp_iter, reinterpret_cast<void *>(iterSlot)},
      {Py_sq_contains, reinterpret_cast<void *>(containsSlot)},
      {Py_mp_length, reinterpret_cast<void *>(lengthSlot)},
      {Py_mp_subscript, reinterpret_cast<void *>(isBuffer ? bufferLoadSlot : valueSubscriptSlot)},
      {Py_mp_ass_subscript, reinterpret_cast<void *>(isBuffer ? bufferStoreSlot : valueStoreSlot)},
  };
  out.insert(out.end(), extra);
  out.push_back({0, nullptr});
  return out;
}

template <class Class>
void defineCommon(Class &type) {
  type.def("__getattr__", missingAttribute);
  type.def("__array__", arrayProtocol);
  type.def("__format__", [](nb::handle self, nb::str spec) -> nb::object {
    if (nb::len(spec))
      refuse(self.ptr(), "format");
    return nb::str(self);
  });
  type.def("__round__", [](nb::handle self, nb::args) -> nb::object { refuse(self.ptr(), "float"); });
  type.def("__array_ufunc__", numpyFunction);
}

} // namespace

void bindValues(nb::module_ &module) {
  static const std::vector<PyType_Slot> valueSlots = slots(false), bufferSlots = slots(true),
                                        positionSlots = slots(
                                            false, {{Py_tp_call, reinterpret_cast<void *>(callPosition)}});

  auto value = nb::class_<ValueHandle>(module, "Value", nb::type_slots(valueSlots.data()), nb::is_final(),
                                       nb::pooled(1024),
                                       "A number, or a vector of 2 to 4, that every thread computes for "
                                       "itself, known when the kernel runs.\n\n"
                                       "Operators and the functions of enigma make new values of it; see "
                                       "docs/types.md. A vector has components: "
                                       "v.x, v.wzyx,\nv[0]; see docs/vectors.md.");
  valueType = reinterpret_cast<PyTypeObject *>(value.ptr());
  value.def("__repr__", valueText);
  value.def_prop_ro(
      "_type", [](const ValueHandle &v) { return v.type.str(); }, "The type as dump_ir prints it.");
  value.def_prop_ro(
      "_lanes", [](const ValueHandle &v) { return int(v.type.lanes); },
      "Components: 1, or 2 to 4 of a vector.");
  value.def("__setattr__", [](nb::handle self, nb::handle, nb::handle) { refuse(self.ptr(), "component"); });
  defineCommon(value);

  auto buffer = nb::class_<BufferHandle>(
      module, "Buffer", nb::type_slots(bufferSlots.data()), nb::is_final(),
      "A buffer parameter of a kernel, or an array that it declares: read with A[i], "
      "written with A[i] = value.\n\n"
      "Arrays of several dimensions take one index for each: tile[i, j].");
  bufferType = reinterpret_cast<PyTypeObject *>(buffer.ptr());
  buffer.def("__repr__", bufferText);
  buffer.def_prop_ro(
      "shape",
      [](nb::handle self) -> nb::object {
        auto *handle = nb::inst_ptr<BufferHandle>(self);
        if (handle->shape.empty())
          return missingAttribute(self, nb::str("shape"));
        nb::list sizes;
        for (int64_t size : handle->shape)
          sizes.append(size);
        return nb::tuple(sizes);
      },
      "Sizes of the dimensions of an array that the kernel declares, as a tuple of ints.");
  defineCommon(buffer);

  auto position = nb::class_<GridPosition>(module, "GridPosition", nb::type_slots(positionSlots.data()),
                                           nb::is_final(), "The type of enigma.thread_position_in_grid.");
  gridPositionType = reinterpret_cast<PyTypeObject *>(position.ptr());
  position.def("__repr__", [](const GridPosition &) {
    return "<enigma.thread_position_in_grid: the x position of the thread, a u32>";
  });
  defineCommon(position);

  static PyMethodDef naming = {
      "name_value", reinterpret_cast<PyCFunction>(reinterpret_cast<void *>(nameValue)), METH_FASTCALL,
      "name_value(value, name, /)\n--\n\nReturns the value, which takes the name if it is traced and has "
      "none."};
  bindComponents(module);
  module.attr("name_value") = nb::steal(PyCFunction_New(&naming, nullptr));
}

} // namespace enigma::bindings
