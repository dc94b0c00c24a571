// SPDX-License-Identifier: MIT
//
// Memory that a kernel brings itself, and barriers. The limits are Metal's: 32 KB of threadgroup memory for
// all arrays together, which holds for every GPU family that has Metal 3.
#include "enigma/IR/Builder.h"

#include <algorithm>

namespace enigma::ir {
namespace {

/// Elements of an array of the kernel's own; nothing for a parameter.
std::optional<uint64_t> countOf(const Function &f, Value buffer) {
  const Op *op = f.definition(buffer);
  if (!op)
    return std::nullopt;
  return info(op->opcode).rule.kind == Rule::Kind::table
             ? f.table(op->immediate).size() / f.type(buffer).lanes
             : op->immediate;
}

std::string inBytes(uint64_t bytes) {
  return bytes % 1024 == 0 && bytes ? std::to_string(bytes / 1024) + " KB" : std::to_string(bytes) + " bytes";
}

/// A vector as users call it; one of 3 takes the memory of 4.
std::string described(Type element, uint64_t count) {
  return std::to_string(count) + " elements of " + pythonName(element) + " are " +
         inBytes(count * uint64_t(element.bytes()));
}

} // namespace

uint64_t threadgroupBytes(const Function &f) {
  uint64_t end = 0;
  for (uint32_t i = 0; i < f.numOps(); ++i) {
    const Op &op = f.op(i);
    if (op.opcode != Opcode::threadgroup_alloc)
      continue;
    const auto size = uint64_t(f.type(f.result(op)).bytes());
    end = (end + size - 1) / size * size + op.immediate * size;
  }
  return end;
}

Value Builder::threadgroupAlloc(uint64_t count, Type element) {
  if (count == 0)
    fail("threadgroup_alloc: needs at least one element");
  const uint64_t before = threadgroupBytes(fn), size = uint64_t(element.bytes());
  const uint64_t start = (before + size - 1) / size * size;
  if (count > maxThreadgroupBytes || start + count * size > maxThreadgroupBytes) {
    std::string sum = count > maxThreadgroupBytes ? std::to_string(count) + " elements of " +
                                                        pythonName(element) + " are more than that"
                                                  : described(element, count);
    if (before && count <= maxThreadgroupBytes)
      sum += ", with the " + inBytes(before) + " allocated before " + inBytes(start + count * size);
    std::vector<std::string> notes{"a threadgroup has 32 KB (32768 bytes) of threadgroup memory"};
    for (uint32_t i = 0; i < fn.numOps(); ++i)
      if (const Op &op = fn.op(i); op.opcode == Opcode::threadgroup_alloc)
        if (SourceLoc loc = fn.locate(op.place))
          notes.push_back(inBytes(op.immediate * uint64_t(fn.type(fn.result(op)).bytes())) +
                          " allocated at " + loc.file + ":" + std::to_string(loc.line));
    notes.push_back("use a smaller tile, or keep what one thread needs in a register_tensor");
    fail("threadgroup_alloc: does not fit: " + sum, std::move(notes));
  }
  return append(Opcode::threadgroup_alloc, {}, Type::buffer(element, Space::threadgroup), count);
}

Value Builder::registerAlloc(uint64_t count, Type element, Operand fill) {
  constexpr uint64_t most = 4096; // bytes; a GPU thread has some 1 KB of registers, and spills the rest
  if (count == 0)
    fail("register_tensor: needs at least one element");
  if (count > most || count * uint64_t(element.bytes()) > most)
    fail("register_tensor: does not fit: " + described(element, count) + ", a thread can have 4 KB",
         {"registers are what one thread keeps for itself; share larger arrays with threadgroup_alloc"});
  if (!fill.isLiteral() && fn.type(fill.value) != element && fn.type(fill.value) != element.withLanes(1))
    fail("register_tensor: the fill must be " + pythonName(element) + " like the elements, got " +
             fn.type(fill.value).str(),
         {"convert it: enigma." + pythonName(element) + "(x)"});
  if (fill.isLiteral() && element.elem == Elem::b1 && fill.literal.kind == Literal::Kind::integer &&
      fill.literal.magnitude <= 1)
    fill = Literal(fill.literal.magnitude == 1);
  Value f = splat(materialise("register_tensor", fill, element.elem), element.lanes);
  return append(Opcode::register_alloc, {f}, Type::buffer(element, Space::thread), count);
}

Value Builder::constantArray(std::vector<uint64_t> bits, Type element) {
  constexpr uint64_t most = 65536; // bytes; it is part of the program's text
  if (bits.empty())
    fail("constant_array: needs at least one element");
  const uint64_t count = bits.size() / element.lanes;
  if (count > most || count * uint64_t(element.bytes()) > most)
    fail("constant_array: " + described(element, count) + ", at most 64 KB can be part of a program",
         {"pass a large array as a buffer parameter"});
  return append(Opcode::constant_array, {}, Type::buffer(element, Space::constant),
                fn.addTable(std::move(bits)));
}

void Builder::barrier(Opcode op, MemFlags flags) {
  append(op, std::initializer_list<Value>{}, Type{}, static_cast<uint64_t>(flags));
}

void Builder::checkConstantIndex(std::string_view what, Value buffer, const Operand &index) {
  if (!index.isLiteral() || index.literal.kind != Literal::Kind::integer)
    return;
  auto count = countOf(fn, buffer);
  if (!count || (!index.literal.negative && index.literal.magnitude < *count))
    return;
  std::string array(fn.nameOf(buffer));
  fail(std::string(what) + ": index " + index.literal.str() +
       " is out of bounds: " + (array.empty() ? "the array" : array) + " has " + std::to_string(*count) +
       (*count == 1 ? " element" : " elements"));
}

void Builder::checkWritable(std::string_view what, Value buffer) {
  if (fn.type(buffer).space == Space::constant)
    fail(std::string(what) + ": a constant array cannot be written",
         {"use a register_tensor, or threadgroup_alloc to share it"});
}

} // namespace enigma::ir
