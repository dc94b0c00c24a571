// SPDX-License-Identifier: MIT
//
// Prints loops and branches as one would write them by hand: values that regions carry are variables which
// the arms assign in place, and a flag that says that a loop is to be left becomes a `break` (or `return`).
//
//     while %s, %stop {... and(%more, not(%stop)) ...} do { ... if %c {yield %s, true} else {...} ... }
//
// is printed as
//
//     while (more) { ...; if (c) break; ...; s = ...; }
#pragma once

#include "Writer.h"

#include <optional>

namespace enigma::msl {

class ControlWriter : public Writer {
protected:
  ControlWriter() = default;
  ~ControlWriter() = default;

  /// Prints one operation that is none of those below.
  virtual void emit(mlir::Operation &op) = 0;

  /// The body of a kernel.
  void emitBody(mlir::Block &block);
  void branch(dialect::IfOp op);
  void loop(dialect::ForOp op);
  void repeat(dialect::WhileOp op);

  std::vector<std::string> prelude;

private:
  /// A variable that takes a value at the end of a block.
  struct Target {
    std::string variable;
    mlir::Value value;
    bool readAfter = true; ///< whether the value is wanted after the loop around
  };
  /// A flag that leaves the loop around, where it becomes true at the end of a block.
  struct Leave {
    mlir::Value value;         ///< what it becomes
    std::optional<bool> known; ///< if that is known
    std::string variable;      ///< empty if nobody reads the flag after the loop
    bool returns = false;      ///< nothing comes after the loop then: "return" instead of "break"
  };
  /// What a block leaves behind.
  struct Ending {
    llvm::SmallVector<Target> targets;
    llvm::SmallVector<Leave, 2> leaves;
    bool inLoop = false; ///< the end of the block is the end of a loop's round: `continue` gets there
  };

  bool emitBlock(mlir::Block &block, const Ending &ending);
  bool finish(const Ending &ending);
  dialect::IfOp tailOf(mlir::Block &block, const Ending &ending);
  bool emitTail(dialect::IfOp op, const Ending &ending);
  Ending armOf(dialect::IfOp op, unsigned arm, const Ending &ending, bool keepsContinue);
  bool printArms(dialect::IfOp op, const Ending &thenEnding, const Ending &elseEnding, bool exits);
  std::pair<mlir::Value, bool> conditionOf(dialect::IfOp op);
  std::string negated(mlir::Value condition);

  std::string carried(mlir::Operation *op, unsigned index, mlir::Value initial);
  /// The exit flags of a loop and what else its condition asks; nothing if it has none.
  struct Exits;
  static std::optional<Exits> exitsOf(dialect::WhileOp op);
  void repeatWithExits(dialect::WhileOp op, const Exits &exits);
  /// Whether the operation may overwrite the variable of a value, since nothing reads it after the operation,
  /// nor, unless `readInside`, in it.
  bool mayOverwrite(mlir::Value v, mlir::Operation *op, bool readInside);
  void name(mlir::ValueRange values, llvm::ArrayRef<std::string> variables);
  /// Of a flag of a loop: the branch at the end of the kernel that runs only where the flag is false.
  dialect::IfOp onlyUnless(mlir::Value flag);

  std::optional<std::string> *head = nullptr; ///< where a break that starts a loop's body puts its condition
  llvm::SmallPtrSet<mlir::Operation *, 2> alwaysTaken; ///< branches that a `return` before made certain
};

} // namespace enigma::msl
