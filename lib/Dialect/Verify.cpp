// SPDX-License-Identifier: MIT
//
// The kernel's textual form, and the rules that traits cannot say.
//
//     enigma.kernel @scale(%A: !enigma.buffer<f32, device>, %s: f32) writes [0] { ... }
#include "enigma/Dialect/Enigma.h"

#include "mlir/IR/Builders.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace enigma::dialect {

//===-- Kernel
//----------------------------------------------------------------------------------------------===//

void KernelOp::build(OpBuilder &builder, OperationState &state, StringRef name, TypeRange argTypes,
                     ArrayRef<StringRef> argNames, ArrayRef<int32_t> written) {
  auto &properties = state.getOrAddProperties<Properties>();
  properties.sym_name = builder.getStringAttr(name);
  properties.arg_names = builder.getStrArrayAttr(argNames);
  properties.written = builder.getDenseI32ArrayAttr(written);
  auto *block = new Block();
  state.addRegion()->push_back(block);
  for (Type t : argTypes)
    block->addArgument(t, state.location);
}

void KernelOp::getAsmBlockArgumentNames(Region &region, OpAsmSetValueNameFn setName) {
  for (auto [arg, name] : llvm::zip(region.getArguments(), getArgNames()))
    setName(arg, cast<StringAttr>(name).getValue());
}

// A name that an SSA value can carry, so that the argument list says it all.
static bool isPlain(StringRef name) {
  return !name.empty() && !llvm::isDigit(name.front()) &&
         llvm::all_of(name, [](char c) { return llvm::isAlnum(c) || c == '_'; });
}

void KernelOp::print(OpAsmPrinter &p) {
  p << ' ';
  p.printSymbolName(getSymName());
  p << '(';
  llvm::interleaveComma(block().getArguments(), p, [&](BlockArgument arg) { p.printRegionArgument(arg); });
  p << ") writes [";
  llvm::interleaveComma(getWritten(), p);
  p << ']';
  SmallVector<StringRef> elided{"sym_name", "written"};
  if (llvm::all_of(getArgNames(), [](Attribute a) { return isPlain(cast<StringAttr>(a).getValue()); }))
    elided.push_back("arg_names");
  if (getVecWidth() == 1)
    elided.push_back("vec_width");
  p.printOptionalAttrDictWithKeyword((*this)->getAttrs(), elided);
  p << ' ';
  p.printRegion(getBody(), /*printEntryBlockArgs=*/false, /*printBlockTerminators=*/false);
}

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &state) {
  StringAttr name;
  SmallVector<OpAsmParser::Argument> args;
  SmallVector<int32_t> written;
  auto parseWritten = [&]() { return parser.parseInteger(written.emplace_back()); };
  if (parser.parseSymbolName(name, "sym_name", state.attributes) ||
      parser.parseArgumentList(args, OpAsmParser::Delimiter::Paren, /*allowType=*/true) ||
      parser.parseKeyword("writes") ||
      parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Square, parseWritten) ||
      parser.parseOptionalAttrDictWithKeyword(state.attributes))
    return failure();
  Builder &builder = parser.getBuilder();
  state.addAttribute("written", builder.getDenseI32ArrayAttr(written));
  if (!state.attributes.get("arg_names")) {
    SmallVector<StringRef> names;
    for (auto &arg : args)
      names.push_back(arg.ssaName.name.drop_front());
    state.addAttribute("arg_names", builder.getStrArrayAttr(names));
  }
  Region *body = state.addRegion();
  if (parser.parseRegion(*body, args))
    return failure();
  if (body->empty()) {
    Block &block = body->emplaceBlock();
    for (auto &arg : args)
      block.addArgument(arg.type, state.location);
  }
  return success();
}

LogicalResult KernelOp::verify() {
  if (getArgNames().size() != block().getNumArguments())
    return emitOpError() << "has " << block().getNumArguments() << " parameters and " << getArgNames().size()
                         << " names";
  for (BlockArgument arg : block().getArguments())
    if (!isa<BufferType>(arg.getType()) && !isScalar(arg.getType()) && !isVector(arg.getType()))
      return emitOpError() << "parameter " << arg.getArgNumber()
                           << " must be a buffer, a scalar or a vector, got " << arg.getType();
  for (int32_t index : getWritten())
    if (index < 0 || index >= static_cast<int32_t>(block().getNumArguments()) ||
        !isa<BufferType>(block().getArgument(index).getType()))
      return emitOpError() << "writes parameter " << index << ", which is no buffer";
  int32_t width = getVecWidth();
  if (width < 1 || width > 4 || width == 3)
    return emitOpError() << "vec_width must be 1, 2 or 4, got " << width;
  return success();
}

//===-- Conversion and vectors
//------------------------------------------------------------------------------===//

LogicalResult CastOp::verify() {
  if (lanesOf(getX().getType()) != lanesOf(getType()))
    return emitOpError() << "cannot change the number of components";
  return success();
}

LogicalResult AsTypeOp::verify() {
  auto bits = [](Type t) { return lanesOf(t) * widthOf(t); };
  // 3 components take as many bytes as 4, but Metal converts only between equal numbers of bits of value.
  if (bits(getX().getType()) != bits(getType()))
    return emitOpError() << "needs types of equal width";
  return success();
}

LogicalResult SelectOp::verify() {
  int64_t lanes = lanesOf(getCondition().getType());
  if (lanes != 1 && lanes != lanesOf(getType()))
    return emitOpError() << "condition has " << lanes << " components, the values have "
                         << lanesOf(getType());
  return success();
}

LogicalResult MakeVectorOp::verify() {
  auto type = cast<VectorType>(getType());
  if (static_cast<int64_t>(getComponents().size()) != type.getNumElements() ||
      llvm::any_of(getComponents(), [&](Value v) { return v.getType() != type.getElementType(); }))
    return emitOpError() << "needs " << type.getNumElements() << " components of type "
                         << type.getElementType();
  return success();
}

LogicalResult SplatOp::verify() {
  if (scalarOf(getType()) != getX().getType())
    return emitOpError() << "result must be a vector of " << getX().getType();
  return success();
}

LogicalResult ExtractOp::verify() {
  if (scalarOf(getX().getType()) != getType())
    return emitOpError() << "result must be " << scalarOf(getX().getType());
  if (getIndex() >= lanesOf(getX().getType()))
    return emitOpError() << "component " << getIndex() << " of " << lanesOf(getX().getType());
  return success();
}

//===-- Memory
//----------------------------------------------------------------------------------------------===//

static LogicalResult verifyAlloc(Operation *op, AddressSpace space, int64_t count) {
  if (cast<BufferType>(op->getResult(0).getType()).getSpace() != space)
    return op->emitOpError() << "makes a buffer in the address space " << stringifyAddressSpace(space);
  if (count < 1)
    return op->emitOpError() << "needs at least one element";
  return success();
}
LogicalResult ThreadgroupAllocOp::verify() {
  return verifyAlloc(*this, AddressSpace::threadgroup, static_cast<int64_t>(getCount()));
}
LogicalResult RegisterAllocOp::verify() {
  if (getFill().getType() != getType().getElementType())
    return emitOpError() << "fills with " << getFill().getType() << ", the buffer holds "
                         << getType().getElementType();
  return verifyAlloc(*this, AddressSpace::thread, static_cast<int64_t>(getCount()));
}
LogicalResult ConstantArrayOp::verify() {
  const Type element = getType().getElementType();
  if (getValues().getElementType() != scalarOf(element))
    return emitOpError() << "has elements of " << getValues().getElementType() << ", the buffer holds "
                         << element;
  const ShapedType shape = getValues().getShapedType();
  const bool isRows = isVector(element);
  if (shape.getRank() != (isRows ? 2 : 1) || (isRows && shape.getDimSize(1) != lanesOf(element)))
    return emitOpError() << "needs " << (isRows ? "a row for each vector" : "one dimension") << ", got "
                         << shape;
  return verifyAlloc(*this, AddressSpace::constant, shape.getDimSize(0));
}

static LogicalResult verifyAccess(Operation *op, Type buffer, Type value) {
  Type element = cast<BufferType>(buffer).getElementType();
  bool isWhole = value == element;
  if (!isWhole && scalarOf(value) != element)
    return op->emitOpError() << "moves " << value << ", the buffer holds " << element;
  if (!isWhole && lanesOf(value) == 3)
    return op->emitOpError() << "cannot move 3 components at once: they are aligned as 4";
  if (op->getNumResults() == 0 && cast<BufferType>(buffer).getSpace() == AddressSpace::constant)
    return op->emitOpError() << "writes constant memory";
  return success();
}
LogicalResult LoadOp::verify() { return verifyAccess(*this, getBuffer().getType(), getType()); }
LogicalResult LoadIfOp::verify() { return verifyAccess(*this, getBuffer().getType(), getType()); }
LogicalResult StoreOp::verify() { return verifyAccess(*this, getBuffer().getType(), getValue().getType()); }
LogicalResult StoreIfOp::verify() { return verifyAccess(*this, getBuffer().getType(), getValue().getType()); }

} // namespace enigma::dialect
