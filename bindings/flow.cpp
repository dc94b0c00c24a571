// SPDX-License-Identifier: MIT
//
// Regions of the trace as Python builds them. Every call adds operations at the user's current line:
//
//     mark = flow.mark()
//     region, (i, acc) = flow.open([lower, initial])     # values whose types the arguments have, or types
//     flow.close([acc + A[i]])
//     total, = flow.for_(lower, upper, step, [initial], region)
//     flow.rollback(mark)                                # forgets all of it; handles of it are refused from
//     now on
#include "flow.h"

#include "tensor.h"
#include "types.h"
#include "value.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

namespace enigma::bindings {
namespace {

struct TypeHandle {
  ir::Type type;
};

struct MarkHandle {
  uint64_t trace;
  ir::Function::Mark mark;
  size_t scopes;
  nb::object error;
};

Trace &tracing() { return requireTrace("control flow"); }

// The value itself: what a region yields may have been computed in it, so that it is no operand anywhere
// else.
ir::Value rawValue(Trace &trace, nb::handle object) {
  if (Py_TYPE(object.ptr()) != valueType)
    trace.builder.fail("control flow: needs a value, got " + typeName(object.ptr()));
  checkAlive("control flow", object.ptr());
  return nb::inst_ptr<ValueHandle>(object)->value;
}

std::vector<ir::Value> rawValues(Trace &trace, nb::list objects) {
  std::vector<ir::Value> out;
  for (nb::handle object : objects)
    out.push_back(rawValue(trace, object));
  return out;
}

nb::list wrapAll(Trace &trace, std::span<const ir::Value> values) {
  nb::list out;
  for (ir::Value v : values)
    out.append(nb::steal(wrapValue(trace, v)));
  return out;
}

ir::Type typeFrom(Trace &trace, nb::handle object) {
  if (nb::isinstance<TypeHandle>(object))
    return nb::cast<TypeHandle &>(object).type;
  return trace.function.type(rawValue(trace, object));
}

nb::tuple openRegion(nb::list like) {
  Trace &trace = tracing();
  std::vector<ir::Type> types;
  for (nb::handle object : like)
    types.push_back(typeFrom(trace, object));
  trace.scopes.push_back({static_cast<uint32_t>(trace.function.numValues()), trace.at().openRegion(types)});
  uint32_t region = trace.scopes.back().region;
  return nb::make_tuple(region, wrapAll(trace, std::vector(trace.function.region(region).args)));
}

// What the innermost open region defined is out of reach from here on.
void endScope() {
  Trace &trace = tracing();
  trace.ended.resize(trace.function.numValues());
  std::fill(trace.ended.begin() + trace.scopes.back().firstValue, trace.ended.end(), true);
  trace.widen();
}

// What a condition that is a comparison with a constant, or several of them, says of coordinates while the
// innermost region is traced.
void narrowBy(Trace &trace, ir::Value condition, bool holds) {
  const ir::Function &f = trace.function;
  const ir::Op *op = f.definition(condition);
  if (!op)
    return;
  using ir::Opcode;
  ir::IndexSpace &space = trace.tensors().space;
  std::span<const ir::Value> operands = f.operands(*op);
  if (op->opcode == Opcode::and_ && holds) {
    ir::Value both[2] = {operands[0], operands[1]};
    narrowBy(trace, both[0], true);
    narrowBy(trace, both[1], true);
    return;
  }
  Opcode compare = op->opcode;
  bool known = compare == Opcode::cmp_lt || compare == Opcode::cmp_le || compare == Opcode::cmp_gt ||
               compare == Opcode::cmp_ge || (compare == Opcode::cmp_eq && holds);
  if (!known || !f.type(operands[0]).isScalar() || !ir::isInt(f.type(operands[0]).elem))
    return;
  ir::IndexSpace::Id x = space.of(operands[0]), y = space.of(operands[1]);
  ir::IndexRange other = space.range(y), self = space.range(x);
  auto narrow = [&](ir::IndexSpace::Id id, ir::IndexRange range) {
    if (!space.linear(id).terms.empty())
      trace.scopes.back().narrowed.emplace_back(id, space.narrow(id, range));
  };
  constexpr int64_t low = INT64_MIN / 4, high = INT64_MAX / 4;
  bool less = (compare == Opcode::cmp_lt || compare == Opcode::cmp_le) == holds;
  // x < y, or x <= y where one of "or equal" and "not" is there.
  int64_t strict = (compare == Opcode::cmp_lt || compare == Opcode::cmp_gt) == holds ? 1 : 0;
  bool never = compare == Opcode::cmp_eq ? self.high < other.low || other.high < self.low
               : less                    ? self.low + strict > other.high
                                         : other.low + strict > self.high;
  if (never && !trace.scopes.back().isDead) {
    trace.scopes.back().isDead = true;
    space.enterDead();
  }
  if (compare == Opcode::cmp_eq) {
    narrow(x, other);
  } else if (less) {
    narrow(x, {low, other.high - strict});
    narrow(y, {self.low + strict, high});
  } else {
    narrow(x, {other.low + strict, high});
    narrow(y, {low, self.high - strict});
  }
}

void narrow(nb::handle condition, bool holds) {
  Trace &trace = tracing();
  if (trace.launch.known() && !trace.scopes.empty())
    narrowBy(trace, rawValue(trace, condition), holds);
}

// The position of a loop, from lower on in steps below upper.
void loopPosition(nb::handle position, nb::handle lower, nb::handle upper, nb::handle step) {
  Trace &trace = tracing();
  if (!trace.launch.known())
    return;
  ir::IndexSpace &space = trace.tensors().space;
  auto rangeOf = [&](nb::handle value) { return space.range(space.of(rawValue(trace, value))); };
  ir::IndexRange from = rangeOf(lower), to = rangeOf(upper), by = rangeOf(step);
  if (by.low != by.high || by.low == 0)
    return;
  bool up = by.low > 0;
  ir::IndexRange range = up ? ir::IndexRange{from.low, std::max(from.low, to.high - 1)}
                            : ir::IndexRange{std::min(from.high, to.low + 1), from.high};
  int64_t factor = std::abs(by.low);
  if (from.low == from.high) // the last position is a whole number of steps from the first
    (up ? range.high : range.low) -= (up ? range.high - from.low : range.low - from.high) % factor;
  bool multiples = from.low == from.high && from.low % factor == 0;
  space.setRange(rawValue(trace, position), range, multiples ? factor : 1);
}

void closeRegion(nb::list yields) {
  Trace &trace = tracing();
  trace.at().closeRegion(rawValues(trace, yields));
  endScope();
  trace.popScopes(trace.scopes.size() - 1);
}

// Moves the operations of the innermost open region to the one around it if none of them touches memory or
// branches.
bool splice() {
  Trace &trace = tracing();
  ir::Function &f = trace.function;
  uint32_t inner = trace.scopes.back().region;
  uint32_t outer = trace.scopes.size() > 1 ? trace.scopes[trace.scopes.size() - 2].region : 0;
  for (uint32_t op : f.region(inner).ops)
    if (!ir::info(f.op(op).opcode).pure || f.op(op).numRegions)
      return false;
  std::vector<uint32_t> ops = f.region(outer).ops;
  ops.insert(ops.end(), f.region(inner).ops.begin(), f.region(inner).ops.end());
  f.setOps(outer, std::move(ops));
  f.setOps(inner, {});
  f.closeRegion();
  trace.popScopes(trace.scopes.size() - 1);
  return true;
}

MarkHandle mark() {
  Trace &trace = tracing();
  return {trace.serial, trace.function.mark(), trace.scopes.size(), trace.error};
}

void rollback(const MarkHandle &mark) {
  Trace &trace = tracing();
  if (mark.trace != trace.serial)
    trace.builder.fail("control flow: the mark belongs to another kernel");
  trace.function.rollback(mark.mark);
  trace.popScopes(mark.scopes);
  trace.forget(mark.mark.values);
  trace.error = mark.error;
}

ir::Value constantOf(Trace &trace, nb::handle number, ir::Type type) {
  ir::Builder &builder = trace.at();
  auto literal = literalFrom(number.ptr());
  if (!literal)
    builder.fail("control flow: needs a number, got " + typeName(number.ptr()));
  if (type.elem == ir::Elem::b1 && literal->kind != ir::Literal::Kind::boolean)
    builder.fail("the number " + literal->str() + " does not fit b1", {"write True or False"});
  if (type.isSimdgroupMatrix())
    builder.fail("the number " + literal->str() + " does not fit " + type.str(),
                 {"write make_filled_simdgroup_matrix(dtype, number)"});
  if (type.lanes > 1)
    builder.fail("the number " + literal->str() + " does not fit " + type.str(), {"make a vector of it"});
  return builder.constant(*literal, type);
}

nb::object wrapped(Trace &trace, ir::Value value) { return nb::steal(wrapValue(trace, value)); }

} // namespace

void bindFlow(nb::module_ &extension) {
  nb::module_ module = extension.def_submodule("flow", "Regions of the trace.");
  nb::class_<TypeHandle>(extension, "ValueType", "The type of a traced value.")
      .def("__eq__",
           [](const TypeHandle &a, nb::handle b) {
             return nb::isinstance<TypeHandle>(b) && a.type == nb::cast<TypeHandle &>(b).type;
           })
      .def("__hash__", [](const TypeHandle &a) { return a.type.key(); })
      .def("__str__", [](const TypeHandle &a) { return a.type.str(); })
      .def_prop_ro(
          "dtype", [](const TypeHandle &a) { return dtypeObject(a.type.elem); }, "The element type.")
      .def_prop_ro(
          "is_scalar", [](const TypeHandle &a) { return a.type.isScalar(); }, "Whether it is no vector.");
  nb::class_<MarkHandle>(extension, "TraceMark", "A state of the trace to come back to.");

  module.def(
      "type_of",
      [](nb::handle value) {
        Trace &t = tracing();
        return TypeHandle{t.function.type(rawValue(t, value))};
      },
      nb::arg("value"), "The type of a value.");
  module.def(
      "type_named", [](nb::handle dtype) { return TypeHandle{ir::Type::value(elemFrom("dtype", dtype))}; },
      nb::arg("dtype"), "The type of one element.");
  module.def("mark", mark, "The state of the trace.");
  module.def("rollback", rollback, nb::arg("mark"), "Forgets what was traced since the mark.");
  module.def("depth", [] { return tracing().scopes.size(); }, "How many regions are open.");
  module.def("open", openRegion, nb::arg("like"),
             "Opens a region: its number, and arguments of the types of these values or types.");
  module.def("close", closeRegion, nb::arg("yields"), "Closes the innermost region.");
  module.def(
      "narrow", narrow, nb::arg("condition"), nb::arg("holds"),
      "Says that a condition holds, or does not, in the innermost region: for the ranges of coordinates.");
  module.def("loop_position", loopPosition, nb::arg("position"), nb::arg("lower"), nb::arg("upper"),
             nb::arg("step"), "Says what values the position of a loop takes.");
  module.def("end_scope", endScope,
             "Refuses from now on what the innermost region, still open, has defined.");
  module.def("splice", splice,
             "Moves the innermost region's operations out of it if they are pure; whether they were.");
  module.def(
      "size", [](uint32_t region) { return tracing().function.region(region).ops.size(); }, nb::arg("region"),
      "How many operations a region has, its yield included.");
  module.def(
      "is_alive",
      [](nb::handle value) {
        Trace &t = tracing();
        auto *handle = nb::inst_ptr<ValueHandle>(value);
        return t.state(*handle) == Trace::State::usable;
      },
      nb::arg("value"), "Whether a value can be used here.");
  module.def(
      "constant",
      [](nb::handle number, nb::handle like) {
        Trace &t = tracing();
        return wrapped(t, constantOf(t, number, typeFrom(t, like)));
      },
      nb::arg("number"), nb::arg("like"), "A number as a value of a type.");
  module.def(
      "fits",
      [](nb::handle number, nb::handle like) {
        Trace &t = tracing();
        ir::Function::Mark mark = t.function.mark();
        try {
          constantOf(t, number, typeFrom(t, like));
        } catch (const Error &) {
          return false;
        }
        t.function.rollback(mark);
        return true;
      },
      nb::arg("number"), nb::arg("like"), "Whether a type holds a number.");
  module.def(
      "literal",
      [](nb::handle number) {
        Trace &t = tracing();
        auto literal = literalFrom(number.ptr());
        if (!literal)
          t.at().fail("control flow: needs a number, got " + typeName(number.ptr()));
        return wrapped(t, t.at().literal(*literal));
      },
      nb::arg("number"), "A number as a value of its own type: i32, f32 or b1.");
  module.def(
      "zero",
      [](nb::handle like) {
        Trace &t = tracing();
        ir::Type type = typeFrom(t, like);
        if (type.isSimdgroupMatrix())
          return wrapped(t, t.at().matrixFill(type.elem, ir::Literal(0)));
        return wrapped(
            t, t.at().constant(type.elem == ir::Elem::b1 ? ir::Literal(false) : ir::Literal(0), type));
      },
      nb::arg("like"), "Zero of a type.");
  module.def(
      "for_",
      [](nb::handle lower, nb::handle upper, nb::handle step, nb::list initial, uint32_t body) {
        Trace &t = tracing();
        return wrapAll(t, t.at().forLoop(rawValue(t, lower), rawValue(t, upper), rawValue(t, step),
                                         rawValues(t, initial), body));
      },
      nb::arg("lower"), nb::arg("upper"), nb::arg("step"), nb::arg("initial"), nb::arg("body"),
      "A counted loop; the last values.");
  module.def(
      "if_",
      [](nb::handle condition, uint32_t thenRegion, uint32_t elseRegion) {
        Trace &t = tracing();
        return wrapAll(t, t.at().ifElse(rawValue(t, condition), thenRegion, elseRegion));
      },
      nb::arg("condition"), nb::arg("then_region"), nb::arg("else_region"), "A branch; what its arms yield.");
  module.def(
      "while_",
      [](nb::list initial, uint32_t condition, uint32_t body) {
        Trace &t = tracing();
        return wrapAll(t, t.at().whileLoop(rawValues(t, initial), condition, body));
      },
      nb::arg("initial"), nb::arg("condition"), nb::arg("body"),
      "A loop while a condition holds; the last values.");
  module.def(
      "fail_at",
      [](std::string message, std::vector<std::string> notes, std::string file,
         std::tuple<uint32_t, uint32_t, uint32_t, uint32_t> place) {
        auto [line, column, endLine, endColumn] = place;
        throw Error(ErrorKind::Trace, std::move(message), {std::move(file), line, column, endLine, endColumn},
                    std::move(notes));
      },
      nb::arg("message"), nb::arg("notes"), nb::arg("file"), nb::arg("place"),
      "Raises a TraceError at a place.");
}

} // namespace enigma::bindings
