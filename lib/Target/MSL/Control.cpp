// SPDX-License-Identifier: MIT
//
// Branches and the ends of blocks; see Control.h. Loops are in Loops.cpp.
#include "Control.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;

namespace enigma::msl {

using namespace dialect;

namespace {

YieldOp yieldOf(Region &region) { return cast<YieldOp>(region.front().back()); }

bool isQuiet(Operation &op) {
  return op.getNumRegions() == 0 && isMemoryEffectFree(&op) && !isConvergent(kindOf(&op));
}

/// The condition without its negations, and whether their number is odd.
std::pair<Value, bool> stripped(Value condition) {
  bool flipped = false;
  while (auto negation = condition.getDefiningOp<NotOp>()) {
    condition = negation.getX();
    flipped = !flipped;
  }
  return {condition, flipped};
}

/// Whether a value is another operation's condition, its negation, or a result of it, for the arm at hand.
struct Resolved {
  Value value;
  std::optional<bool> known;
};
std::optional<Resolved> resolve(Value v, IfOp op, unsigned arm) {
  if (v.getDefiningOp() == op.getOperation()) {
    Value yielded = yieldOf(op->getRegion(arm)).getOperand(cast<OpResult>(v).getResultNumber());
    if (auto known = constantInt(yielded))
      return Resolved{yielded, *known != 0};
    return Resolved{yielded, std::nullopt};
  }
  if (!v.getType().isInteger(1))
    return std::nullopt;
  auto [mine, flipped] = stripped(v);
  auto [condition, conditionFlipped] = stripped(op.getCondition());
  if (mine != condition)
    return std::nullopt;
  return Resolved{v, (arm == 0) != (flipped != conditionFlipped)};
}

/// Indented by four columns less.
std::string outdented(llvm::StringRef text) {
  std::string out;
  while (!text.empty()) {
    auto [line, rest] = text.split('\n');
    line.consume_front("    ");
    out += line.str() + "\n";
    text = rest;
  }
  return out;
}

} // namespace

void ControlWriter::emitBody(Block &block) { emitBlock(block, {}); }

/// Prints a block and what it leaves behind. True if it always leaves the loop (or the kernel) around.
bool ControlWriter::emitBlock(Block &block, const Ending &ending) {
  IfOp tail = tailOf(block, ending);
  for (Operation &op : block) {
    if (&op == tail.getOperation())
      break;
    if (!isa<YieldOp>(op))
      emit(op);
  }
  const bool leaves = tail ? emitTail(tail, ending) : finish(ending);
  forget(block);
  return leaves;
}

bool ControlWriter::finish(const Ending &ending) {
  SmallVector<std::string> variables;
  SmallVector<Value> values;
  const auto isCertain = [](const Leave &leave) { return leave.known == true; };
  const bool certain = llvm::any_of(ending.leaves, isCertain);
  const bool returns =
      llvm::any_of(ending.leaves, [&](const Leave &leave) { return isCertain(leave) && leave.returns; });
  if (returns) {
    statement("return;");
    return true;
  }
  for (const Target &target : ending.targets)
    if (target.readAfter || !certain) {
      variables.push_back(target.variable);
      values.push_back(target.value);
    }
  std::string leaves;
  for (const Leave &leave : ending.leaves) {
    if (leave.known)
      continue;
    if (!leave.variable.empty()) {
      variables.push_back(leave.variable);
      values.push_back(leave.value);
    }
  }
  for (const Leave &leave : ending.leaves) {
    if (leave.known || certain)
      continue;
    if (!leave.variable.empty()) { // assigned by then
      leaves += (leaves.empty() ? "" : " || ") + leave.variable;
      continue;
    }
    Expression e = use(leave.value);
    if (mentionsAny(e.text, variables)) // of the values before
      e = {declare(leave.value.getType(), "", e.text), 16};
    if (leave.returns) {
      statement("if (" + e.text + ")");
      statement("    return;");
    } else {
      leaves += (leaves.empty() ? "" : " || ") + wrapped(e, 8);
    }
  }
  assign(variables, values);
  if (certain) {
    for (const Leave &leave : ending.leaves)
      if (isCertain(leave) && !leave.variable.empty())
        statement(leave.variable + " = true;");
    statement("break;");
    return true;
  }
  if (!leaves.empty()) {
    statement("if (" + leaves + ")");
    statement("    break;");
  }
  return false;
}

/// The branch whose arms can take over the end of the block: what follows it computes values and nothing
/// else, and its results go nowhere but into the end.
IfOp ControlWriter::tailOf(Block &block, const Ending &ending) {
  IfOp op;
  for (Operation &candidate : llvm::reverse(block)) {
    if (isa<YieldOp>(candidate))
      continue;
    op = dyn_cast<IfOp>(candidate);
    if (op || !isQuiet(candidate))
      break;
  }
  if (!op)
    return {};
  for (Value result : op.getResults())
    for (Operation *user : result.getUsers())
      if (!isa<YieldOp>(user) || user->getBlock() != &block)
        return {};
  bool exits = false;
  for (const Leave &leave : ending.leaves)
    exits |= !leave.known && resolve(leave.value, op, 0).has_value();
  if (!exits)
    return op;
  // An arm that leaves skips what comes after the branch.
  for (const Target &target : ending.targets)
    if (target.readAfter && target.value.getDefiningOp() != op.getOperation())
      return {};
  for (const Leave &leave : ending.leaves)
    if (!leave.known && !leave.variable.empty() && !resolve(leave.value, op, 0))
      return {};
  return op;
}

ControlWriter::Ending ControlWriter::armOf(IfOp op, unsigned arm, const Ending &ending, bool keepsContinue) {
  Ending out;
  out.inLoop = ending.inLoop && keepsContinue;
  for (const Target &target : ending.targets)
    if (target.value.getDefiningOp() == op.getOperation())
      out.targets.push_back({target.variable, resolve(target.value, op, arm)->value, target.readAfter});
  for (const Leave &leave : ending.leaves)
    if (auto resolved = leave.known ? std::nullopt : resolve(leave.value, op, arm))
      out.leaves.push_back({resolved->value, resolved->known, leave.variable, leave.returns});
  return out;
}

bool ControlWriter::emitTail(IfOp op, const Ending &ending) {
  Ending late;
  SmallVector<std::string> assigned;
  for (const Target &target : ending.targets)
    if (target.value.getDefiningOp() == op.getOperation())
      assigned.push_back(target.variable);
    else
      late.targets.push_back(target);
  bool exits = false;
  for (const Leave &leave : ending.leaves)
    if (!leave.known && resolve(leave.value, op, 0))
      exits = true;
    else
      late.leaves.push_back(leave);
  // What comes after the branch sees the values before it.
  SmallVector<Value> seen;
  for (const Target &target : late.targets)
    seen.push_back(target.value);
  for (const Leave &leave : late.leaves)
    seen.push_back(leave.value);
  SmallPtrSet<Operation *, 8> after;
  for (Operation *next = op->getNextNode(); next; next = next->getNextNode()) {
    after.insert(next);
    if (!isa<YieldOp>(next))
      llvm::append_range(seen, next->getOperands());
  }
  const bool quiet = late.targets.empty() &&
                     llvm::all_of(late.leaves, [](const Leave &leave) { return leave.known == false; });
  SmallVector<std::pair<Value, Expression>> copies;
  for (Value v : seen)
    if (!after.contains(v.getDefiningOp()) && v.getDefiningOp() != op.getOperation() &&
        mentionsAny(expressions[v].text, assigned)) {
      const Expression e = expressions[v];
      if (isDeferred(v))
        bind(v, Expression(use(v)));
      else if (llvm::none_of(copies, [&](auto &copy) { return copy.first == v; }))
        copies.push_back({v, {declare(v.getType(), nameOf(v.getLoc()), e.text), 16}});
    }

  // Flags that the arms decide are printed nowhere: the condition may stand in the head alone.
  bool once = true;
  const auto isPrinted = [&](Value v) {
    return llvm::any_of(ending.targets, [&](const Target &t) { return t.value == v; });
  };
  SmallVector<Value> forms{stripped(op.getCondition()).first};
  for (size_t i = 0; i < forms.size(); ++i) {
    once &= !isPrinted(forms[i]) && forms[i].getParentBlock() == op->getBlock();
    for (Operation *user : forms[i].getUsers())
      if (auto negation = dyn_cast<NotOp>(user); negation && user->getBlock() == op->getBlock())
        forms.push_back(negation.getResult());
      else
        once &= user == op.getOperation() || (isa<YieldOp>(user) && user->getBlock() == op->getBlock());
  }
  if (once) {
    for (Value form : llvm::reverse(forms))
      unbind(form);
    // The texts of its negations have the name that is free again, and may soon be another's.
    for (Value form : llvm::drop_begin(forms))
      drop(form);
  }
  const bool leaves = printArms(op, armOf(op, 0, ending, quiet), armOf(op, 1, ending, quiet), exits);
  if (leaves)
    return true;
  for (auto &[v, copy] : copies)
    std::swap(expressions[v], copy);
  for (Operation *next = op->getNextNode(); next; next = next->getNextNode())
    if (!isa<YieldOp>(next))
      emit(*next);
  const bool ended = finish(late);
  for (auto &[v, copy] : copies) // another arm knows it under its old name
    std::swap(expressions[v], copy);
  return ended;
}

/// The condition that an arm for its opposite needs.
std::string ControlWriter::negated(Value condition) {
  const Expression &e = expressions[condition];
  Operation *op = condition.getDefiningOp();
  const bool isText = e.precedence == 9 || e.precedence == 8; // a comparison, written out
  if (op && isText && op->getNumOperands() == 2) {
    const OpKind kind = kindOf(op);
    const bool ordered =
        !isFloatLike(op->getOperand(0).getType()) && !isBoolLike(op->getOperand(0).getType());
    const char *opposite = nullptr;
    switch (kind) {
    case OpKind::cmp_eq:
      opposite = " != ";
      break;
    case OpKind::cmp_ne:
      opposite = " == ";
      break;
    case OpKind::cmp_lt:
      opposite = ordered ? " >= " : nullptr;
      break;
    case OpKind::cmp_le:
      opposite = ordered ? " > " : nullptr;
      break;
    case OpKind::cmp_gt:
      opposite = ordered ? " <= " : nullptr;
      break;
    case OpKind::cmp_ge:
      opposite = ordered ? " < " : nullptr;
      break;
    default:
      break;
    }
    if (opposite)
      return wrapped(expressions[op->getOperand(0)], 12) + opposite +
             wrapped(expressions[op->getOperand(1)], 12);
  }
  return "!" + wrapped(e, 15);
}

/// The condition as it stands in the text, without negations where those are not in variables.
std::pair<Value, bool> ControlWriter::conditionOf(IfOp op) {
  Value condition = op.getCondition();
  bool flipped = false;
  for (;;) {
    auto negation = condition.getDefiningOp<NotOp>();
    const bool inVariable = !negation || isLocal(condition);
    use(condition);
    if (inVariable)
      return {condition, flipped};
    condition = negation.getX();
    flipped = !flipped;
  }
}

bool ControlWriter::printArms(IfOp op, const Ending &thenEnding, const Ending &elseEnding, bool exits) {
  auto [condition, flipped] = conditionOf(op);
  if (alwaysTaken.contains(op))
    return emitBlock(op.getThenRegion().front(), thenEnding);
  const Ending &first = flipped ? elseEnding : thenEnding, &second = flipped ? thenEnding : elseEnding;
  Block &yes = op->getRegion(flipped ? 1 : 0).front(), &no = op->getRegion(flipped ? 0 : 1).front();
  const std::string test = use(condition).text, opposite = negated(condition);
  settleReads();
  SmallVector<std::string> assigned;
  for (const Ending *ending : {&first, &second})
    for (const Target &target : ending->targets)
      assigned.push_back(target.variable);
  settleMentions(assigned);
  std::optional<std::string> *outerHead = std::exchange(head, nullptr);
  if (!body.empty())
    outerHead = nullptr;
  bool yesLeaves = false, noLeaves = false;
  const std::string yesText = captured(1, [&] { yesLeaves = emitBlock(yes, first); });
  const std::string noText = captured(1, [&] { noLeaves = emitBlock(no, second); });
  const std::string margin(4 * (indent + 1), ' ');
  const auto branchTo = [&](const std::string &when, const std::string &what) {
    const bool jump =
        what == margin + "break;\n" || what == margin + "continue;\n" || what == margin + "return;\n";
    statement("if (" + when + ")" + (jump ? "" : " {"));
    body += what;
    if (!jump)
      statement("}");
  };
  if (outerHead && exits && (yesText == margin + "break;\n" || noText == margin + "break;\n")) {
    const bool yesBreaks = yesText == margin + "break;\n";
    *outerHead = yesBreaks ? opposite : test;
    body += outdented(yesBreaks ? noText : yesText);
    return yesBreaks ? noLeaves : yesLeaves;
  }
  if (yesLeaves && !noText.empty()) {
    branchTo(test, yesText);
    body += outdented(noText);
  } else if (noLeaves && !yesText.empty()) {
    branchTo(opposite, noText);
    body += outdented(yesText);
  } else if (yesText.empty() && !noText.empty() && first.inLoop) {
    branchTo(test, margin + "continue;\n");
    body += outdented(noText);
  } else if (noText.empty() && !yesText.empty() && second.inLoop && flipped) {
    branchTo(opposite, margin + "continue;\n");
    body += outdented(yesText);
  } else if (noText.empty()) {
    if (!yesText.empty())
      branchTo(test, yesText);
  } else if (yesText.empty()) {
    branchTo(opposite, noText);
  } else {
    statement("if (" + test + ") {");
    body += yesText;
    statement("} else {");
    body += noText;
    statement("}");
  }
  return yesLeaves && noLeaves;
}

bool ControlWriter::mayOverwrite(Value v, Operation *op, bool readInside) {
  if (!isLocal(v) || v.getParentBlock() != op->getBlock())
    return false;
  unsigned own = 0;
  for (OpOperand &use : v.getUses()) {
    Operation *here = op->getBlock()->findAncestorOpInBlock(*use.getOwner());
    if (!here || (here != op && op->isBeforeInBlock(here)))
      return false;
    own += here == op;
  }
  return readInside || own == 1;
}

void ControlWriter::branch(IfOp op) {
  auto given = op->getAttrOfType<ArrayAttr>(resultNamesAttr);
  Region &thenRegion = op.getThenRegion(), &elseRegion = op.getElseRegion();
  const bool elseEmpty = isa<YieldOp>(elseRegion.front().front());
  for (Value form = op.getCondition(); form;) {
    use(form); // read in the head of the branch, not before
    auto negation = form.getDefiningOp<NotOp>();
    form = negation && !isLocal(form) ? negation.getX() : Value();
  }
  settleReads();
  Ending all;
  SmallVector<std::string> variables, started;
  for (OpResult result : op.getResults()) {
    const unsigned i = result.getResultNumber();
    // In place, where the value that an arm hands on is read nowhere after.
    std::string variable;
    for (Region *region : {&elseRegion, &thenRegion}) {
      Value handed = yieldOf(*region).getOperand(i);
      if (variable.empty() && mayOverwrite(handed, op, true) &&
          !llvm::is_contained(variables, expressions[handed].text))
        variable = expressions[handed].text;
    }
    if (variable.empty()) {
      llvm::StringRef wish = given ? cast<StringAttr>(given[i]).getValue() : llvm::StringRef();
      // Without an else the variable starts as what it stays.
      variable =
          declare(result.getType(), wish, elseEmpty ? use(yieldOf(elseRegion).getOperand(i)).text : "");
      if (elseEmpty)
        started.push_back(variable);
    }
    variables.push_back(variable);
    all.targets.push_back({variable, result, true});
  }
  Ending elseEnding = armOf(op, 1, all, false);
  llvm::erase_if(elseEnding.targets,
                 [&](const Target &t) { return llvm::is_contained(started, t.variable); });
  printArms(op, armOf(op, 0, all, false), elseEnding, false);
  name(op.getResults(), variables);
}

void ControlWriter::name(ValueRange values, llvm::ArrayRef<std::string> variables) {
  for (auto [value, variable] : llvm::zip(values, variables))
    expressions[value] = {variable, 16};
}

} // namespace enigma::msl
