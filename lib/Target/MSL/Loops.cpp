// SPDX-License-Identifier: MIT
//
// Prints the two kinds of loop; see Control.h.
#include "Control.h"

using namespace mlir;

namespace enigma::msl {

using namespace dialect;

static YieldOp yieldOf(Region &region) { return cast<YieldOp>(region.front().back()); }

/// The variable of a carried value, which takes the initial one and keeps the last one.
std::string ControlWriter::carried(Operation *op, unsigned index, Value initial) {
  if (mayOverwrite(initial, op, false))
    return expressions[initial].text;
  auto given = op->getAttrOfType<ArrayAttr>(resultNamesAttr);
  llvm::StringRef wish = given ? cast<StringAttr>(given[index]).getValue() : llvm::StringRef();
  if (wish.empty())
    wish = nameOf(initial.getLoc());
  return declare(initial.getType(), wish, use(initial).text);
}

void ControlWriter::loop(ForOp op) {
  settleReads();
  std::string type = typeName(op.getLower().getType());
  bool isUnsigned = isUnsignedIntLike(op.getLower().getType());
  Expression lower = stable(op.getLower()), upper = stable(op.getUpper()), step = stable(op.getStep());
  SmallVector<std::string> variables;
  for (auto [i, initial] : llvm::enumerate(op.getInitial()))
    variables.push_back(carried(op, i, initial));
  settleMentions(variables);
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
  bool small =
      constantStep && *constantStep > -room && *constantStep < room && widthOf(op.getLower().getType()) >= 32;
  bool fits = op->hasAttr(inRangeAttr);
  bool up = constantStep &&
            (*constantStep == 1 || (*constantStep > 1 && (fits || (small && bound && *bound < room))));
  bool down = constantStep && !isUnsigned &&
              (*constantStep == -1 || (*constantStep < -1 && (fits || (small && bound && *bound > -room))));
  bool narrow = widthOf(op.getLower().getType()) < 32;
  std::string position;
  if (up && !(narrow && *constantStep != 1)) {
    std::string advance = *constantStep == 1 ? "++" + i : i + " += " + step.text;
    statement("for (" + type + " " + i + " = " + lower.text + "; " + i + " < " + upper.text + "; " + advance +
              ") {");
  } else if (down && !(narrow && *constantStep != -1)) {
    std::string advance = *constantStep == -1 ? "--" + i : i + " -= " + std::to_string(-*constantStep);
    statement("for (" + type + " " + i + " = " + lower.text + "; " + i + " > " + upper.text + "; " + advance +
              ") {");
  } else {
    std::string unsignedType = typeName(unsignedLike(op.getLower().getType()));
    std::string count = names.claim(i + "_count"), k = names.claim(i + "_step");
    prelude.push_back("enigma_trip_count:" + type);
    statement(unsignedType + " " + count + " = enigma_trip_count<" + type + ", " + unsignedType + ">(" +
              lower.text + ", " + upper.text + ", " + step.text + ");");
    statement("for (" + unsignedType + " " + k + " = 0; " + k + " < " + count + "; ++" + k + ") {");
    // Narrow types would be promoted to int, which the product may not fit.
    std::string wide = narrow ? "uint" : unsignedType;
    position = type + " " + i + " = " + type + "(" + wide + "(" + lower.text + ") + " + k + " * " + wide +
               "(" + step.text + "));";
  }
  Ending ending;
  ending.inLoop = true;
  for (auto [variable, value] : llvm::zip(variables, yieldOf(op.getBody()).getOperands()))
    ending.targets.push_back({variable, value});
  auto *outerHead = std::exchange(head, nullptr);
  const std::string text = captured(1, [&] {
    if (!position.empty())
      statement(position);
    emitBlock(op.block(), ending);
  });
  head = outerHead;
  body += text;
  statement("}");
  name(op.getResults(), variables);
}

/// What the condition of a loop is made of.
struct ControlWriter::Exits {
  SmallVector<Value> asks;            ///< all of these hold
  SmallVector<unsigned> flags;        ///< and none of these carried values, which start as false
  SmallPtrSet<Operation *, 8> joints; ///< what puts them together, which the text does not need
};

std::optional<ControlWriter::Exits> ControlWriter::exitsOf(WhileOp op) {
  Block &test = op.getConditionRegion().front();
  YieldOp yield = yieldOf(op.getConditionRegion());
  for (auto [argument, passed] : llvm::zip(test.getArguments(), yield.getOperands().drop_front()))
    if (argument != passed)
      return std::nullopt;
  Exits out;
  SmallVector<Value> terms{yield.getOperand(0)};
  while (!terms.empty()) {
    Value term = terms.pop_back_val();
    auto both = term.getDefiningOp<AndOp>();
    if (both && both->getBlock() == &test && term.hasOneUse()) {
      out.joints.insert(both);
      terms.push_back(both.getY());
      terms.push_back(both.getX());
      continue;
    }
    auto negation = term.getDefiningOp<NotOp>();
    auto flag = negation ? dyn_cast<BlockArgument>(negation.getX()) : BlockArgument();
    const unsigned index = flag ? flag.getArgNumber() : 0;
    const auto starts = flag && flag.getOwner() == &test ? constantInt(op.getInitial()[index]) : std::nullopt;
    if (starts && *starts == 0 && term.hasOneUse() && llvm::range_size(flag.getUses()) == 2)
      out.flags.push_back(index), out.joints.insert(negation); // used by the negation and passed on
    else
      out.asks.push_back(term);
  }
  if (out.flags.empty())
    return std::nullopt;
  return out;
}

void ControlWriter::repeat(WhileOp op) {
  settleReads();
  if (auto exits = exitsOf(op))
    return repeatWithExits(op, *exits);
  SmallVector<std::string> variables;
  for (auto [i, initial] : llvm::enumerate(op.getInitial()))
    variables.push_back(carried(op, i, initial));
  settleMentions(variables);
  Region &test = op.getConditionRegion();
  name(test.getArguments(), variables);
  // The condition in the head of the loop where it is one expression, else before a break.
  std::string condition;
  auto *outerHead = std::exchange(head, nullptr);
  std::string statements = captured(1, [&] {
    for (Operation &inner : test.front())
      if (!isa<YieldOp>(inner))
        emit(inner);
    condition = use(yieldOf(test).getOperand(0)).text;
    bool changes = llvm::any_of(llvm::zip(yieldOf(test).getOperands().drop_front(), test.getArguments()),
                                [](auto pair) { return std::get<0>(pair) != std::get<1>(pair); });
    if (changes) // the condition is of the values before
      condition = declare(yieldOf(test).getOperand(0).getType(), "", condition);
    assign(variables, yieldOf(test).getOperands().drop_front());
  });
  name(op.getBody().getArguments(), variables);
  Ending ending;
  ending.inLoop = true;
  for (auto [variable, value] : llvm::zip(variables, yieldOf(op.getBody()).getOperands()))
    ending.targets.push_back({variable, value});
  statement(statements.empty() ? "while (" + condition + ") {" : "while (true) {");
  body += statements;
  body += captured(1, [&] {
    if (!statements.empty()) {
      statement("if (!(" + condition + "))");
      statement("    break;");
    }
    emitBlock(op.getBody().front(), ending);
  });
  head = outerHead;
  statement("}");
  name(op.getResults(), variables);
}

IfOp ControlWriter::onlyUnless(Value flag) {
  if (!flag.hasOneUse() || !isa<KernelOp>(flag.getDefiningOp()->getParentOp()))
    return {};
  auto negation = dyn_cast<NotOp>(*flag.user_begin());
  auto op = negation && negation->hasOneUse() ? dyn_cast<IfOp>(*negation->user_begin()) : IfOp();
  if (!op || op.getNumResults() != 0 || !isa<YieldOp>(op.getElseRegion().front().front()) ||
      op->getBlock() != flag.getParentBlock())
    return {};
  for (Operation *next = flag.getDefiningOp()->getNextNode(); next; next = next->getNextNode())
    if (next != op.getOperation() &&
        (next->getNumRegions() != 0 || !isMemoryEffectFree(next) || isConvergent(kindOf(next))))
      return {};
  return op;
}

/// A loop that a flag ends: the flag is a break.
void ControlWriter::repeatWithExits(WhileOp op, const Exits &exits) {
  Block &test = op.getConditionRegion().front(), &inside = op.getBody().front();
  YieldOp yield = yieldOf(op.getBody());
  const Expression no{"false", 16};
  const unsigned count = op.getInitial().size();

  // for (k = initial; k < bound; ++k)
  std::optional<unsigned> counter;
  if (exits.asks.size() == 1)
    if (auto less = exits.asks[0].getDefiningOp<CmpLtOp>(); less && isIntLike(less.getX().getType()))
      if (auto k = dyn_cast<BlockArgument>(less.getX()); k && k.getOwner() == &test) {
        auto next = yield.getOperand(k.getArgNumber()).getDefiningOp<AddOp>();
        const auto step = next && next.getX() == inside.getArgument(k.getArgNumber())
                              ? constantInt(next.getY())
                              : std::nullopt;
        if (step && *step == 1 && op.getResult(k.getArgNumber()).use_empty())
          counter = k.getArgNumber();
      }

  Ending ending;
  ending.inLoop = true;
  SmallVector<std::string> variables(count);
  std::string start;
  for (unsigned i = 0; i < count; ++i) {
    Value initial = op.getInitial()[i], result = op.getResult(i), next = yield.getOperand(i);
    const bool isFlag = llvm::is_contained(exits.flags, i);
    if (counter == i) {
      llvm::StringRef wish = nameOf(inside.getArgument(i).getLoc());
      auto given = op->getAttrOfType<ArrayAttr>(resultNamesAttr);
      if (given && !cast<StringAttr>(given[i]).getValue().empty())
        wish = cast<StringAttr>(given[i]).getValue();
      start = use(initial).text;
      variables[i] = names.claim(wish.empty() ? "i" : wish);
    } else if (!isFlag) {
      variables[i] = carried(op, i, initial);
      ending.targets.push_back({variables[i], next, !result.use_empty()});
    } else {
      Leave leave{next, std::nullopt, "", false};
      if (auto known = constantInt(next))
        leave.known = *known != 0;
      if (IfOp rest = onlyUnless(result)) {
        leave.returns = true;
        alwaysTaken.insert(rest);
      } else if (!result.use_empty()) {
        leave.variable = variables[i] = carried(op, i, initial);
      }
      ending.leaves.push_back(leave);
    }
    for (Value argument : {test.getArgument(i), inside.getArgument(i)})
      expressions[argument] = isFlag ? no : Expression{variables[i], 16};
  }
  SmallVector<std::string> used(llvm::make_filter_range(variables, [](auto &v) { return !v.empty(); }));
  settleMentions(used);

  auto *outerHead = std::exchange(head, nullptr);
  std::string condition;
  const std::string statements = captured(1, [&] {
    for (Operation &inner : test)
      if (!isa<YieldOp>(inner) && !exits.joints.contains(&inner))
        emit(inner);
    for (Value ask : exits.asks)
      condition +=
          (condition.empty() ? "" : " && ") + (exits.asks.size() > 1 ? wrapped(use(ask), 4) : use(ask).text);
  });
  std::optional<std::string> early;
  std::string text = captured(1, [&] {
    if (condition.empty() && statements.empty())
      head = &early;
    emitBlock(inside, ending);
    head = nullptr;
  });
  head = outerHead;
  if (early)
    condition = *early;
  if (counter && statements.empty())
    statement("for (" + typeName(op.getInitial()[*counter].getType()) + " " + variables[*counter] + " = " +
              start + "; " + condition + "; ++" + variables[*counter] + ") {");
  else
    statement("while (" + (condition.empty() || !statements.empty() ? "true" : condition) + ") {");
  body += statements;
  if (!statements.empty() && !condition.empty()) {
    body += captured(1, [&] {
      statement("if (!(" + condition + "))");
      statement("    break;");
    });
  }
  body += text;
  statement("}");
  for (unsigned i = 0; i < count; ++i)
    expressions[op.getResult(i)] = variables[i].empty() ? no : Expression{variables[i], 16};
}

} // namespace enigma::msl
