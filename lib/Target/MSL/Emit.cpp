// SPDX-License-Identifier: MIT
//
// The function's text: signature, then one statement for each value that has a name, is used more than once,
// or must not move, and everything else inside the expression that uses it.
#include "enigma/Target/MSL/Emit.h"

#include "Control.h"
#include "enigma/Support/Error.h"
#include "enigma/Target/MSL/Prelude.h"

#include "mlir/IR/Matchers.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

#include <algorithm>

using namespace mlir;

namespace enigma::msl {
namespace {

using namespace dialect;

// How a query reaches the kernel: as a parameter with the attribute of the operation's name.
struct QueryParam {
  std::string name;
  bool vector = false;
};

llvm::StringRef shortName(OpKind kind) {
  switch (kind) {
  case OpKind::thread_position_in_grid:
    return "gid";
  case OpKind::thread_position_in_threadgroup:
    return "lid";
  case OpKind::threadgroup_position_in_grid:
    return "group";
  case OpKind::threads_per_grid:
    return "grid_size";
  case OpKind::threads_per_threadgroup:
    return "group_size";
  case OpKind::dispatch_threads_per_threadgroup:
    return "full_group_size";
  case OpKind::threadgroups_per_grid:
    return "groups";
  case OpKind::thread_index_in_threadgroup:
    return "thread_index";
  case OpKind::thread_index_in_simdgroup:
    return "lane";
  case OpKind::simdgroup_index_in_threadgroup:
    return "simdgroup";
  case OpKind::simdgroups_per_threadgroup:
    return "simdgroups";
  case OpKind::threads_per_simdgroup:
    return "simd_width";
  default:
    return "";
  }
}

class Emitter : ControlWriter {
public:
  explicit Emitter(KernelOp kernel) : kernel(kernel) {}

  MslText run(const MslOptions &options) {
    names.claim(kernel.getSymName());
    for (auto [arg, name] : llvm::zip(kernel.block().getArguments(), kernel.getArgNames()))
      expressions[arg] = {names.claim(cast<StringAttr>(name).getValue()), 16};
    collectQueries();
    declareArrays();
    declareConstants();
    emitBody(kernel.block());
    return assemble(options);
  }

private:
  //===-- Signature
  //-----------------------------------------------------------------------------------------===//

  // `op` is where that is needed, null for the signature; `what` is what needs it, where that is not the
  // operation.
  void need(int mslVersion, Operation *op, llvm::StringRef what = "") {
    if (mslVersion <= version)
      return;
    version = mslVersion;
    newest = op;
    newestName = what.empty() ? op->getName().stripDialect() : what;
  }

  void collectQueries() {
    // Metal wants the positions of one kernel all as scalars or all as vectors (specification 5.2.3.6).
    bool vector = false;
    kernel.walk([&](Operation *op) {
      if (auto axis = op->getAttrOfType<AxisAttr>("axis"))
        vector |= axis.getValue() != Axis::x;
    });
    kernel.walk<WalkOrder::PreOrder>([&](Operation *op) {
      llvm::StringRef mnemonic = op->getName().stripDialect();
      if (!isQuery(op) || queries.contains(mnemonic))
        return;
      bool isVector = op->hasAttr("axis") && vector;
      llvm::StringRef user = isVector ? llvm::StringRef() : nameOf(op->getLoc());
      queries[mnemonic] = {names.claim(user.empty() ? shortName(kindOf(op)) : user), isVector};
    });
  }

  static bool isQuery(Operation *op) {
    return op->getNumOperands() == 0 && op->getNumResults() == 1 && op->getNumRegions() == 0 &&
           kindOf(op) != OpKind::constant && !isConvergent(kindOf(op)) &&
           !isa<FunctionConstantOp, FunctionConstantDefinedOp>(op) &&
           !isa<BufferType>(op->getResult(0).getType());
  }

  //===-- Memory of the kernel's own
  //------------------------------------------------------------------------===//

  // Threadgroup memory is declared at the top of the function (specification 4.4), constant arrays before it
  // (4.2).
  void declareArrays() {
    kernel.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (auto shared = dyn_cast<ThreadgroupAllocOp>(op)) {
        std::string name = array(shared.getResult(), "shared");
        statement(alignment(shared.getResult()) + "threadgroup " +
                  typeName(shared.getType().getElementType()) + " " + name + "[" +
                  std::to_string(shared.getCount()) + "];");
      } else if (auto table = dyn_cast<ConstantArrayOp>(op)) {
        std::string name = array(table.getResult(), "table");
        constants += alignment(table.getResult()) + "constant " + typeName(table.getType().getElementType()) +
                     " " + name + "[" + std::to_string(table.getValues().getShapedType().getDimSize(0)) +
                     "] = {" + elements(table.getValues(), table.getType().getElementType()) + "};\n";
      }
    });
    if (!constants.empty())
      constants += "\n";
  }

  // Vectors in an array of scalars need an alignment that its elements do not ask for.
  static std::string alignment(Value array) {
    unsigned bytes = vectorAlignment(array);
    return bytes ? "alignas(" + std::to_string(bytes) + ") " : "";
  }

  std::string array(Value v, llvm::StringRef otherwise) {
    llvm::StringRef user = nameOf(v.getLoc());
    std::string name = names.claim(user.empty() ? otherwise : user);
    expressions[v] = {name, 16};
    needElement(cast<BufferType>(v.getType()).getElementType());
    return name;
  }

  void needElement(Type element) {
    if (scalarOf(element).isBF16())
      need(31, nullptr, "bf16");
  }

  std::string elements(ElementsAttr values, Type type) {
    const auto lanes = static_cast<size_t>(lanesOf(type));
    const size_t perLine = lanes == 1 ? 12 : 4;
    std::string out;
    for (auto [n, number] : llvm::enumerate(values.getValues<Attribute>())) {
      const size_t i = n / lanes, component = n % lanes;
      if (component)
        out += ", ";
      else
        out += i                                                         ? (i % perLine ? ", " : ",\n    ")
               : values.getShapedType().getDimSize(0) > int64_t(perLine) ? "\n    "
                                                                         : "";
      if (lanes > 1 && component == 0)
        out += typeName(type) + "(";
      out += literal(cast<TypedAttr>(number)).text;
      if (lanes > 1 && component == lanes - 1)
        out += ")";
    }
    return out;
  }

  // A register array starts as its fill each time that its place is reached.
  void registerArray(RegisterAllocOp op) {
    std::string fill = use(op.getFill()).text;
    std::string name = array(op.getResult(), "registers");
    const uint64_t count = op.getCount();
    std::string declared = alignment(op.getResult()) + typeName(op.getType().getElementType()) + " " + name +
                           "[" + std::to_string(count) + "]";
    constexpr uint64_t mostListed = 16;
    Attribute constant;
    if (matchPattern(op.getFill(), m_Constant(&constant)) && isZero(constant))
      return statement(declared + " = {};");
    if (count <= mostListed && fill.size() <= 16) {
      std::string list = fill;
      for (uint64_t i = 1; i < count; ++i)
        list += ", " + fill;
      return statement(declared + " = {" + list + "};");
    }
    std::string i = names.claim("i");
    statement(declared + ";");
    statement("for (uint " + i + " = 0; " + i + " < " + std::to_string(count) + "; ++" + i + ") {");
    statement("    " + name + "[" + i + "] = " + fill + ";");
    statement("}");
  }

  static bool isZero(Attribute value) {
    if (auto splat = dyn_cast<SplatElementsAttr>(value))
      return isZero(splat.getSplatValue<Attribute>());
    if (auto number = dyn_cast<FloatAttr>(value))
      return number.getValue().isPosZero();
    auto integer = dyn_cast<IntegerAttr>(value);
    return integer && integer.getValue().isZero();
  }

  void barrier(llvm::StringRef function, uint32_t flags) {
    settleReads();
    constexpr uint32_t device = 1, threadgroup = 2, automatic = 8;
    if (flags & automatic)
      flags = threadgroup | (rereadsParameter() ? device : 0);
    std::string text;
    for (auto [bit, name] : {std::pair(device, "mem_device"), std::pair(threadgroup, "mem_threadgroup")})
      if (flags & bit)
        text += (text.empty() ? "mem_flags::" : " | mem_flags::") + std::string(name);
    statement(function.str() + "(" + (text.empty() ? "mem_flags::mem_none" : text) + ");");
  }

  bool rereadsParameter() {
    return llvm::any_of(kernel.block().getArguments(), [&](BlockArgument arg) {
      return isa<BufferType>(arg.getType()) && kernel.isWritten(arg.getArgNumber()) &&
             llvm::any_of(arg.getUsers(), [](Operation *user) { return user->getNumResults() != 0; });
    });
  }

  // Function constants are declared in front of the kernel (specification 5.8); one with a default under a
  // second name, which is what the kernel reads.
  void declareConstants() {
    kernel.walk<WalkOrder::PreOrder>([&](FunctionConstantOp op) {
      if (constantNames.contains(op.getName()))
        return;
      std::string name = names.claim(op.getName()), type = typeName(op.getType());
      std::string given = name;
      if (op.getFallback())
        given = names.claim(name + "_given");
      programScope += "constant " + type + " " + given + " [[function_constant(" +
                      std::to_string(op.getIndex()) + ")]];\n";
      if (op.getFallback())
        programScope += "constant " + type + " " + name + " = is_function_constant_defined(" + given +
                        ") ? " + given + " : " + literal(cast<TypedAttr>(*op.getFallback())).text + ";\n";
      openConstants.push_back(uint32_t(op.getIndex()));
      constantNames[op.getName()] = name;
      givenNames[op.getName()] = given;
    });
    if (!programScope.empty())
      programScope += "\n";
  }

  MslText assemble(const MslOptions &options) {
    for (BlockArgument arg : kernel.block().getArguments()) {
      Type t = arg.getType();
      if (auto buffer = dyn_cast<BufferType>(t))
        t = buffer.getElementType();
      if (t.isBF16())
        need(31, nullptr, "bf16");
    }
    if (options.version && version > options.version) {
      auto shown = [](int v) { return std::to_string(v / 10) + "." + std::to_string(v % 10); };
      uint32_t site = newest ? siteOf(newest->getLoc()) : ~0u;
      throw Error(ErrorKind::Unsupported,
                  newestName.str() + " needs MSL " + shown(version) + ", the target is MSL " +
                      shown(options.version),
                  options.locate ? options.locate(site) : SourceLoc{},
                  {"raise msl_version, or leave it out to get what the kernel needs"});
    }
    std::vector<std::string_view> used(prelude.begin(), prelude.end());
    std::string out = "// MSL " + std::to_string(version / 10) + "." + std::to_string(version % 10) + "\n";
    out += "#include <metal_stdlib>\nusing namespace metal;\n\n#pragma METAL fp contract(off)\n\n";
    out += preludeFor(used);
    out += constants;
    out += programScope;
    out += "kernel void " + kernel.getSymName().str() + "(\n";
    std::vector<std::string> params;
    for (BlockArgument arg : kernel.block().getArguments()) {
      unsigned i = arg.getArgNumber();
      std::string binding = " " + expressions[arg].text + " [[buffer(" + std::to_string(i) + ")]]";
      if (auto buffer = dyn_cast<BufferType>(arg.getType()))
        params.push_back((kernel.isWritten(i) ? "device " : "const device ") +
                         typeName(buffer.getElementType()) + "*" + binding);
      else
        params.push_back("constant " + typeName(arg.getType()) + "&" + binding);
    }
    for (auto &[mnemonic, query] : queries)
      params.push_back((query.vector ? "uint3 " : "uint ") + query.name + " [[" + mnemonic.str() + "]]");
    for (size_t i = 0; i < params.size(); ++i)
      out += "    " + params[i] + (i + 1 < params.size() ? ",\n" : ")\n");
    return {out + "{\n" + body + "}\n", version, openConstants};
  }

  //===-- Operations
  //----------------------------------------------------------------------------------------===//

  void emit(Operation &op) override {
    OpKind kind = kindOf(&op);
    need(mslVersionOf(kind), &op);
    for (Type t : op.getResultTypes())
      if (auto matrix = dyn_cast<SimdgroupMatrixType>(t);
          (matrix ? matrix.getElementType() : scalarOf(t)).isBF16())
        need(31, &op, "bf16");
    consumedRead = false;
    keepLanesTogether(op);
    consumedLanes = isConvergent(kind);
    if (kind == OpKind::constant) {
      expressions[op.getResult(0)] = literal(cast<ConstantOp>(op).getValue());
      return;
    }
    if (isQuery(&op))
      return query(op);
    if (auto constant = dyn_cast<FunctionConstantOp>(op)) {
      expressions[constant] = {constantNames[constant.getName()], 16};
      return;
    }
    if (auto defined = dyn_cast<FunctionConstantDefinedOp>(op))
      return define(defined,
                    {"is_function_constant_defined(" +
                         givenNames[defined.getConstant().getDefiningOp<FunctionConstantOp>().getName()] +
                         ")",
                     16},
                    false);
    switch (kind) {
    case OpKind::for_:
      return loop(cast<ForOp>(op));
    case OpKind::if_:
      return branch(cast<IfOp>(op));
    case OpKind::while_:
      return repeat(cast<WhileOp>(op));
    case OpKind::threadgroup_alloc:
    case OpKind::constant_array:
      return; // declared already
    case OpKind::register_alloc:
      return registerArray(cast<RegisterAllocOp>(op));
    case OpKind::threadgroup_barrier:
      return barrier("threadgroup_barrier", cast<ThreadgroupBarrierOp>(op).getFlags());
    case OpKind::simdgroup_barrier:
      return barrier("simdgroup_barrier", cast<SimdgroupBarrierOp>(op).getFlags());
    case OpKind::load:
      return define(op.getResult(0), element(op.getOperand(0), op.getOperand(1), op.getResult(0).getType()),
                    true);
    case OpKind::load_if: {
      auto load = cast<LoadIfOp>(op);
      std::string mask = wrapped(use(load.getMask()), 8), fallback = wrapped(use(load.getFallback()), 8);
      Expression e = element(load.getBuffer(), load.getIndex(), load.getType());
      return define(op.getResult(0), {mask + " ? " + e.text + " : " + fallback, 2}, true);
    }
    case OpKind::store: {
      auto store = cast<StoreOp>(op);
      Expression place = element(store.getBuffer(), store.getIndex(), store.getValue().getType());
      std::string value = use(store.getValue()).text;
      settleReads();
      return statement(place.text + " = " + value + ";");
    }
    case OpKind::store_if: {
      auto store = cast<StoreIfOp>(op);
      std::string mask = use(store.getMask()).text;
      Expression place = element(store.getBuffer(), store.getIndex(), store.getValue().getType());
      std::string value = use(store.getValue()).text;
      settleReads();
      statement("if (" + mask + ") {");
      statement("    " + place.text + " = " + value + ";");
      return statement("}");
    }
    case OpKind::cast: {
      Expression e = converted(op.getOperand(0), op.getResult(0).getType());
      return define(op.getResult(0), std::move(e), consumedRead);
    }
    case OpKind::splat: {
      std::string text = typeName(op.getResult(0).getType()) + "(" + use(op.getOperand(0)).text + ")";
      return define(op.getResult(0), {text, 16}, consumedRead);
    }
    case OpKind::make_vector:
      return define(op.getResult(0), madeVector(cast<MakeVectorOp>(op)), consumedRead);
    case OpKind::extract:
      return component(op, std::string(1, "xyzw"[cast<ExtractOp>(op).getIndex()]));
    case OpKind::swizzle: {
      std::string letters;
      for (int32_t c : cast<SwizzleOp>(op).getComponents())
        letters += "xyzw"[c];
      return component(op, letters);
    }
    case OpKind::extract_at: {
      std::string vector = wrapped(use(op.getOperand(0)), 16), index = use(op.getOperand(1)).text;
      // Past the end would be undefined.
      std::string last = std::to_string(lanesOf(op.getOperand(0).getType()) - 1) + "u";
      auto known = constantInt(op.getOperand(1));
      bool inside = known && *known >= 0 && *known < lanesOf(op.getOperand(0).getType());
      return define(op.getResult(0),
                    {vector + "[" + (inside ? index : "min(" + index + ", " + last + ")") + "]", 16},
                    consumedRead);
    }
    default:
      return isAtomic(&op) ? atomic(op) : elementwise(op);
    case OpKind::make_filled_simdgroup_matrix:
    case OpKind::simdgroup_matrix_elements:
    case OpKind::simdgroup_matrix_from_elements:
    case OpKind::simdgroup_load:
    case OpKind::simdgroup_store:
    case OpKind::simdgroup_multiply:
    case OpKind::simdgroup_multiply_accumulate:
      return matrix(op);
    }
  }

  static bool isIdentifier(llvm::StringRef text) {
    return llvm::all_of(text, [](char c) { return llvm::isAlnum(c) || c == '_'; });
  }

  // Components of a vector.
  void component(Operation &op, const std::string &letters) {
    std::string vector = wrapped(use(op.getOperand(0)), 16);
    define(op.getResult(0), {vector + "." + letters, 16}, consumedRead);
  }

  // A vector of its components, with those that follow each other in another vector as one swizzle.
  Expression madeVector(MakeVectorOp op) {
    std::string text;
    OperandRange parts = op.getComponents();
    for (size_t i = 0; i < parts.size();) {
      auto extract = parts[i].getDefiningOp<ExtractOp>();
      std::string part, letters;
      size_t end = i;
      // Only components that stand in expressions: a variable of its own has a name to be read.
      for (; extract && end < parts.size(); ++end) {
        auto next = parts[end].getDefiningOp<ExtractOp>();
        if (!next || next.getX() != extract.getX() || isIdentifier(expressions[next.getResult()].text))
          break;
        letters += "xyzw"[next.getIndex()];
      }
      if (end > i + 1) {
        for (size_t k = i; k < end; ++k)
          part = use(parts[k]).text;
        part.resize(part.size() - 1); // the last letter
        bool whole = letters == llvm::StringRef("xyzw").take_front(lanesOf(extract.getX().getType()));
        part = whole ? part.substr(0, part.size() - 1) : part + letters;
        i = end;
      } else {
        part = use(parts[i++]).text;
      }
      text += (text.empty() ? "" : ", ") + part;
    }
    return {typeName(op.getType()) + "(" + text + ")", 16};
  }

  //===-- Simdgroup matrices
  //--------------------------------------------------------------------------------===//

  // A matrix is always a variable: Metal's functions fill one in.
  std::string variableFor(Value v) {
    std::string name = declare(v.getType(), nameOf(v.getLoc()), "");
    expressions[v] = {name, 16};
    return name;
  }

  // "A + i, stride", and what is needed to transpose.
  std::string matrixPlace(Value buffer, Value index, Value stride, bool transpose) {
    std::string pointer = expressions[buffer].text;
    if (auto i = constantInt(index); !i || *i != 0)
      pointer += " + " + (addresses.contains(index) ? use(index).text : wrapped(use(index), 13));
    std::string rest = ", " + use(stride).text;
    return pointer + rest + (transpose ? ", ulong2(0), true" : "");
  }

  void matrix(Operation &op) {
    if (auto fill = dyn_cast<SimdgroupFillOp>(op)) {
      Expression filled{"make_filled_simdgroup_matrix<" + typeName(fill.getX().getType()) + ", 8, 8>(" +
                            use(fill.getX()).text + ")",
                        16};
      // What only starts the variable of a loop needs none of its own; functions fill variables in.
      bool starts =
          llvm::all_of(fill->getUsers(), [](Operation *u) { return isa<ForOp, WhileOp, YieldOp>(u); });
      return starts ? define(fill, filled, consumedRead) : bind(fill, filled);
    }
    if (auto load = dyn_cast<SimdgroupLoadOp>(op)) {
      std::string from =
          matrixPlace(load.getBuffer(), load.getIndex(), load.getStride(), load.getTranspose());
      std::string name = variableFor(load);
      return statement("simdgroup_load(" + name + ", " + from + ");");
    }
    if (auto store = dyn_cast<SimdgroupStoreOp>(op)) {
      std::string to =
          matrixPlace(store.getBuffer(), store.getIndex(), store.getStride(), store.getTranspose());
      settleReads();
      return statement("simdgroup_store(" + use(store.getMatrix()).text + ", " + to + ");");
    }
    if (auto elements = dyn_cast<SimdgroupElementsOp>(op)) {
      std::string name = use(elements.getMatrix()).text;
      // Into variables at once: the matrix may be a loop's, which is assigned later.
      bind(elements.getFirst(), {name + ".thread_elements()[0]", 16});
      std::string second = declare(elements.getSecond().getType(), "", name + ".thread_elements()[1]");
      expressions[elements.getSecond()] = {second, 16};
      return;
    }
    if (auto from = dyn_cast<SimdgroupFromElementsOp>(op)) {
      std::string first = use(from.getFirst()).text, second = use(from.getSecond()).text;
      std::string name = variableFor(from);
      statement(name + ".thread_elements()[0] = " + first + ";");
      return statement(name + ".thread_elements()[1] = " + second + ";");
    }
    // What was read before a product is on its way while it is computed: not moved to where it is used.
    settleReads();
    std::string a = use(op.getOperand(0)).text, b = use(op.getOperand(1)).text;
    if (op.getNumOperands() == 2) {
      std::string name = variableFor(op.getResult(0));
      return statement("simdgroup_multiply(" + name + ", " + a + ", " + b + ");");
    }
    // In place where nobody else reads the old sum.
    Value sum = op.getOperand(2);
    std::string c = use(sum).text, d = c;
    if (sum.hasOneUse() && sum.getParentBlock() == op.getBlock() && c != a && c != b)
      expressions[op.getResult(0)] = {c, 16};
    else
      d = variableFor(op.getResult(0));
    statement("simdgroup_multiply_accumulate(" + d + ", " + a + ", " + b + ", " + c + ");");
  }

  // The element's address is cast where it is used, so that plain accesses to the buffer stay as they are.
  void atomic(Operation &op) {
    Value buffer = op.getOperand(0);
    Type type = cast<BufferType>(buffer.getType()).getElementType();
    if (!type.isInteger(32))
      need(type.isF32() ? 30 : 24, &op);
    const bool isExchange = isa<AtomicCompareExchangeOp>(op);
    std::string text = op.getName().stripDialect().str() + "_explicit((" + spaceOf(buffer) + "atomic_" +
                       typeName(type) + "*)&" + element(buffer, op.getOperand(1), type).text;
    std::string old;
    if (isExchange) {
      std::string expected = use(op.getOperand(2)).text;
      old = declare(type, nameOf(op.getLoc()), expected);
      text += ", &" + old;
    }
    if (unsigned last = op.getNumOperands() - 1; last > 1)
      text += ", " + use(op.getOperand(last)).text;
    text += isExchange ? ", memory_order_relaxed, memory_order_relaxed)" : ", memory_order_relaxed)";
    settleReads();
    if (isExchange) {
      expressions[op.getResult(0)] = {old, 16};
      return op.getResult(1).use_empty() ? statement(text + ";") : bindUnnamed(op.getResult(1), text);
    }
    if (op.getNumResults() == 0 || op.getResult(0).use_empty())
      return statement(text + ";");
    bind(op.getResult(0), {text, 16});
  }

  void bindUnnamed(Value v, const std::string &text) {
    expressions[v] = {declare(v.getType(), "", text), 16};
  }

  void query(Operation &op) {
    const QueryParam &param = queries[op.getName().stripDialect()];
    Value v = op.getResult(0);
    if (!param.vector) {
      expressions[v] = {param.name, 16};
      return;
    }
    Expression e{param.name + "." + "xyz"[static_cast<int>(op.getAttrOfType<AxisAttr>("axis").getValue())],
                 16};
    if (nameOf(v.getLoc()).empty())
      expressions[v] = std::move(e);
    else
      bind(v, e);
  }

  // The variable of a value that a loop or branch takes may become the one that it assigns.
  static bool isWrittenOnce(Value v) {
    return v.getDefiningOp() && llvm::none_of(v.getUsers(), [](Operation *user) {
             return isa<YieldOp, ForOp, WhileOp, IfOp>(user);
           });
  }

  // The position of a `for`, perhaps converted: short, and the same for the whole round.
  static bool isPosition(Value v) {
    if (auto cast = v.getDefiningOp<CastOp>())
      v = cast.getX();
    auto arg = dyn_cast<BlockArgument>(v);
    return arg && arg.getArgNumber() == 0 && isa<ForOp>(arg.getOwner()->getParentOp());
  }

  // A sum or difference with a constant that cannot wrap and only says where accesses are: written out at
  // each of them, since moving a pointer costs nothing.
  static bool isAddress(Value v) {
    Operation *sum = v.getDefiningOp();
    if (!isa_and_nonnull<AddOp, SubOp>(sum) || !sum->hasAttr(inRangeAttr) || !isScalar(v.getType()) ||
        widthOf(v.getType()) < 32 || !constantInt(sum->getOperand(1)))
      return false;
    if (!isWrittenOnce(sum->getOperand(0)))
      return false;
    return llvm::all_of(v.getUses(), isIndex);
  }

  static bool isIndex(OpOperand &use) {
    OpKind kind = kindOf(use.getOwner());
    bool isLoad = kind == OpKind::load || kind == OpKind::load_if || kind == OpKind::simdgroup_load;
    bool isStore = kind == OpKind::store || kind == OpKind::store_if || kind == OpKind::simdgroup_store;
    return (isLoad && use.getOperandNumber() == 1) || (isStore && use.getOperandNumber() == 2);
  }

  // Whether a number may differ from round to round of a loop.
  static bool variesIn(Value number, Operation *loop) {
    SmallVector<Value, 8> pending{number};
    llvm::SmallPtrSet<Operation *, 16> seen;
    while (!pending.empty()) {
      Value v = pending.pop_back_val();
      Operation *parent = v.getParentBlock()->getParentOp();
      if (parent != loop && !loop->isProperAncestor(parent))
        continue;
      Operation *op = v.getDefiningOp();
      if (!op || !isPure(op))
        return true;
      if (seen.insert(op).second)
        pending.append(op->operand_begin(), op->operand_end());
    }
    return false;
  }

  static Operation *loopAround(Operation *op) {
    Operation *loop = op->getParentOp();
    while (loop && !isa<ForOp, WhileOp>(loop))
      loop = loop->getParentOp();
    return loop;
  }

  static bool isSteady(Value v) { return isWrittenOnce(v) || isPosition(v); }

  // A sum in a loop of what each round has and what changes, that cannot wrap and only says where accesses
  // are: the pointer plus the first is one pointer for all rounds.
  static bool isStep(Value v) {
    auto sum = v.getDefiningOp<AddOp>();
    if (!sum || !sum->hasAttr(inRangeAttr) || !isScalar(v.getType()) || widthOf(v.getType()) < 32 ||
        constantInt(sum.getY()) || !isSteady(sum.getX()) || !isSteady(sum.getY()))
      return false;
    Operation *loop = loopAround(sum);
    return loop &&
           llvm::all_of(v.getUses(),
                        [](OpOperand &use) {
                          Operation *user = use.getOwner();
                          return isIndex(use) ||
                                 (use.getOperandNumber() == 0 && user->getNumResults() == 1 &&
                                  (isAddress(user->getResult(0)) || vectorsIn(user->getResult(0)) != 0));
                        }) &&
           variesIn(sum.getX(), loop) != variesIn(sum.getY(), loop);
  }

  // Whether an operand is the index of an access of this many elements; elements that are vectors count by
  // themselves.
  static bool isIndexOf(OpOperand &use, int64_t lanes) {
    Operation *access = use.getOwner();
    OpKind kind = kindOf(access);
    bool isLoad = kind == OpKind::load || kind == OpKind::load_if;
    if (!isLoad && kind != OpKind::store && kind != OpKind::store_if)
      return false;
    Type element = cast<BufferType>(access->getOperand(isLoad ? 0 : 1).getType()).getElementType();
    Type moved = isLoad ? access->getResult(0).getType() : access->getOperand(0).getType();
    return isScalar(element) && use.getOperandNumber() == (isLoad ? 1 : 2) && lanesOf(moved) == lanes;
  }

  // A number of whole vectors, times their length, that only says where such vectors are: a pointer to
  // vectors multiplies by itself. The length, or 0.
  static int64_t vectorsIn(Value v) {
    auto product = v.getDefiningOp<MulOp>();
    if (!product || !product->hasAttr(inRangeAttr) || !isScalar(v.getType()) || widthOf(v.getType()) < 32 ||
        !isWrittenOnce(product.getX()))
      return 0;
    int64_t lanes = constantInt(product.getY()).value_or(0);
    if (lanes != 2 && lanes != 4)
      return 0;
    bool whole = llvm::all_of(v.getUses(), [&](OpOperand &use) {
      Operation *sum = use.getOwner();
      if (!isa<AddOp, SubOp>(sum))
        return isIndexOf(use, lanes);
      return use.getOperandNumber() == 0 && isAddress(sum->getResult(0)) &&
             *constantInt(sum->getOperand(1)) % lanes == 0 &&
             llvm::all_of(sum->getUses(), [&](OpOperand &index) { return isIndexOf(index, lanes); });
    });
    return whole ? lanes : 0;
  }

  // What is added to a pointer has a variable, or is a position.
  std::string addend(Value v) {
    return (isPosition(v) || isQuery(v.getDefiningOp()) || addresses.contains(v) ? use(v) : stable(v)).text;
  }

  void elementwise(Operation &op) {
    if (op.getNumResults() == 1)
      if (vectorsIn(op.getResult(0))) {
        vectors[op.getResult(0)] = addend(op.getOperand(0));
        return;
      }
    if (op.getNumResults() == 1 && isStep(op.getResult(0))) {
      Value x = op.getOperand(0), y = op.getOperand(1);
      if (variesIn(x, loopAround(&op)))
        std::swap(x, y);
      std::string first = addend(x), second = addend(y);
      expressions[op.getResult(0)] = {first + " + " + second, 12};
      addresses.insert(op.getResult(0));
      return;
    }
    if (op.getNumResults() == 1 && isAddress(op.getResult(0))) {
      // A pointer plus a sum would add in another width than the sum itself: what is added has a variable,
      // which isAddress has seen to be assigned once.
      Value base = op.getOperand(0);
      const char *sign = isa<SubOp>(op) ? " - " : " + ";
      if (int64_t lanes = vectorsIn(base)) {
        int64_t step = *constantInt(op.getOperand(1)) / lanes;
        vectors[op.getResult(0)] =
            vectors[base] + sign + std::to_string(step) + (isUnsignedIntLike(base.getType()) ? "u" : "");
        return;
      }
      expressions[op.getResult(0)] = {addend(base) + sign + use(op.getOperand(1)).text, 12};
      addresses.insert(op.getResult(0));
      return;
    }
    SmallVector<const Expression *, 4> operands;
    for (Value v : op.getOperands())
      use(v);
    for (Value v : op.getOperands())
      operands.push_back(&expressions[v]);
    if (op.getNumResults() == 1)
      return define(op.getResult(0), fill(&op, operands, "", prelude), consumedRead);
    // frexp and modf give their second result through a reference.
    std::string second = names.claim("");
    statement(typeName(op.getResult(1).getType()) + " " + second + ";");
    bind(op.getResult(0), fill(&op, operands, second, prelude));
    expressions[op.getResult(1)] = {second, 16};
  }

  // "const device ", "threadgroup ": what a pointer into a buffer or array is declared with.
  std::string spaceOf(Value buffer) {
    AddressSpace in = cast<BufferType>(buffer.getType()).getSpace();
    auto arg = dyn_cast<BlockArgument>(buffer);
    return (arg && !kernel.isWritten(arg.getArgNumber()) ? "const " : "") + stringifyAddressSpace(in).str() +
           " ";
  }

  // The text of an element, or of a vector of consecutive ones.
  Expression element(Value buffer, Value index, Type type) {
    const std::string &base = expressions[buffer].text;
    bool isWhole = cast<BufferType>(buffer.getType()).getElementType() == type;
    if (auto at = vectors.find(index); at != vectors.end() && !isWhole) {
      return {"*((" + spaceOf(buffer) + typeName(type) + "*)" + base + " + " + at->second + ")", 15};
    }
    const Expression &i = use(index);
    if (isWhole && addresses.contains(index))
      return {"*(" + base + " + " + i.text + ")", 15};
    if (isWhole)
      return {base + "[" + i.text + "]", 16};
    return {"*(" + spaceOf(buffer) + typeName(type) + "*)(" + base + " + " +
                (addresses.contains(index) ? i.text : wrapped(i, 13)) + ")",
            15};
  }

  Expression converted(Value x, Type to) {
    const Expression &e = use(x);
    if (!isBoolLike(to))
      return {typeName(to) + "(" + e.text + ")", 16};
    Type from = scalarOf(x.getType());
    TypedAttr zero =
        isa<FloatType>(from) ? TypedAttr(FloatAttr::get(from, 0.0)) : TypedAttr(IntegerAttr::get(from, 0));
    return {wrapped(e, 12) + " != " + literal(zero).text, 8};
  }

  KernelOp kernel;
  llvm::MapVector<llvm::StringRef, QueryParam> queries;
  llvm::DenseMap<Value, std::string>
      vectors;                     ///< indices in elements as what is added to a pointer to vectors
  llvm::DenseSet<Value> addresses; ///< sums that are written out where they are used
  std::string constants;           ///< program-scope arrays
  std::string programScope;        ///< declarations in front of the kernel
  std::vector<uint32_t> openConstants;
  llvm::StringMap<std::string> constantNames, givenNames; ///< of function constants: by their own names
  int version = 22;
  Operation *newest = nullptr; ///< where that version is needed, null for the signature
  llvm::StringRef newestName;  ///< what needs it
};

} // namespace

MslText emitMSL(KernelOp kernel, const MslOptions &options) { return Emitter(kernel).run(options); }

} // namespace enigma::msl
