// SPDX-License-Identifier: MIT
//
// The text of a function while it grows: one statement for each value that has a name, is used more than once
// or must not move, and everything else deferred into the expression that uses it.
//
//     define(v, {"A[i]", 16}, /*readsMemory=*/true);    // "float v0 = A[i];" or nothing yet
//     use(v).text                                       // "v0" or "A[i]"
#pragma once

#include "Names.h"
#include "Templates.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"

namespace enigma::msl {

class Writer {
protected:
  Writer() = default;
  ~Writer() = default;
  Writer(const Writer &) = delete;
  Writer &operator=(const Writer &) = delete;

  void statement(const std::string &text);

  /// A variable for the value, under the user's name or a number.
  void bind(mlir::Value v, const Expression &e);
  /// Takes back what bind printed, if that was the last statement, so that the value stands in the one place
  /// left that prints it. Keeps variables that the user named.
  void unbind(mlir::Value v);
  /// Inside the expression of its only user, unless it has a name, is long, or is not used at all.
  void define(mlir::Value v, Expression e, bool readsMemory);
  /// The expression of an operand; a memory read inside it moves to where it is used.
  const Expression &use(mlir::Value v);
  /// An expression that may be written several times: a variable or a literal.
  Expression stable(mlir::Value v);
  /// An operand that its user evaluates in some lanes only: operations among lanes stay in front of it, where
  /// all lanes take part.
  void keepLanesTogether(mlir::Operation &op);
  /// Reads that were put off happen before a write, operations among lanes before some of them leave.
  void settleReads();
  /// Deferred expressions that name one of these variables are computed before it is assigned.
  void settleMentions(llvm::ArrayRef<std::string> variables);

  /// Drops a deferred expression that nobody is going to use.
  void drop(mlir::Value v);

  /// Drops what was deferred in a block, at its end: nobody asked for it.
  void forget(mlir::Block &block);

  /// A declared variable that may be assigned.
  std::string declare(mlir::Type type, llvm::StringRef wish, const std::string &start);
  bool isLocal(mlir::Value v) const;
  bool isDeferred(mlir::Value v) const { return deferred.contains(v); }
  /// variables = values, all at once: a value that names a variable assigned before it goes through another
  /// one.
  void assign(llvm::ArrayRef<std::string> variables, mlir::ValueRange values);
  /// What `write` prints, `deeper` levels further in, instead of printing it.
  std::string captured(int deeper, llvm::function_ref<void()> write);

  static bool mentions(llvm::StringRef text, llvm::StringRef name);
  static bool mentionsAny(llvm::StringRef text, llvm::ArrayRef<std::string> names);

  size_t indent = 1;
  Names names;
  llvm::DenseMap<mlir::Value, Expression> expressions;
  bool consumedRead = false;  ///< whether the operation at hand took a deferred memory read in
  bool consumedLanes = false; ///< the same of operations among lanes
  std::string body;

private:
  struct Binding {
    Expression expression;
    std::string statement;
  };
  llvm::SetVector<mlir::Value> deferred;   ///< expressions that are not yet in a statement
  llvm::SetVector<mlir::Value> pending;    ///< those of them that read memory or ask other lanes
  llvm::SetVector<mlir::Value> amongLanes; ///< those that ask other lanes
  llvm::DenseMap<mlir::Value, Binding> bindings;
  llvm::StringSet<> locals;
};

} // namespace enigma::msl
