// SPDX-License-Identifier: MIT
//
// The functions of the language. Most come from the table of operations (generated from the dialect's
// declaration), as built-in functions without argument tuples; the few whose arguments are not plain operands
// are written out at the end.
#include "functions.h"

#include "types.h"
#include "value.h"
#include "vectors.h"

#include <array>
#include <utility>

namespace enigma::bindings {

PyTypeObject *fragmentType = nullptr;

namespace {

using ir::MathMode;
using ir::Opcode;

struct FunctionDoc {
  const char *name;
  const char *text; ///< with the signature line that inspect reads
};
constexpr FunctionDoc docs[] = {
#include "enigma/IR/FunctionDocs.inc"
};
constexpr size_t numFunctions = std::size(docs); // in the order of ir::pythonFunctions()

PyObject *wrapResults(Trace &trace, Opcode op, ir::Value first) {
  if (ir::info(op).rule.numResults < 2)
    return wrapValue(trace, first);
  nb::object a = nb::steal(wrapValue(trace, first)), b = nb::steal(wrapValue(trace, {first.id + 1}));
  return PyTuple_Pack(2, a.ptr(), b.ptr());
}

bool isComparison(Opcode op) { return ir::info(op).name.starts_with("cmp_"); }

// A function of fragments: of their values, and of the numbers beside them.
PyObject *mapFragments(std::string_view name, MathMode mode, PyObject *const *args, Py_ssize_t count) {
  const char *owner = mode == MathMode::fast ? "fast" : mode == MathMode::precise ? "precise" : "functions";
  nb::object self = nb::module_::import_("enigma._enigma").attr(owner).attr(std::string(name).c_str());
  nb::list operands;
  for (Py_ssize_t i = 0; i < count; ++i)
    operands.append(nb::handle(args[i]));
  nb::object mapped = nb::module_::import_("enigma.fragment").attr("elementwise");
  return mapped(nb::str(name.data(), name.size()), self, *operands).release().ptr();
}

PyObject *call(size_t index, MathMode mode, PyObject *const *args, Py_ssize_t count) {
  return guarded([&]() -> PyObject * {
    const ir::PythonFunction &function = ir::pythonFunctions()[index];
    for (Py_ssize_t i = 0; i < count; ++i)
      if (Py_TYPE(args[i]) == fragmentType)
        return mapFragments(function.name, mode, args, count);
    Trace &trace = requireTrace(function.name);
    ir::Builder &builder = trace.at();
    ir::Operand operands[5] = {ir::Value{}, ir::Value{}, ir::Value{}, ir::Value{}, ir::Value{}};
    size_t n = std::min<size_t>(count, 5);
    for (size_t i = 0; i < n; ++i)
      operands[i] = operandFrom(trace, function.name, args[i]);
    if (n + 1 == ir::info(function.op).rule.numOperands && ir::info(function.op).operandNames[n] == "modulo")
      operands[n++] = ir::Literal(32);
    if (isComparison(function.op) && n == 2)
      return wrapValue(trace, builder.compare(function.op, operands[0], operands[1]));
    return wrapResults(trace, function.op,
                       builder.call(function, {operands, n}, static_cast<uint64_t>(mode)));
  });
}

template <MathMode mode, size_t index>
PyObject *entry(PyObject *, PyObject *const *args, Py_ssize_t count) {
  return call(index, mode, args, count);
}

template <MathMode mode, size_t... index>
std::array<PyMethodDef, numFunctions> makeTable(std::index_sequence<index...>) {
  return {{{docs[index].name, reinterpret_cast<PyCFunction>(reinterpret_cast<void *>(entry<mode, index>)),
            METH_FASTCALL, docs[index].text}...}};
}

template <MathMode mode>
void addFunctions(nb::module_ &module, const char *publicName) {
  static std::array<PyMethodDef, numFunctions> table =
      makeTable<mode>(std::make_index_sequence<numFunctions>());
  nb::str owner(publicName);
  for (size_t i = 0; i < numFunctions; ++i) {
    if (mode != MathMode::standard && !ir::info(ir::pythonFunctions()[i].op).modal)
      continue;
    module.attr(table[i].ml_name) = nb::steal(PyCFunction_NewEx(&table[i], nullptr, owner.ptr()));
  }
}

//===-- Functions with arguments of their own
//---------------------------------------------------------------===//

// One that takes plain operands but is no row of the table.
template <class Emit>
nb::object emit(std::string_view name, std::initializer_list<nb::handle> args, Emit &&body) {
  Trace &trace = requireTrace(name);
  ir::Builder &builder = trace.at();
  ir::Operand operands[3] = {ir::Value{}, ir::Value{}, ir::Value{}};
  size_t n = 0;
  for (nb::handle arg : args)
    operands[n++] = operandFrom(trace, name, arg.ptr());
  return nb::steal(wrapValue(trace, body(trace, builder, operands)));
}

bool isBool(const ir::Function &function, const ir::Operand &operand) {
  return operand.isLiteral() ? operand.literal.kind == ir::Literal::Kind::boolean
                             : function.type(operand.value).elem == ir::Elem::b1;
}

std::string operandText(const ir::Function &function, const ir::Operand &operand) {
  return operand.isLiteral() ? operand.literal.str() : function.type(operand.value).str();
}

nb::object where(nb::handle falseValue, nb::handle trueValue, nb::handle condition) {
  return emit("where", {falseValue, trueValue, condition},
              [](Trace &t, ir::Builder &b, const ir::Operand *x) {
                bool first = isBool(t.function, x[0]), second = isBool(t.function, x[1]),
                     third = isBool(t.function, x[2]);
                // With the condition in front, as NumPy has it, the rest would silently mean something else.
                if (!third || (first && !second))
                  b.fail("where: the third argument is the condition and must be b1, got (" +
                             operandText(t.function, x[0]) + ", " + operandText(t.function, x[1]) + ", " +
                             operandText(t.function, x[2]) + ")",
                         {"the order is where(false_value, true_value, condition); enigma.select_(condition, "
                          "a, b) has the condition first"});
                return b.emit(Opcode::select, {x[2], x[1], x[0]});
              });
}

nb::object multiplyAdd(nb::handle x, nb::handle y, nb::handle z) {
  return emit("mad", {x, y, z}, [](Trace &, ir::Builder &b, const ir::Operand *v) {
    return b.binary(ir::Operator::add, b.binary(ir::Operator::mul, v[0], v[1]), v[2]);
  });
}

nb::object metalCast(nb::handle x, nb::handle to) {
  ir::Type type = typeFrom("metal_cast", to);
  return emit("metal_cast", {x}, [&](Trace &, ir::Builder &b, const ir::Operand *v) {
    return b.convert(v[0], type, "metal_cast");
  });
}

nb::object asType(nb::handle x, nb::handle to) {
  ir::Type type = typeFrom("as_type", to);
  return emit("as_type", {x},
              [&](Trace &, ir::Builder &b, const ir::Operand *v) { return b.asType(v[0], type); });
}

nb::object loadIf(nb::handle buffer, nb::handle index, nb::handle mask, nb::handle fallback) {
  Trace &trace = requireTrace("load_if");
  ir::Builder &builder = trace.at();
  ir::Value source = bufferFrom(trace, "load_if", buffer.ptr());
  ir::Operand position = indexInto(trace, buffer.ptr(), index.ptr(), /*masked=*/true);
  return emit("load_if", {mask, fallback}, [&](Trace &, ir::Builder &, const ir::Operand *x) {
    return builder.loadIf(source, position, x[0], x[1]);
  });
}

void storeIf(nb::handle buffer, nb::handle index, nb::handle value, nb::handle mask) {
  Trace &trace = requireTrace("store_if");
  ir::Builder &builder = trace.at();
  ir::Value target = bufferFrom(trace, "store_if", buffer.ptr());
  builder.storeIf(target, indexInto(trace, buffer.ptr(), index.ptr(), /*masked=*/true),
                  operandFrom(trace, "store_if", value.ptr()), operandFrom(trace, "store_if", mask.ptr()));
}

template <Opcode op>
nb::object compareUnsigned(nb::handle x, nb::handle y) {
  constexpr std::string_view name = op == Opcode::cmp_lt   ? "cmp_ult"
                                    : op == Opcode::cmp_le ? "cmp_ule"
                                    : op == Opcode::cmp_gt ? "cmp_ugt"
                                                           : "cmp_uge";
  return emit(name, {x, y}, [](Trace &, ir::Builder &b, const ir::Operand *v) {
    return b.compareUnsigned(op, v[0], v[1]);
  });
}

} // namespace

void bindFunctions(nb::module_ &extension) {
  nb::module_ module = extension.def_submodule("functions", "The functions of the language.");
  addFunctions<MathMode::standard>(module, "enigma");
  nb::module_ fast = extension.def_submodule(
      "fast", "Float functions from Metal's fast namespace: less accurate, NaN and infinity not kept.");
  addFunctions<MathMode::fast>(fast, "enigma.fast");
  nb::module_ precise = extension.def_submodule(
      "precise", "Float functions from Metal's precise namespace, also under fast_math=True.");
  addFunctions<MathMode::precise>(precise, "enigma.precise");

  using nb::arg;
  module.def("where", where, arg("false_value"), arg("true_value"), arg("condition"),
             "true_value where the condition (b1) holds, else false_value.\n\nThe order is that of Metal's "
             "select; select_(condition, a, b) has "
             "the condition first.");
  module.def("mad", multiplyAdd, arg("x"), arg("y"), arg("z"),
             "x * y + z. On f32 and f16 it is rounded once, as fma, unless compiled with contract=False.");
  module.def(
      "metal_cast", metalCast, arg("x"), arg("to"),
      "x converted to a type, given as enigma.f32 or by Metal's name (\"float\", \"half4\").\n\nThe same as "
      "enigma.f32(x): float to integer drops the fraction, integer to integer keeps the low bits. A vector "
      "is converted\ncomponent by component.");
  module.def("as_type", asType, arg("x"), arg("to"),
             "The bits of x read as another type of as many bits: enigma.as_type(x, \"uint\"), and "
             "between words and vectors,\nenigma.as_type(word, \"uchar4\"), the first component in the "
             "lowest bits.");
  module.def("load_if", loadIf, arg("buffer"), arg("index"), arg("mask"), arg("default") = 0,
             "buffer[index] where the mask (b1) holds, else the default. Where it does not, memory is not "
             "touched and any index is legal.");
  module.def("store_if", storeIf, arg("buffer"), arg("index"), arg("value"), arg("mask"),
             "buffer[index] = value where the mask (b1) holds. Where it does not, memory is not touched and "
             "any index is legal.");
  constexpr const char *doc =
      "The bits of two integers compared as unsigned numbers, whatever their signedness.";
  bindVectors(module);
  module.def("cmp_ult", compareUnsigned<Opcode::cmp_lt>, arg("x"), arg("y"), doc);
  module.def("cmp_ule", compareUnsigned<Opcode::cmp_le>, arg("x"), arg("y"), doc);
  module.def("cmp_ugt", compareUnsigned<Opcode::cmp_gt>, arg("x"), arg("y"), doc);
  module.def("cmp_uge", compareUnsigned<Opcode::cmp_ge>, arg("x"), arg("y"), doc);
}

} // namespace enigma::bindings
