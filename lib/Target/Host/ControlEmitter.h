// SPDX-License-Identifier: MIT
//
// Branches and loops of 32 lanes. A condition or bounds that are the same in all lanes stay scalar branches
// and loops. Where lanes differ, both arms of a branch run under a mask, each only if it has lanes, and a
// loop runs as long as it has lanes: lanes that left it keep their values, and memory is touched for active
// lanes alone.
//
//   Values results = control.branch(condition, {.emit = [&] { return thenValues; }}, {.emit = [&] { ... }});
//   Values sums = control.forLoop({lower, upper, step}, {zero}, used, [&](const Lanes &position, const Values
//   &carried) {
//     return Values{b.add(carried[0], ...)};
//   });
//
// What a loop carries is as simple as is true of it in every iteration (uniform, linear or varying). That is
// known only after the body, so the first attempt assumes that values keep the shape that they start with;
// CarriedShapes notes where that was wrong, and the whole kernel is emitted again until nothing was. Shapes
// only ever lose, so few attempts do, and their number has a limit.
#pragma once

#include "KernelEmitter.h"
#include "LaneMemory.h"

#include "llvm/ADT/SmallVector.h"

#include <vector>

namespace enigma::host {

/// The components of several values, one after the other.
using Values = llvm::SmallVector<Lanes, 8>;

/// What is assumed of each loop's carried values, from one attempt to the next.
class CarriedShapes {
public:
  struct Form {
    Lanes::Shape shape = Lanes::Shape::Uniform;
    int64_t stride = 0;
    bool isAligned = false;
    bool operator==(const Form &) const = default;
  };
  struct Loop {
    bool isKnown = false;     ///< `carried` is set
    bool isDivergent = false; ///< a while that lanes leave at different times
    std::vector<Form> carried;
  };

  static Form formOf(const Lanes &x) { return {x.shape, x.stride, x.isAligned}; }
  /// The simplest form that values of both forms have.
  static Form common(const Form &x, const Form &y);

  void beginAttempt();
  /// Whether the last attempt found an assumption wrong, so that its code is not to be used.
  bool mustRepeat() const { return changed; }
  /// The next loop, in the order in which they are emitted, with what it starts from taken in.
  unsigned enter(const Values &initial);
  /// Leaves a number out, so that loops keep theirs whichever form those before them have.
  void skip() { ++next; }
  /// A copy: loops inside the body may be added meanwhile.
  Loop loop(unsigned number) const { return loops[number]; }
  /// Takes into account that component `i` comes to have this form too.
  void weaken(unsigned number, size_t i, const Form &form);
  void makeDivergent(unsigned number);

private:
  /// From this attempt on all loops are divergent and all that they carry is varying, which is always right.
  static constexpr unsigned kAttempts = 8;
  std::vector<Loop> loops;
  unsigned next = 0, attempt = 0;
  bool changed = false;
};

class ControlEmitter {
public:
  /// What a branch or loop needs for its reports.
  struct Watch {
    uint32_t site = 0;         ///< of one that changes simdgroup matrices
    bool countsRounds = false; ///< of a loop: barriers inside say in which round they are
  };
  /// One region of a branch. A cheap one is pure and short: it costs less than the branch around it.
  struct Arm {
    llvm::function_ref<Values()> emit;
    bool isCheap = false;
  };
  using Body = llvm::function_ref<Values(const Values &)>;

  ControlEmitter(KernelEmitter &inKernel, LaneBuilder &builder, CarriedShapes &assumed)
      : kernel(inKernel), b(builder), ir(builder.ir), shapes(assumed) {}

  /// Around the work of one block. `hasLoops`: it is to notice when the launch is cancelled.
  void openBlock(bool hasLoops);
  void closeBlock();

  /// Lanes that are active here; never none of them.
  const LaneMask &active() const { return mask; }
  /// The lanes of `outer` in which `condition` holds.
  LaneMask narrowed(const LaneMask &outer, const Lanes &condition);

  /// Tells the rounds of the loops around apart that count them: an i32, null where none does.
  llvm::Value *rounds() const { return roundsHere; }

  Values branch(const Lanes &condition, Arm thenArm, Arm elseArm, Watch watch);
  /// `body` gets the position and the carried values and gives the next ones. Results that are not `used` are
  /// nothing to rely on. The body of a short range may be emitted twice.
  struct Range {
    Lanes lower, upper, step;
    bool isShort = false; ///< few operations and no loops
    Watch watch;
  };
  using ForBody = llvm::function_ref<Values(const Lanes &position, const Values &carried)>;
  Values forLoop(const Range &range, const Values &initial, llvm::ArrayRef<bool> used, ForBody body);
  /// `condition` gives the condition and, behind it, what goes to the body, and is the result where the
  /// condition does not hold.
  Values whileLoop(const Values &initial, llvm::ArrayRef<bool> used, Watch watch, Body condition, Body body);

private:
  struct ArmCode {
    Values values;
    llvm::BasicBlock *end = nullptr;
    llvm::Value *budget = nullptr;
  };
  llvm::BasicBlock *block(const char *name);
  LaneMask maskOf(llvm::Value *bits);
  Values branchUniformly(const Lanes &condition, Arm thenArm, Arm elseArm);
  Values armUnderMask(const LaneMask &lanes, Arm arm);
  Values countedLoop(const Range &range, const Lanes &count, const Lanes &from, const Values &initial,
                     llvm::ArrayRef<bool> used, ForBody body);
  Lanes tripCount(const Lanes &lower, const Lanes &upper, const Lanes &step);
  /// The raw value of x in a form; where x does not have it, that is noted for the next attempt.
  llvm::Value *inForm(unsigned loop, size_t i, const CarriedShapes::Form &form, const Lanes &x);
  /// Gives a result the form that the loop's value was found to have, so that what encloses the loop learns
  /// of it in the same attempt, and the number of attempts does not grow with the depth of loops.
  void passOnWeakness(unsigned loop, size_t i, const CarriedShapes::Form &assumed, Lanes &result);
  Lanes phi(const CarriedShapes::Form &form, ElementKind type, const char *name);
  Values carriedPhis(const CarriedShapes::Loop &assumed, const Values &initial,
                     llvm::ArrayRef<llvm::Value *> start, llvm::BasicBlock *before,
                     llvm::function_ref<bool(size_t)> isKept, llvm::MutableArrayRef<llvm::PHINode *> kept);
  llvm::Value *selected(llvm::Value *bits, llvm::Value *yes, llvm::Value *no);
  llvm::PHINode *budgetPhi();
  /// Goes into round `k` of a loop, and gives what rounds() was outside.
  llvm::Value *enterRound(llvm::Value *k);
  static bool changesMatrices(const Values &before, const Values &after);
  /// Ends a block that goes back to `head` if `more` holds (null: always), else to `leave`. Returns the block
  /// that the edge to `head` comes from; the edge to `leave` comes from `leaving`.
  llvm::BasicBlock *goBack(llvm::Value *more, llvm::BasicBlock *head, llvm::BasicBlock *leave,
                           llvm::PHINode *budget, llvm::BasicBlock *&leaving, llvm::Value *&left);

  KernelEmitter &kernel;
  LaneBuilder &b;
  llvm::IRBuilder<> &ir;
  CarriedShapes &shapes;
  LaneMask mask;
  llvm::Value *budget =
      nullptr; ///< back edges until the launch is asked whether to go on; null without loops
  llvm::AllocaInst *budgetMemory = nullptr;
  llvm::Value *roundsHere = nullptr;
};

/// Whether a launch is to stop (non-zero): asks the runtime, so that its time-out and interrupt work in loops
/// that are long. Generated code calls it as enigma_must_stop.
uint32_t mustStop(const LaneFrame *frame);

} // namespace enigma::host
