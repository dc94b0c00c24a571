// SPDX-License-Identifier: MIT
//
// Storage of functions, their text, hash and verifier.
#include "enigma/IR/Function.h"

#include "enigma/IR/Constant.h"

#include <algorithm>
#include <unordered_map>

namespace enigma::ir {

Function::Function(std::string name) : functionName(std::move(name)) {}

Value Function::addParam(Param param) {
  Value v{static_cast<uint32_t>(values.size())};
  values.push_back({param.type, noOp, 0, 0});
  setName(v, param.name);
  parameters.push_back(std::move(param));
  return v;
}

const Op *Function::definition(Value v) const {
  uint32_t index = values[v.id].op;
  return v.id > parameters.size() ? &ops[index] : nullptr;
}

void Function::setName(Value v, std::string_view name) {
  if (values[v.id].name || name.empty())
    return;
  // Kernels reuse few names and bind them in runs: looking at the last ones finds most.
  for (size_t i = names.size(), seen = 0; i-- > 1 && seen < 16; ++seen)
    if (names[i] == name) {
      values[v.id].name = i;
      return;
    }
  values[v.id].name = names.size();
  names.emplace_back(name);
}

uint32_t Function::append(Opcode opcode, std::span<const Value> operands, std::span<const Type> results,
                          uint64_t immediate, Place place) {
  uint32_t index = ops.size();
  ops.push_back({opcode, static_cast<uint16_t>(operands.size()), static_cast<uint16_t>(results.size()),
                 static_cast<uint32_t>(operandPool.size()), static_cast<uint32_t>(values.size()), immediate, place});
  for (Value v : operands) {
    operandPool.push_back(v);
    ++values[v.id].uses;
  }
  for (Type t : results)
    values.push_back({t, index, 0, 0});
  order.push_back(index);
  return index;
}

void Function::setBody(std::vector<uint32_t> newOrder) { order = std::move(newOrder); }

void Function::replaceOp(uint32_t index, Opcode opcode, std::span<const Value> operands) {
  Op &op = ops[index];
  for (Value v : this->operands(op))
    --values[v.id].uses;
  op.opcode = opcode;
  op.immediate = 0;
  op.firstOperand = operandPool.size();
  op.numOperands = operands.size();
  for (Value v : operands) {
    operandPool.push_back(v);
    ++values[v.id].uses;
  }
}

void Function::markAccess(Value buffer, bool write) {
  Param &p = parameters[paramIndex(buffer)];
  (write ? p.written : p.read) = true;
}

//===-- Text ------------------------------------------------------------------------------------------------===//

std::string Function::str() const {
  std::vector<std::string> shown(values.size());
  std::unordered_map<std::string, int> taken;
  uint32_t number = 0;
  auto nameFor = [&](Value v) -> const std::string & {
    std::string &s = shown[v.id];
    if (s.empty()) {
      if (uint32_t n = values[v.id].name) {
        int &count = taken[names[n]];
        s = "%" + names[n] + (count ? "." + std::to_string(count) : "");
        ++count;
      } else {
        s = "%" + std::to_string(number++);
      }
    }
    return s;
  };

  std::string out = "kernel " + kernelName() + "(";
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (i)
      out += ", ";
    out += nameFor(paramValue(i)) + ": " + parameters[i].type.str();
  }
  out += ") {\n";
  for (uint32_t index : order) {
    const Op &op = ops[index];
    const OpInfo &i = info(op.opcode);
    std::string line = "  ";
    for (int r = 0; r < op.numResults; ++r)
      line += (r ? ", " : "") + nameFor(result(op, r));
    if (op.numResults)
      line += " = ";
    line += i.name;
    if (i.rule.kind == Rule::Kind::constant)
      line += " " + constantText(values[op.firstResult].type.elem, op.immediate);
    if (i.hasAxis)
      line += std::string(" ") + "xyz"[op.immediate];
    if (i.modal && op.immediate)
      line += op.immediate == uint64_t(MathMode::fast) ? " fast" : " precise";
    bool first = true;
    for (Value v : operands(op)) {
      line += (first ? " " : ", ") + nameFor(v);
      first = false;
    }
    if (i.rule.kind == Rule::Kind::component)
      line += "[" + std::to_string(op.immediate) + "]";
    for (int r = 0; r < op.numResults; ++r)
      line += (r ? ", " : " : ") + values[op.firstResult + r].type.str();
    if (SourceLoc loc = locate(op.place)) {
      size_t slash = loc.file.find_last_of('/');
      line.resize(std::max<size_t>(line.size() + 2, 48), ' ');
      line += "# " + (slash == std::string::npos ? loc.file : loc.file.substr(slash + 1)) + ":" + std::to_string(loc.line);
    }
    out += line + "\n";
  }
  return out + "}\n";
}

//===-- Hash ------------------------------------------------------------------------------------------------===//

Hash128 hash(const Function &f, HashScope scope) {
  Hasher h;
  bool withNames = scope == HashScope::structureAndNames;
  h.word(f.params().size());
  for (const Param &p : f.params()) {
    h.word(p.type.key() | uint64_t(p.written) << 32);
    if (withNames)
      h.text(p.name);
  }
  if (withNames)
    h.text(f.name());
  // Values are numbered by position, so that equal programs with holes in their pools hash alike.
  std::vector<uint32_t> number(f.numValues(), 0);
  uint32_t next = 1;
  for (size_t i = 0; i < f.params().size(); ++i)
    number[f.paramValue(i).id] = next++;
  for (uint32_t index : f.body()) {
    const Op &op = f.op(index);
    h.word(uint64_t(op.opcode) | uint64_t(op.numOperands) << 16 | uint64_t(op.numResults) << 32);
    if (op.immediate)
      h.word(op.immediate ^ 0x5bd1e995u);
    for (Value v : f.operands(op))
      h.word(number[v.id]);
    for (int r = 0; r < op.numResults; ++r) {
      Value v = f.result(op, r);
      number[v.id] = next++;
      h.word(f.type(v).key());
      if (withNames)
        h.text(f.nameOf(v));
    }
  }
  return h.finish();
}

//===-- Verifier --------------------------------------------------------------------------------------------===//

namespace {

bool slotAccepts(Slot slot, Type t, const OpInfo &i, Type main) {
  switch (slot) {
  case Slot::none:
    return false;
  case Slot::T:
    return t == main && i.types.contains(t.elem);
  case Slot::I:
    return t == main;
  case Slot::U:
    return t == main.withElem(toUnsigned(main.elem));
  case Slot::b1:
    return t == main.withElem(Elem::b1) || t == Type::value(Elem::b1);
  case Slot::i32:
    return t == main.withElem(Elem::i32);
  case Slot::u32:
    return t == Type::value(Elem::u32);
  }
  return false;
}

} // namespace

void verify(const Function &f) {
  auto fail = [&](const Op &op, std::string what) {
    throw Error(ErrorKind::Enigma, "malformed IR: " + std::string(info(op.opcode).name) + ": " + std::move(what),
                f.locate(op.place));
  };
  std::vector<bool> defined(f.numValues(), false);
  for (size_t i = 0; i < f.params().size(); ++i)
    defined[f.paramValue(i).id] = true;
  bool effect = false;
  for (uint32_t index : f.body()) {
    const Op &op = f.op(index);
    const OpInfo &i = info(op.opcode);
    for (Value v : f.operands(op))
      if (!v.id || v.id >= f.numValues() || !defined[v.id])
        fail(op, "uses a value that is not defined before it");
    for (int r = 0; r < op.numResults; ++r)
      defined[op.firstResult + r] = true;
    effect |= !i.pure && op.numResults == 0;
    if (i.rule.kind != Rule::Kind::slots)
      continue;
    if (op.numOperands != i.rule.numOperands || op.numResults != i.rule.numResults)
      fail(op, "wrong number of operands or results");
    Type main;
    for (int k = 0; k < op.numOperands && !main.isValue(); ++k)
      if (i.rule.operands[k] == Slot::T)
        main = f.type(f.operands(op)[k]);
    for (int k = 0; k < op.numOperands; ++k)
      if (!slotAccepts(i.rule.operands[k], f.type(f.operands(op)[k]), i, main))
        fail(op, "operand " + std::to_string(k) + " has the type " + f.type(f.operands(op)[k]).str());
    for (int k = 0; k < op.numResults; ++k)
      if (!slotAccepts(i.rule.results[k], f.type(f.result(op, k)), i, main))
        fail(op, "result " + std::to_string(k) + " has the type " + f.type(f.result(op, k)).str());
  }
  if (!effect)
    throw Error(ErrorKind::Trace, "kernel " + f.name() + " stores nothing, so running it has no effect",
                f.locate(f.place), {"assign to an element of a buffer parameter: Out[i] = value"});
}

} // namespace enigma::ir
