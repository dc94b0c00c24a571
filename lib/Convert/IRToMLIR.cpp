// SPDX-License-Identifier: MIT
//
// The conversion loop: operands by number, result types copied, the immediate as the attribute that the table
// says.
#include "enigma/Convert/IRToMLIR.h"

#include "enigma/Dialect/Enigma.h"
#include "enigma/IR/Opcode.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/MLIRContext.h"

using namespace mlir;

namespace enigma::convert {

Converter::Converter(MLIRContext &context) : ctx(context) {
  ctx.loadDialect<dialect::EnigmaDialect>();
  for (const ir::OpInfo &op : ir::allOps())
    names.emplace_back(("enigma." + std::string(op.name)), &ctx);
  for (int e = 0; e < ir::numElems; ++e) {
    auto elem = static_cast<ir::Elem>(e);
    switch (elem) {
    case ir::Elem::f16:
      scalars.push_back(Float16Type::get(&ctx));
      break;
    case ir::Elem::bf16:
      scalars.push_back(BFloat16Type::get(&ctx));
      break;
    case ir::Elem::f32:
      scalars.push_back(Float32Type::get(&ctx));
      break;
    default:
      scalars.push_back(IntegerType::get(
          &ctx, ir::bits(elem), ir::isUnsigned(elem) ? IntegerType::Unsigned : IntegerType::Signless));
    }
  }
  valueName = StringAttr::get(&ctx, "value");
  axisName = StringAttr::get(&ctx, "axis");
  modeName = StringAttr::get(&ctx, "mode");
  indexName = StringAttr::get(&ctx, "index");
  countName = StringAttr::get(&ctx, "count");
  flagsName = StringAttr::get(&ctx, "flags");
  valuesName = StringAttr::get(&ctx, "values");
  componentsName = StringAttr::get(&ctx, "components");
}

Type Converter::typeOf(ir::Type t) const {
  Type scalar = scalars[static_cast<int>(t.elem)];
  Type element = t.lanes > 1 ? Type(VectorType::get({t.lanes}, scalar)) : scalar;
  if (t.isBuffer())
    return dialect::BufferType::get(&ctx, element, static_cast<dialect::AddressSpace>(t.space));
  if (t.isSimdgroupMatrix())
    return dialect::SimdgroupMatrixType::get(&ctx, scalar);
  return element;
}

TypedAttr Converter::constantOf(ir::Type t, uint64_t bits) const {
  Type scalar = scalars[static_cast<int>(t.elem)];
  APInt raw(ir::bits(t.elem), bits);
  TypedAttr one;
  if (auto floating = dyn_cast<FloatType>(scalar))
    one = FloatAttr::get(scalar, APFloat(floating.getFloatSemantics(), raw));
  else
    one = IntegerAttr::get(scalar, raw);
  if (t.lanes == 1)
    return one;
  return DenseElementsAttr::get(VectorType::get({t.lanes}, scalar), Attribute(one));
}

/// Numbers in one dimension, vectors in two.
ElementsAttr Converter::tableOf(ir::Type element, std::span<const uint64_t> bits) const {
  Type scalar = scalars[static_cast<int>(element.elem)];
  SmallVector<Attribute> elements;
  for (uint64_t word : bits)
    elements.push_back(constantOf(ir::Type::value(element.elem), word));
  SmallVector<int64_t, 2> shape{static_cast<int64_t>(bits.size()) / element.lanes};
  if (element.lanes > 1)
    shape.push_back(element.lanes);
  return DenseElementsAttr::get(RankedTensorType::get(shape, scalar), elements);
}

OwningOpRef<ModuleOp> Converter::operator()(const ir::Function &f, Locations locations) const {
  auto siteFile = StringAttr::get(&ctx, "ir");
  auto placed = [&](ir::Place place, uint32_t site) -> Location {
    if (locations == Locations::sites)
      return FileLineColLoc::get(siteFile, site, 0);
    SourceLoc loc = f.locate(place);
    if (!loc)
      return UnknownLoc::get(&ctx);
    return FileLineColLoc::get(&ctx, loc.file, loc.line, loc.col + 1);
  };
  Location top = placed(f.place, ~0u);
  OwningOpRef<ModuleOp> module = ModuleOp::create(top);
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());

  SmallVector<Type> argTypes;
  SmallVector<StringRef> argNames;
  SmallVector<int32_t> written;
  for (auto [i, param] : llvm::enumerate(f.params())) {
    argTypes.push_back(typeOf(param.type));
    argNames.push_back(param.name);
    if (param.written)
      written.push_back(i);
  }
  auto kernel = dialect::KernelOp::create(builder, top, f.kernelName(), argTypes, argNames, written);

  std::vector<Value> values(f.numValues());
  for (size_t i = 0; i < f.params().size(); ++i)
    values[f.paramValue(i).id] = kernel.block().getArgument(i);

  uint32_t site = 0;
  auto fill = [&](auto &self, const ir::Region &region, Block &block) -> void {
    builder.setInsertionPointToEnd(&block);
    for (uint32_t index : region.ops) {
      const ir::Op &op = f.op(index);
      const ir::OpInfo &info = ir::info(op.opcode);
      Location loc = placed(op.place, site++);
      auto named = [&](ir::Value v) -> Location {
        std::string_view name = f.nameOf(v);
        return name.empty() ? loc : Location(NameLoc::get(StringAttr::get(&ctx, StringRef(name)), loc));
      };
      OperationState state(op.numResults ? named(f.result(op)) : loc, names[static_cast<size_t>(op.opcode)]);
      for (ir::Value v : f.operands(op))
        state.operands.push_back(values[v.id]);
      for (int r = 0; r < op.numResults; ++r)
        state.types.push_back(typeOf(f.type(f.result(op, r))));
      if (info.rule.kind == ir::Rule::Kind::constant)
        state.attributes.append(valueName, constantOf(f.type(f.result(op)), op.immediate));
      else if (op.opcode == ir::Opcode::function_constant) {
        const ir::FunctionConstant &constant = f.constants()[op.immediate];
        state.attributes.append(indexName, builder.getI32IntegerAttr(constant.index));
        state.attributes.append(StringAttr::get(&ctx, "name"), builder.getStringAttr(constant.name));
        if (constant.hasDefault)
          state.attributes.append(StringAttr::get(&ctx, "fallback"),
                                  constantOf(f.type(f.result(op)), constant.bits));
      } else if (info.hasAxis)
        state.attributes.append(axisName,
                                dialect::AxisAttr::get(&ctx, static_cast<dialect::Axis>(op.immediate)));
      else if (info.modal && op.immediate)
        state.attributes.append(
            modeName, dialect::MathModeAttr::get(&ctx, static_cast<dialect::MathMode>(op.immediate)));
      else if (info.rule.kind == ir::Rule::Kind::alloc)
        state.attributes.append(countName, builder.getI64IntegerAttr(op.immediate));
      else if (info.rule.kind == ir::Rule::Kind::barrier)
        state.attributes.append(flagsName, builder.getI32IntegerAttr(op.immediate));
      else if (info.rule.kind == ir::Rule::Kind::table)
        state.attributes.append(valuesName, tableOf(f.type(f.result(op)).element(), f.table(op.immediate)));
      else if (info.rule.kind == ir::Rule::Kind::matrix && op.immediate)
        state.attributes.append(StringAttr::get(&ctx, "transpose"), builder.getUnitAttr());
      else if (info.rule.kind == ir::Rule::Kind::component)
        state.attributes.append(indexName, builder.getI32IntegerAttr(op.immediate));
      else if (info.rule.kind == ir::Rule::Kind::swizzle) {
        SmallVector<int32_t, 4> components;
        for (int c = 0; c < f.type(f.result(op)).lanes; ++c)
          components.push_back(op.immediate >> (2 * c) & 3);
        state.attributes.append(componentsName, builder.getDenseI32ArrayAttr(components));
      }
      // Results of regions are named by the arguments that carry them; those of an if by themselves.
      if (op.numRegions && op.numResults) {
        SmallVector<Attribute> resultNames;
        for (int r = 0; r < op.numResults; ++r)
          resultNames.push_back(StringAttr::get(&ctx, StringRef(f.nameOf(f.result(op, r)))));
        state.attributes.append(StringAttr::get(&ctx, dialect::resultNamesAttr),
                                ArrayAttr::get(&ctx, resultNames));
        state.location = loc;
      }
      for (int r = 0; r < op.numRegions; ++r)
        state.addRegion();
      Operation *made = builder.create(state);
      for (int r = 0; r < op.numRegions; ++r) {
        const ir::Region &inner = f.region(f.regionsOf(op)[r]);
        Block &body = made->getRegion(r).emplaceBlock();
        for (ir::Value v : inner.args)
          values[v.id] = body.addArgument(typeOf(f.type(v)), named(v));
        self(self, inner, body);
      }
      builder.setInsertionPointToEnd(&block);
      for (int r = 0; r < op.numResults; ++r)
        values[f.result(op, r).id] = made->getResult(r);
    }
  };
  fill(fill, f.region(0), kernel.block());
  return module;
}

} // namespace enigma::convert
