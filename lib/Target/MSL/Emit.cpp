// SPDX-License-Identifier: MIT
//
// The function's text: signature, then one statement for each value that has a name, is used more than once,
// or must not move, and everything else inside the expression that uses it.
#include "enigma/Target/MSL/Emit.h"

#include "Names.h"
#include "Templates.h"
#include "enigma/Support/Error.h"
#include "enigma/Target/MSL/Prelude.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

#include <algorithm>

using namespace mlir;

namespace enigma::msl {
namespace {

using namespace dialect;

// Longer expressions are cut by a variable: for readers, and for compilers that count brackets.
constexpr size_t longestInline = 96;

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

class Emitter {
public:
  explicit Emitter(KernelOp kernel) : kernel(kernel) {}

  MslText run(const MslOptions &options) {
    names.claim(kernel.getSymName());
    for (auto [arg, name] : llvm::zip(kernel.block().getArguments(), kernel.getArgNames()))
      expressions[arg] = {names.claim(cast<StringAttr>(name).getValue()), 16};
    collectQueries();
    emitBlock(kernel.block());
    return assemble(options);
  }

private:
  //===-- Signature
  //-----------------------------------------------------------------------------------------===//

  void need(int mslVersion) { version = std::max(version, mslVersion); }

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
           kindOf(op) != OpKind::constant && !isConvergent(kindOf(op));
  }

  MslText assemble(const MslOptions &options) {
    for (BlockArgument arg : kernel.block().getArguments()) {
      Type t = arg.getType();
      if (auto buffer = dyn_cast<BufferType>(t))
        t = buffer.getElementType();
      if (t.isBF16())
        need(31);
    }
    if (options.version && version > options.version) {
      auto shown = [](int v) { return std::to_string(v / 10) + "." + std::to_string(v % 10); };
      throw Error(ErrorKind::Unsupported,
                  "kernel needs MSL " + shown(version) + ", the target is MSL " + shown(options.version), {},
                  {"raise msl_version, or leave it out to get what the kernel needs"});
    }
    std::vector<std::string_view> used(prelude.begin(), prelude.end());
    std::string out = "// MSL " + std::to_string(version / 10) + "." + std::to_string(version % 10) + "\n";
    out += "#include <metal_stdlib>\nusing namespace metal;\n\n#pragma METAL fp contract(off)\n\n";
    out += preludeFor(used);
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
    return {out + "{\n" + body + "}\n", version};
  }

  //===-- Values
  //--------------------------------------------------------------------------------------------===//

  void statement(const std::string &text) { body.append(4 * indent, ' ') += text + "\n"; }

  // A variable for the value, under the user's name or a number.
  void bind(Value v, const Expression &e) {
    std::string name = names.claim(nameOf(v.getLoc()));
    statement(typeName(v.getType()) + " " + name + " = " + e.text + ";");
    expressions[v] = {name, 16};
  }

  // Inside the expression of its only user, unless it has a name, is long, or is not used at all.
  void define(Value v, Expression e, bool readsMemory) {
    bool named = !nameOf(v.getLoc()).empty();
    // Used in a loop, it would be computed again each time.
    bool here = v.hasOneUse() && v.user_begin()->getBlock() == v.getParentBlock();
    // What a region carries on is assigned to the variable that carries it, whatever its own name.
    named &= !(here && isa<YieldOp>(*v.user_begin()));
    if (!here || named || e.text.size() > longestInline)
      return bind(v, e);
    expressions[v] = std::move(e);
    if (readsMemory)
      pending.insert(v);
    if (consumedLanes)
      amongLanes.insert(v);
  }

  // The expression of an operand; a memory read inside it moves to where it is used.
  const Expression &use(Value v) {
    consumedRead |= pending.remove(v);
    consumedLanes |= amongLanes.contains(v);
    return expressions[v];
  }

  // An operand that its user evaluates in some lanes only: operations among lanes stay in front of it, where
  // all lanes take part.
  void keepLanesTogether(Operation &op) {
    const OpKind kind = kindOf(&op);
    const bool isLazy = kind == OpKind::select || kind == OpKind::and_ || kind == OpKind::or_ ||
                        kind == OpKind::load_if || kind == OpKind::store_if;
    for (Value v : op.getOperands())
      if (isLazy && amongLanes.remove(v)) {
        pending.remove(v);
        bind(v, Expression(expressions[v]));
      }
  }

  // Reads that were put off happen before a write.
  void settleReads() {
    for (Value v : llvm::to_vector(pending))
      bind(v, expressions[v]);
    pending.clear();
  }

  //===-- Operations
  //----------------------------------------------------------------------------------------===//

  void emit(Operation &op) {
    OpKind kind = kindOf(&op);
    need(mslVersionOf(kind));
    for (Type t : op.getResultTypes())
      if (!isa<BufferType>(t) && scalarOf(t).isBF16())
        need(31);
    consumedRead = false;
    keepLanesTogether(op);
    consumedLanes = isConvergent(kind);
    if (kind == OpKind::constant) {
      expressions[op.getResult(0)] = literal(cast<ConstantOp>(op).getValue());
      return;
    }
    if (isQuery(&op))
      return query(op);
    switch (kind) {
    case OpKind::for_:
      return loop(cast<ForOp>(op));
    case OpKind::if_:
      return branch(cast<IfOp>(op));
    case OpKind::while_:
      return repeat(cast<WhileOp>(op));
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
    case OpKind::make_vector: {
      std::string text = typeName(op.getResult(0).getType()) + "(";
      for (auto [i, v] : llvm::enumerate(op.getOperands()))
        text += (i ? ", " : "") + use(v).text;
      return define(op.getResult(0), {text + ")", 16}, consumedRead);
    }
    case OpKind::extract: {
      std::string text = wrapped(use(op.getOperand(0)), 16) + "." + "xyzw"[cast<ExtractOp>(op).getIndex()];
      return define(op.getResult(0), {text, 16}, consumedRead);
    }
    default:
      return elementwise(op);
    }
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

  void elementwise(Operation &op) {
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

  // The text of an element, or of a vector of consecutive ones.
  Expression element(Value buffer, Value index, Type type) {
    const std::string &base = expressions[buffer].text;
    const Expression &i = use(index);
    if (isScalar(type))
      return {base + "[" + i.text + "]", 16};
    auto arg = cast<BlockArgument>(buffer);
    std::string space = kernel.isWritten(arg.getArgNumber()) ? "device " : "const device ";
    return {"*(" + space + typeName(type) + "*)(" + base + " + " + wrapped(i, 13) + ")", 15};
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

  //===-- Control flow
  //--------------------------------------------------------------------------------------===//

  void emitBlock(Block &block) {
    for (Operation &op : block)
      if (!isa<YieldOp>(op))
        emit(op);
  }

  static bool isEmpty(Region &region) { return isa<YieldOp>(region.front().front()); }
  static YieldOp yieldOf(Region &region) { return cast<YieldOp>(region.front().back()); }

  // An expression that may be written several times: a variable or a literal.
  Expression stable(Value v) {
    const Expression &e = use(v);
    bool simple = llvm::all_of(e.text, [](char c) { return llvm::isAlnum(c) || c == '_'; });
    if (!simple && !v.getDefiningOp<ConstantOp>())
      bind(v, Expression(e));
    return expressions[v];
  }

  // Variables for carried values, which take the initial ones and keep the last ones.
  SmallVector<std::string> carry(Operation *op, ValueRange initial) {
    SmallVector<std::string> variables;
    auto given = op->getAttrOfType<ArrayAttr>(resultNamesAttr);
    for (auto [i, value] : llvm::enumerate(initial)) {
      llvm::StringRef wish = given ? cast<StringAttr>(given[i]).getValue() : llvm::StringRef();
      std::string start = use(value).text;
      variables.push_back(names.claim(wish));
      statement(typeName(value.getType()) + " " + variables.back() + " = " + start + ";");
    }
    return variables;
  }

  void name(ValueRange values, llvm::ArrayRef<std::string> variables) {
    for (auto [value, variable] : llvm::zip(values, variables))
      expressions[value] = {variable, 16};
  }

  static bool mentions(llvm::StringRef text, llvm::StringRef name) {
    auto isWord = [](char c) { return llvm::isAlnum(c) || c == '_'; };
    for (size_t at = text.find(name); at != llvm::StringRef::npos; at = text.find(name, at + 1))
      if ((at == 0 || !isWord(text[at - 1])) &&
          (at + name.size() == text.size() || !isWord(text[at + name.size()])))
        return true;
    return false;
  }

  // variables = values, all at once: a value that names a variable assigned before it goes through another
  // one.
  void assign(llvm::ArrayRef<std::string> variables, ValueRange values) {
    SmallVector<std::pair<std::string, std::string>> pairs;
    for (auto [variable, value] : llvm::zip(variables, values))
      if (std::string text = use(value).text; text != variable)
        pairs.emplace_back(variable, text);
    for (size_t i = 0; i < pairs.size(); ++i)
      for (size_t k = i + 1; k < pairs.size(); ++k)
        if (mentions(pairs[k].second, pairs[i].first)) {
          std::string temporary = names.claim(pairs[k].first + "_next");
          size_t which = llvm::find(variables, pairs[k].first) - variables.begin();
          statement(typeName(values[which].getType()) + " " + temporary + " = " + pairs[k].second + ";");
          pairs[k].second = temporary;
        }
    for (auto &[variable, text] : pairs)
      statement(variable + " = " + text + ";");
  }

  void nested(Region &region, llvm::function_ref<void()> end) {
    ++indent;
    emitBlock(region.front());
    end();
    --indent;
  }

  void branch(IfOp op) {
    settleReads();
    std::string condition = use(op.getCondition()).text;
    auto given = op->getAttrOfType<ArrayAttr>(resultNamesAttr);
    bool elseEmpty = isEmpty(op.getElseRegion());
    SmallVector<std::string> variables;
    for (OpResult result : op.getResults()) {
      llvm::StringRef wish =
          given ? cast<StringAttr>(given[result.getResultNumber()]).getValue() : llvm::StringRef();
      // Without an else the variable starts as what it stays.
      std::string start =
          elseEmpty ? " = " + use(yieldOf(op.getElseRegion()).getOperand(result.getResultNumber())).text : "";
      variables.push_back(names.claim(wish));
      statement(typeName(result.getType()) + " " + variables.back() + start + ";");
    }
    statement("if (" + condition + ") {");
    nested(op.getThenRegion(), [&] { assign(variables, yieldOf(op.getThenRegion()).getOperands()); });
    if (!elseEmpty) {
      statement("} else {");
      nested(op.getElseRegion(), [&] { assign(variables, yieldOf(op.getElseRegion()).getOperands()); });
    }
    statement("}");
    name(op.getResults(), variables);
  }

  void loop(ForOp op) {
    settleReads();
    std::string type = typeName(op.getLower().getType());
    bool isUnsigned = isUnsignedIntLike(op.getLower().getType());
    Expression lower = stable(op.getLower()), upper = stable(op.getUpper()), step = stable(op.getStep());
    SmallVector<std::string> variables = carry(op, op.getInitial());
    name(op.carried(), variables);
    std::string i = names.claim(nameOf(op.position().getLoc()).empty() ? llvm::StringRef("i")
                                                                       : nameOf(op.position().getLoc()));
    expressions[op.position()] = {i, 16};
    auto constantStep = constantInt(op.getStep());
    auto bound = constantInt(op.getUpper());
    if (isUnsigned && bound && *bound < 0) // beyond 2^63
      bound.reset();
    // Counting past the bound must not wrap: by one it cannot, by more only where the bound is known to leave
    // room.
    constexpr int64_t room = int64_t(1) << 30;
    bool small = constantStep && *constantStep > -room && *constantStep < room &&
                 widthOf(op.getLower().getType()) >= 32;
    bool up = constantStep && (*constantStep == 1 || (*constantStep > 1 && small && bound && *bound < room));
    bool down = constantStep && !isUnsigned &&
                (*constantStep == -1 || (*constantStep < -1 && small && bound && *bound > -room));
    bool narrow = widthOf(op.getLower().getType()) < 32;
    if (up && !(narrow && *constantStep != 1)) {
      std::string advance = *constantStep == 1 ? "++" + i : i + " += " + step.text;
      statement("for (" + type + " " + i + " = " + lower.text + "; " + i + " < " + upper.text + "; " +
                advance + ") {");
    } else if (down && !(narrow && *constantStep != -1)) {
      std::string advance = *constantStep == -1 ? "--" + i : i + " -= " + std::to_string(-*constantStep);
      statement("for (" + type + " " + i + " = " + lower.text + "; " + i + " > " + upper.text + "; " +
                advance + ") {");
    } else {
      std::string unsignedType = typeName(unsignedLike(op.getLower().getType()));
      std::string count = names.claim(i + "_count"), k = names.claim(i + "_step");
      prelude.push_back("enigma_trip_count:" + type);
      statement(unsignedType + " " + count + " = enigma_trip_count<" + type + ", " + unsignedType + ">(" +
                lower.text + ", " + upper.text + ", " + step.text + ");");
      statement("for (" + unsignedType + " " + k + " = 0; " + k + " < " + count + "; ++" + k + ") {");
      ++indent;
      // Narrow types would be promoted to int, which the product may not fit.
      std::string wide = narrow ? "uint" : unsignedType;
      statement(type + " " + i + " = " + type + "(" + wide + "(" + lower.text + ") + " + k + " * " + wide +
                "(" + step.text + "));");
      --indent;
    }
    nested(op.getBody(), [&] { assign(variables, yieldOf(op.getBody()).getOperands()); });
    statement("}");
    name(op.getResults(), variables);
  }

  void repeat(WhileOp op) {
    settleReads();
    SmallVector<std::string> variables = carry(op, op.getInitial());
    Region &test = op.getConditionRegion();
    name(test.getArguments(), variables);
    // The condition in the head of the loop where it is one expression, else before a break.
    std::string before = std::move(body);
    body.clear();
    ++indent;
    emitBlock(test.front());
    std::string condition = use(yieldOf(test).getOperand(0)).text;
    bool changes = llvm::any_of(llvm::zip(yieldOf(test).getOperands().drop_front(), test.getArguments()),
                                [](auto pair) { return std::get<0>(pair) != std::get<1>(pair); });
    if (changes) { // the condition is of the values before
      std::string decided = names.claim("");
      statement("bool " + decided + " = " + condition + ";");
      condition = decided;
    }
    assign(variables, yieldOf(test).getOperands().drop_front());
    --indent;
    std::string statements = std::move(body);
    body = std::move(before);
    statement(statements.empty() ? "while (" + condition + ") {" : "while (true) {");
    body += statements;
    if (!statements.empty()) {
      ++indent;
      statement("if (!(" + condition + "))");
      statement("    break;");
      --indent;
    }
    name(op.getBody().getArguments(), variables);
    nested(op.getBody(), [&] { assign(variables, yieldOf(op.getBody()).getOperands()); });
    statement("}");
    name(op.getResults(), variables);
  }

  KernelOp kernel;
  size_t indent = 1;
  Names names;
  llvm::DenseMap<Value, Expression> expressions;
  llvm::MapVector<llvm::StringRef, QueryParam> queries;
  llvm::SetVector<Value> pending;    ///< expressions that read memory and are not yet in a statement
  bool consumedRead = false;         ///< whether the operation at hand took such an expression in
  llvm::SetVector<Value> amongLanes; ///< expressions with operations among lanes, not yet in a statement
  bool consumedLanes = false;        ///< the same of those
  std::vector<std::string> prelude;
  std::string body;
  int version = 22;
};

} // namespace

MslText emitMSL(KernelOp kernel, const MslOptions &options) { return Emitter(kernel).run(options); }

} // namespace enigma::msl
