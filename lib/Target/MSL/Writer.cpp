// SPDX-License-Identifier: MIT
//
// See Writer.h.
#include "Writer.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace enigma::msl {

using namespace dialect;

// Longer expressions are cut by a variable: for readers, and for compilers that count brackets.
static constexpr size_t longestInline = 96;

void Writer::statement(const std::string &text) { body.append(4 * indent, ' ') += text + "\n"; }

std::string Writer::declare(Type type, llvm::StringRef wish, const std::string &start) {
  std::string name = names.claim(wish);
  statement(typeName(type) + " " + name + (start.empty() ? "" : " = " + start) + ";");
  locals.insert(name);
  return name;
}

void Writer::bind(Value v, const Expression &e) {
  const size_t before = body.size();
  Expression kept = e;
  std::string name = declare(v.getType(), nameOf(v.getLoc()), e.text);
  expressions[v] = {name, 16};
  bindings[v] = {std::move(kept), body.substr(before)};
  deferred.remove(v);
  amongLanes.remove(v);
}

void Writer::unbind(Value v) {
  auto at = bindings.find(v);
  if (at == bindings.end() || !nameOf(v.getLoc()).empty() ||
      !llvm::StringRef(body).ends_with(at->second.statement))
    return;
  body.resize(body.size() - at->second.statement.size());
  locals.erase(expressions[v].text);
  names.release(expressions[v].text);
  expressions[v] = std::move(at->second.expression);
  bindings.erase(at);
}

void Writer::define(Value v, Expression e, bool readsMemory) {
  bool named = !nameOf(v.getLoc()).empty();
  // Used in a loop, it would be computed again each time.
  bool here = v.hasOneUse() && v.user_begin()->getBlock() == v.getParentBlock();
  // What a region starts from or carries on goes into the variable that carries it, whatever its own name.
  named &= !(here && isa<YieldOp, ForOp, WhileOp>(*v.user_begin()));
  if (!here || named || e.text.size() > longestInline)
    return bind(v, e);
  expressions[v] = std::move(e);
  deferred.insert(v);
  if (readsMemory || consumedLanes)
    pending.insert(v);
  if (consumedLanes)
    amongLanes.insert(v);
}

const Expression &Writer::use(Value v) {
  consumedRead |= pending.remove(v);
  consumedLanes |= amongLanes.contains(v);
  deferred.remove(v);
  return expressions[v];
}

void Writer::keepLanesTogether(Operation &op) {
  const OpKind kind = kindOf(&op);
  const bool isLazy = kind == OpKind::select || kind == OpKind::and_ || kind == OpKind::or_ ||
                      kind == OpKind::load_if || kind == OpKind::store_if;
  for (Value v : op.getOperands())
    if (isLazy && isDeferred(v) && amongLanes.contains(v)) {
      pending.remove(v);
      bind(v, Expression(expressions[v]));
    }
}

Expression Writer::stable(Value v) {
  const bool onlyHere = isDeferred(v);
  const Expression e = use(v);
  bool simple = llvm::all_of(e.text, [](char c) { return llvm::isAlnum(c) || c == '_'; });
  if (simple || v.getDefiningOp<ConstantOp>())
    return e;
  if (!onlyHere) // others know it under its own text, perhaps outside the block at hand
    return {declare(v.getType(), "", e.text), 16};
  bind(v, e);
  return expressions[v];
}

void Writer::settleReads() {
  for (Value v : llvm::to_vector(pending))
    bind(v, expressions[v]);
  pending.clear();
}

void Writer::settleMentions(llvm::ArrayRef<std::string> variables) {
  for (Value v : llvm::to_vector(deferred))
    if (mentionsAny(expressions[v].text, variables)) {
      bind(v, expressions[v]);
      pending.remove(v);
    }
}

void Writer::drop(Value v) {
  deferred.remove(v);
  amongLanes.remove(v);
  pending.remove(v);
}

void Writer::forget(Block &block) {
  const auto isInside = [&](Value v) { return v.getParentBlock() == &block; };
  deferred.remove_if(isInside);
  amongLanes.remove_if(isInside);
  pending.remove_if(isInside);
}

bool Writer::isLocal(Value v) const {
  auto at = expressions.find(v);
  return at != expressions.end() && locals.contains(at->second.text);
}

bool Writer::mentions(llvm::StringRef text, llvm::StringRef name) {
  auto isWord = [](char c) { return llvm::isAlnum(c) || c == '_'; };
  for (size_t at = text.find(name); at != llvm::StringRef::npos; at = text.find(name, at + 1))
    if ((at == 0 || !isWord(text[at - 1])) &&
        (at + name.size() == text.size() || !isWord(text[at + name.size()])))
      return true;
  return false;
}

bool Writer::mentionsAny(llvm::StringRef text, llvm::ArrayRef<std::string> names) {
  return llvm::any_of(names, [&](const std::string &name) { return mentions(text, name); });
}

void Writer::assign(llvm::ArrayRef<std::string> variables, ValueRange values) {
  SmallVector<std::pair<std::string, std::string>> pairs;
  for (auto [variable, value] : llvm::zip(variables, values))
    if (std::string text = use(value).text; text != variable)
      pairs.emplace_back(variable, text);
  for (size_t i = 0; i < pairs.size(); ++i)
    for (size_t k = i + 1; k < pairs.size(); ++k)
      if (mentions(pairs[k].second, pairs[i].first)) {
        size_t which = llvm::find(variables, pairs[k].first) - variables.begin();
        pairs[k].second = declare(values[which].getType(), pairs[k].first + "_next", pairs[k].second);
      }
  for (auto &[variable, text] : pairs)
    statement(variable + " = " + text + ";");
}

std::string Writer::captured(int deeper, llvm::function_ref<void()> write) {
  std::string before = std::move(body);
  body.clear();
  indent += deeper;
  write();
  indent -= deeper;
  std::string text = std::move(body);
  body = std::move(before);
  return text;
}

} // namespace enigma::msl
