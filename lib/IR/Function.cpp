// SPDX-License-Identifier: MIT
//
// Storage of functions, their text, hash and verifier.
#include "enigma/IR/Function.h"

#include "enigma/IR/Constant.h"

#include <algorithm>
#include <tuple>
#include <unordered_map>

namespace enigma::ir {

Function::Function(std::string name) : functionName(std::move(name)) {}

std::string Function::kernelName() const {
  std::string out = "enigma_kernel_";
  for (unsigned char c : functionName) {
    bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
    if (plain)
      out += char(c);
    else
      out += {'u', "0123456789abcdef"[c >> 4], "0123456789abcdef"[c & 15]};
  }
  return out;
}

Value Function::addParam(Param param) {
  Value v{static_cast<uint32_t>(values.size())};
  values.push_back({param.type, noOp, 0, 0});
  setName(v, param.name);
  parameters.push_back(std::move(param));
  return v;
}

const Op *Function::definition(Value v) const {
  uint32_t index = values[v.id].op;
  return index == noOp ? nullptr : &ops[index];
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
  uint32_t index = create(opcode, operands, results, immediate, place);
  regions[open.back()].ops.push_back(index);
  return index;
}

uint32_t Function::create(Opcode opcode, std::span<const Value> operands, std::span<const Type> results,
                          uint64_t immediate, Place place) {
  uint32_t index = ops.size();
  Op op{opcode};
  op.numOperands = operands.size();
  op.numResults = results.size();
  op.firstOperand = operandPool.size();
  op.firstResult = values.size();
  op.firstRegion = regionPool.size();
  op.immediate = immediate;
  op.place = place;
  ops.push_back(op);
  for (Value v : operands) {
    operandPool.push_back(v);
    ++values[v.id].uses;
  }
  for (Type t : results)
    values.push_back({t, index, 0, 0});
  return index;
}

uint32_t Function::openRegion(std::span<const Type> args) {
  uint32_t index = regions.size();
  regions.emplace_back();
  for (Type t : args) {
    regions[index].args.push_back({static_cast<uint32_t>(values.size())});
    values.push_back({t, noOp, 0, 0});
  }
  open.push_back(index);
  return index;
}

void Function::closeRegion() { open.pop_back(); }

uint32_t Function::appendWithRegions(Opcode opcode, std::span<const Value> operands,
                                     std::span<const Type> results, std::span<const uint32_t> regionIds,
                                     Place place) {
  uint32_t index = append(opcode, operands, results, 0, place);
  ops[index].numRegions = regionIds.size();
  regionPool.insert(regionPool.end(), regionIds.begin(), regionIds.end());
  return index;
}

Function::Mark Function::mark() const {
  Mark m{ops.size(),
         operandPool.size(),
         values.size(),
         names.size(),
         regions.size(),
         regionPool.size(),
         regions[open.back()].ops.size(),
         open,
         {}};
  for (const Param &p : parameters)
    m.access.emplace_back(p.read, p.written);
  return m;
}

void Function::rollback(const Mark &m) {
  for (size_t i = m.operands; i < operandPool.size(); ++i)
    --values[operandPool[i].id].uses;
  ops.erase(ops.begin() + m.ops, ops.end());
  operandPool.resize(m.operands);
  values.resize(m.values);
  names.resize(m.names);
  regions.resize(m.regions);
  regionPool.resize(m.regionPool);
  open = m.open;
  regions[open.back()].ops.resize(m.lengthOfRegion);
  for (size_t i = 0; i < m.access.size(); ++i)
    std::tie(parameters[i].read, parameters[i].written) = m.access[i];
}

std::vector<uint32_t> Function::programOrder() const {
  std::vector<uint32_t> out;
  out.reserve(ops.size());
  auto visit = [&](auto &self, const Region &region) -> void {
    for (uint32_t index : region.ops) {
      out.push_back(index);
      for (uint32_t inner : regionsOf(ops[index]))
        self(self, regions[inner]);
    }
  };
  visit(visit, regions[0]);
  return out;
}

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

void Function::makeConstant(uint32_t index, uint64_t bits) {
  for (Value v : operands(ops[index]))
    --values[v.id].uses;
  ops[index].opcode = Opcode::constant;
  ops[index].numOperands = 0;
  ops[index].immediate = bits;
}

void Function::markAccess(Value buffer, bool write) {
  int index = paramIndex(buffer);
  if (index < 0) // memory of the kernel's own
    return;
  Param &p = parameters[index];
  (write ? p.written : p.read) = true;
}

bool Function::writesParam(const Op &op) const {
  const Rule::Kind kind = info(op.opcode).rule.kind;
  if (kind == Rule::Kind::atomic)
    return op.opcode != Opcode::atomic_load && paramIndex(operands(op)[0]) >= 0;
  const bool isStore = kind == Rule::Kind::store || op.opcode == Opcode::simdgroup_store;
  return isStore && paramIndex(operands(op)[1]) >= 0;
}

//===-- Text
//------------------------------------------------------------------------------------------------===//

/// "[1, 2, 3, ... of 256]"
static std::string tableText(Elem elem, std::span<const uint64_t> bits) {
  constexpr size_t most = 8;
  std::string out = "[";
  for (size_t i = 0; i < std::min(bits.size(), most); ++i)
    out += (i ? ", " : "") + constantText(elem, bits[i]);
  return out + (bits.size() > most ? ", ... of " + std::to_string(bits.size()) : "") + "]";
}

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
  auto print = [&](auto &self, const Region &region, const std::string &indent) -> void {
    for (uint32_t index : region.ops) {
      const Op &op = ops[index];
      const OpInfo &i = info(op.opcode);
      std::string line = indent;
      for (int r = 0; r < op.numResults; ++r)
        line += (r ? ", " : "") + nameFor(result(op, r));
      if (op.numResults)
        line += " = ";
      line += i.name;
      if (i.rule.kind == Rule::Kind::constant)
        line += " " + constantText(values[op.firstResult].type.elem, op.immediate);
      if (i.hasAxis)
        line += std::string(" ") + "xyz"[op.immediate];
      if (i.rule.kind == Rule::Kind::alloc || i.rule.kind == Rule::Kind::barrier)
        line += " " + std::to_string(op.immediate);
      if (i.rule.kind == Rule::Kind::table)
        line += " " + tableText(values[op.firstResult].type.elem, tables[op.immediate]);
      if (i.modal && op.immediate)
        line += op.immediate == uint64_t(MathMode::fast) ? " fast" : " precise";
      bool first = true;
      for (Value v : operands(op)) {
        line += (first ? " " : ", ") + nameFor(v);
        first = false;
      }
      if (op.opcode == Opcode::function_constant) {
        const FunctionConstant &c = functionConstants[op.immediate];
        line += " " + std::to_string(c.index) + " \"" + c.name + "\"";
        if (c.hasDefault)
          line += " default " + constantText(c.elem, c.bits);
      }
      if (i.rule.kind == Rule::Kind::matrix && op.immediate)
        line += " transpose";
      if (i.rule.kind == Rule::Kind::component)
        line += "[" + std::to_string(op.immediate) + "]";
      if (i.rule.kind == Rule::Kind::swizzle) {
        line += '.';
        for (int c = 0; c < values[op.firstResult].type.lanes; ++c)
          line += "xyzw"[op.immediate >> (2 * c) & 3];
      }
      for (int r = 0; r < op.numResults; ++r)
        line += (r ? ", " : " : ") + values[op.firstResult + r].type.str();
      if (op.numRegions)
        line += " {";
      if (SourceLoc loc = locate(op.place)) {
        size_t slash = loc.file.find_last_of('/');
        line.resize(std::max<size_t>(line.size() + 2, 48), ' ');
        line += "# " + (slash == std::string::npos ? loc.file : loc.file.substr(slash + 1)) + ":" +
                std::to_string(loc.line);
      }
      out += line + "\n";
      for (int r = 0; r < op.numRegions; ++r) {
        const Region &inner = regions[regionsOf(op)[r]];
        if (r)
          out += indent + "} {\n";
        if (!inner.args.empty()) {
          out += indent + "^(";
          for (size_t a = 0; a < inner.args.size(); ++a)
            out += (a ? ", " : "") + nameFor(inner.args[a]) + ": " + values[inner.args[a].id].type.str();
          out += "):\n";
        }
        self(self, inner, indent + "  ");
      }
      if (op.numRegions)
        out += indent + "}\n";
    }
  };
  print(print, regions[0], "  ");
  return out + "}\n";
}

//===-- Hash
//------------------------------------------------------------------------------------------------===//

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
  auto define = [&](Value v) {
    number[v.id] = next++;
    h.word(f.type(v).key());
    if (withNames)
      h.text(f.nameOf(v));
  };
  auto visit = [&](auto &self, const Region &region) -> void {
    for (uint32_t index : region.ops) {
      const Op &op = f.op(index);
      h.word(uint64_t(op.opcode) | uint64_t(op.numOperands) << 16 | uint64_t(op.numResults) << 32 |
             uint64_t(op.numRegions) << 48);
      if (info(op.opcode).rule.kind == Rule::Kind::table) {
        h.word(f.table(op.immediate).size());
        for (uint64_t bits : f.table(op.immediate))
          h.word(bits);
      } else if (info(op.opcode).rule.kind == Rule::Kind::functionConstant) {
        const FunctionConstant &c = f.constants()[op.immediate];
        h.word(uint64_t(c.index) << 32 | uint64_t(c.elem) << 8 | uint64_t(c.hasDefault));
        h.word(c.bits);
        h.text(c.name);
      } else if (op.immediate)
        h.word(op.immediate ^ 0x5bd1e995u);
      for (Value v : f.operands(op))
        h.word(number[v.id]);
      for (uint32_t inner : f.regionsOf(op)) {
        h.word(f.region(inner).args.size() | uint64_t(f.region(inner).ops.size()) << 32);
        for (Value v : f.region(inner).args)
          define(v);
        self(self, f.region(inner));
      }
      for (int r = 0; r < op.numResults; ++r)
        define(f.result(op, r));
    }
  };
  visit(visit, f.region(0));
  return h.finish();
}

//===-- Verifier
//--------------------------------------------------------------------------------------------===//

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
  case Slot::V:
  case Slot::V3:
    return t == main && i.types.contains(t.elem) && t.lanes > 1 && (slot == Slot::V || t.lanes == 3);
  case Slot::S:
    return t == main.withLanes(1);
  case Slot::u32:
  case Slot::u16:
  case Slot::f32x2:
  case Slot::f32x4:
  case Slot::f16x2:
  case Slot::f16x4:
    return t == fixedType(slot);
  }
  return false;
}

// The shapes of the three region operations: for (lower, upper, step, initial values...) has one region of
// (position, values...); if (condition) has two regions of nothing; while (initial values...) has a region of
// (values...) that yields a condition and the values, and a region of (values...). Each region yields what
// the operation carries.
void verifyControl(const Function &f, const Op &op, auto fail) {
  auto types = [&](std::span<const Value> values) {
    std::vector<Type> out;
    for (Value v : values)
      out.push_back(f.type(v));
    return out;
  };
  auto yielded = [&](const Region &region) -> std::vector<Type> {
    if (region.ops.empty() || f.op(region.ops.back()).opcode != Opcode::yield)
      fail("a region does not end with yield");
    return types(f.operands(f.op(region.ops.back())));
  };
  if (op.opcode == Opcode::yield)
    return;
  std::vector<Type> results;
  for (int r = 0; r < op.numResults; ++r)
    results.push_back(f.type(f.result(op, r)));
  std::span<const Value> operands = f.operands(op);
  auto regions = f.regionsOf(op);
  size_t wanted = op.opcode == Opcode::for_ ? 1 : 2;
  if (regions.size() != wanted)
    fail("wrong number of regions");
  if (op.opcode == Opcode::if_) {
    if (operands.size() != 1 || f.type(operands[0]) != Type::value(Elem::b1))
      fail("the condition must be b1");
    for (uint32_t r : regions)
      if (!f.region(r).args.empty() || yielded(f.region(r)) != results)
        fail("an arm yields other types than the results");
    return;
  }
  bool isFor = op.opcode == Opcode::for_;
  if (isFor && (operands.size() < 3 || !f.type(operands[0]).isScalar() || !isInt(f.type(operands[0]).elem) ||
                f.type(operands[1]) != f.type(operands[0]) || f.type(operands[2]) != f.type(operands[0])))
    fail("bounds and step must be integers of one type");
  std::vector<Type> carried = types(isFor ? operands.subspan(3) : operands);
  if (carried != results)
    fail("the results have other types than the initial values");
  std::vector<Type> args = carried, conditionYield = carried;
  if (isFor)
    args.insert(args.begin(), f.type(operands[0]));
  conditionYield.insert(conditionYield.begin(), Type::value(Elem::b1));
  for (size_t k = 0; k < regions.size(); ++k) {
    const Region &region = f.region(regions[k]);
    bool isCondition = !isFor && k == 0;
    if (types(region.args) != args || yielded(region) != (isCondition ? conditionYield : carried))
      fail("a region carries other types than the operation");
  }
}

} // namespace

void verify(const Function &f) {
  auto fail = [&](const Op &op, std::string what) {
    throw Error(ErrorKind::Enigma,
                "malformed IR: " + std::string(info(op.opcode).name) + ": " + std::move(what),
                f.locate(op.place));
  };
  std::vector<uint8_t> defined(f.numValues(), false);
  for (size_t i = 0; i < f.params().size(); ++i)
    defined[f.paramValue(i).id] = true;
  bool effect = false;
  auto check = [&](const Op &op) {
    const OpInfo &i = info(op.opcode);
    for (Value v : f.operands(op))
      if (!v.id || v.id >= f.numValues() || !defined[v.id])
        fail(op, "uses a value that is not defined before it");
    effect |= f.writesParam(op);
    if (i.rule.kind == Rule::Kind::control)
      return verifyControl(f, op, [&](std::string what) { fail(op, std::move(what)); });
    if (i.rule.kind != Rule::Kind::slots)
      return;
    if (op.numOperands != i.rule.numOperands || op.numResults != i.rule.numResults)
      fail(op, "wrong number of operands or results");
    Type main;
    for (int k = 0; k < op.numOperands && !main.isValue(); ++k)
      if (Slot s = i.rule.operands[k]; s == Slot::T || s == Slot::V || s == Slot::V3)
        main = f.type(f.operands(op)[k]);
    for (int k = 0; k < op.numOperands; ++k)
      if (!slotAccepts(i.rule.operands[k], f.type(f.operands(op)[k]), i, main))
        fail(op, "operand " + std::to_string(k) + " has the type " + f.type(f.operands(op)[k]).str());
    for (int k = 0; k < op.numResults; ++k)
      if (!slotAccepts(i.rule.results[k], f.type(f.result(op, k)), i, main))
        fail(op, "result " + std::to_string(k) + " has the type " + f.type(f.result(op, k)).str());
  };
  auto visit = [&](auto &self, const Region &region) -> void {
    for (Value v : region.args)
      defined[v.id] = true;
    for (uint32_t index : region.ops) {
      const Op &op = f.op(index);
      check(op);
      for (uint32_t inner : f.regionsOf(op))
        self(self, f.region(inner));
      for (int r = 0; r < op.numResults; ++r)
        defined[op.firstResult + r] = true;
    }
    if (&region == &f.region(0))
      return;
    for (Value v : region.args) // what a region defines ends with it
      defined[v.id] = false;
    for (uint32_t index : region.ops)
      for (int r = 0; r < f.op(index).numResults; ++r)
        defined[f.op(index).firstResult + r] = false;
  };
  visit(visit, f.region(0));
  if (!effect)
    throw Error(ErrorKind::Trace, "kernel " + f.name() + " stores nothing, so running it has no effect",
                f.locate(f.place), {"assign to an element of a buffer parameter: Out[i] = value"});
}

} // namespace enigma::ir
