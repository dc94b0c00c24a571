// SPDX-License-Identifier: MIT
//
// Handles of traced things: Value (a number that a thread computes), Buffer (a parameter that is indexed) and
// GridPosition (what `enigma.thread_position_in_grid` is until a kernel uses it).
//
// A handle is a serial number and an id, without references: it outlives its trace harmlessly and says so
// when used then.
#pragma once

#include "trace.h"

namespace enigma::bindings {

struct ValueHandle {
  uint64_t trace;
  ir::Value value;
  ir::Type type;
  uint32_t epoch; ///< of the trace: how often it was rolled back before
};
struct BufferHandle {
  uint64_t trace;
  ir::Value value;
  ir::Type type;
  uint32_t epoch;
  std::vector<int64_t> shape; ///< of an array that the kernel declares; empty for a parameter
};
struct GridPosition {};

extern PyTypeObject *valueType, *bufferType, *gridPositionType;

/// New references to handles of a value of this trace.
PyObject *wrapValue(Trace &trace, ir::Value value);
PyObject *wrapBuffer(Trace &trace, ir::Value value, std::vector<int64_t> shape = {});

/// A Python or NumPy number; nothing for any other object.
std::optional<ir::Literal> literalFrom(PyObject *object);
/// A traced value of this trace or a number; nothing for any other object. `what` names the operation in
/// errors.
std::optional<ir::Operand> tryOperand(Trace &trace, std::string_view what, PyObject *object);
/// The same, with an error for any other object.
ir::Operand operandFrom(Trace &trace, std::string_view what, PyObject *object);
/// The one index that `index` (an integer, or one per dimension) is in a buffer or array. `masked`: it may be
/// out of bounds where a mask is false, so constants are not checked.
ir::Operand indexInto(Trace &trace, PyObject *buffer, PyObject *index, bool masked);
/// A buffer of this trace, or an error.
ir::Value bufferFrom(Trace &trace, std::string_view what, PyObject *object);
/// An error if the object is a handle of a trace other than the current one.
void checkAlive(std::string_view what, PyObject *object);
/// "str", "numpy.ndarray": the type of an object as its user knows it.
std::string typeName(PyObject *object);
/// The UTF-8 text of a Python string.
std::string_view utf8(PyObject *text);

/// numpy.generic, once NumPy is imported.
PyTypeObject *numpyScalarType();

void bindValues(nb::module_ &module);

} // namespace enigma::bindings
