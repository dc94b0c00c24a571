// SPDX-License-Identifier: MIT
//
// The kernel under construction: its function, its open blocks and its variables. Handles share it, so that
// one that outlives its builder is an error and no dangling pointer.
//
//     State &s = stateOf("sqrt", {x});
//     return s.at(x.location(), [&](ir::Builder &b) { return b.emit(ir::Opcode::sqrt, {s.use("sqrt", x)});
//     });
#pragma once

#include "enigma/Language/Value.h"

#include <exception>
#include <functional>
#include <vector>

namespace enigma::language {

class State : public std::enable_shared_from_this<State> {
public:
  explicit State(std::string name);

  std::shared_ptr<ir::SourceLocTable> places = std::make_shared<ir::SourceLocTable>();
  ir::Function function;
  ir::Builder builder{function};
  bool finished = false;
  /// The first error, which must surface even if it is caught in between.
  std::exception_ptr error;

  struct Slot {
    ir::Type type;
    ir::Value value;
    uint64_t block;  ///< that computed the value
    uint64_t serial; ///< of the variable
    std::string name;
  };
  std::vector<Slot> variables;

  /// Calls `body` with the builder at a place. Its errors speak of C++, and are kept.
  template <class Body>
  auto at(const std::source_location &place, Body &&body) {
    requireOpen(place);
    builder.place = placeOf(place);
    if (hasLeft)
      openGuard();
    return guarded([&] { return body(builder); });
  }
  template <class Body>
  auto guarded(Body &&body) {
    try {
      return body();
    } catch (const Error &e) {
      rethrow(e);
    }
  }
  [[noreturn]] void fail(const std::source_location &place, std::string message,
                         std::vector<std::string> notes = {}) {
    requireOpen(place);
    builder.place = placeOf(place);
    guarded([&] { builder.fail(std::move(message), std::move(notes)); });
    __builtin_unreachable();
  }
  ir::Place placeOf(const std::source_location &place);

  /// The operand, which must be of this kernel and of a block that has not ended. Inside of `at`.
  ir::Operand use(std::string_view what, const Operand &operand);
  ir::Value use(std::string_view what, const Handle &handle);
  /// The operand as a value.
  ir::Value valueOf(std::string_view what, const Operand &operand);

  /// A constant position: u32, or wider where that is needed.
  ir::Value position(int64_t number) {
    return number >= 0 && number <= UINT32_MAX
               ? builder.constant(ir::Literal(number), ir::Type::value(ir::Elem::u32))
               : builder.literal(ir::Literal(number));
  }

  Value wrap(ir::Value value) { return Value(Handle{shared_from_this(), value, blocks.back()}); }

  /// Whether a value is this b1.
  bool isConstant(ir::Value value, bool number) const {
    const ir::Op *op = function.definition(value);
    return op && op->opcode == ir::Opcode::constant &&
           function.type(value) == ir::Type::value(ir::Elem::b1) && (op->immediate != 0) == number;
  }

  uint32_t declare(ir::Value initial, std::string_view name);
  void assign(uint32_t index, uint64_t serial, ir::Value value);
  Slot &variable(uint32_t index, uint64_t serial);

  // Blocks.
  /// Opens a block whose arguments after the first `skip` become the values of the variables.
  uint32_t open(std::span<const ir::Type> args, std::span<const uint32_t> carried, size_t skip);
  /// Ends it with `first`, the values of the variables, and `last`.
  void close(std::span<const ir::Value> first, std::span<const uint32_t> carried,
             std::span<const ir::Value> last = {});
  std::vector<ir::Value> valuesOf(std::span<const uint32_t> carried) const;
  std::vector<ir::Type> typesOf(std::span<const uint32_t> carried) const;
  void setValues(std::span<const uint32_t> carried, std::span<const ir::Value> values);
  /// Calls `trace` with the variables that its blocks assign: found out by tracing them. True of `trace` asks
  /// for another round.
  void carrying(const std::function<bool(std::span<const uint32_t>)> &trace);
  /// Calls a user's block, in the region that is open.
  void run(const std::function<void()> &block);

  // Leaving loops. What follows break_ or continue_ in the blocks around it goes into branches, "guards",
  // that the thread does not take once it has left; they end with their block.
  struct Loop {
    bool breaks = false, continues = false; ///< met in an earlier round of `carrying`
    bool hasContinues = false;              ///< of `continues`, when the round began
    bool isNews = false;                    ///< one of them was met in this round for the first time
    uint32_t skip = none, stop = none;      ///< slots of b1: the rest of the body is left out, the loop ends
    static constexpr uint32_t none = ~0u;
    bool leaves() const { return breaks || continues; }
  };
  /// Runs the body of a loop, in the region that is open. Returns whether the loop ends: a b1, if the loop
  /// has breaks.
  ir::Value runLoop(Loop &loop, const std::function<void()> &body);
  /// A block in which break_ and continue_ have no meaning.
  void runOutsideLoops(const std::function<void()> &block);
  /// break_ or continue_.
  void leave(std::string_view what, bool ends);
  /// The flag of the innermost loop, if it has one: compared before and after a branch.
  ir::Value skipped() const;
  void noteSkip(ir::Value before) { hasLeft = skipped().id != before.id; }

private:
  void requireOpen(const std::source_location &place) const;
  [[noreturn]] void rethrow(const Error &e);

  std::vector<uint64_t> blocks{0}; ///< open ones, the kernel's body first
  std::vector<size_t> declared;    ///< of each open block but the first: variables outside of it
  std::vector<std::vector<uint32_t>> assigned{{}}; ///< by nesting of `carrying`
  uint64_t nextBlock = 1, nextSerial = 1;

  struct Guard {
    ir::Value condition, inside; ///< of the branch; the flag in it
    uint32_t region, skip;       ///< the slot of the flag
    std::vector<Slot> before;
  };
  void openGuard();
  void closeGuards(size_t downTo);
  std::vector<Loop *> loops; ///< open ones; null for a block outside of them
  std::vector<Guard> guards;
  bool hasLeft = false; ///< the next operation of this block is only for threads that have not left the loop
};

/// As an error shows it: one column, since C++ tells no end.
SourceLoc locOf(const std::source_location &place);

/// The innermost builder of this thread. An error that names `what` where there is none.
State &current(std::string_view what, const std::source_location &place);
void enter(const std::shared_ptr<State> &state);
/// The kernel of the first operand that has one, or the innermost builder.
State &stateOf(std::string_view what, std::initializer_list<const Operand *> operands,
               const std::source_location &place = {});

/// A row of ir::pythonFunctions.
Value call(size_t function, const std::source_location &place,
           std::initializer_list<const Operand *> operands, ir::MathMode mode);
std::pair<Value, Value> callPair(size_t function, const std::source_location &place,
                                 std::initializer_list<const Operand *> operands, ir::MathMode mode);
Value query(ir::Opcode op, int axis, const std::source_location &place);
/// Accesses of atomics by their number of results.
void atomicStore(ir::Opcode op, const Buffer &buffer, const Operand &index,
                 std::initializer_list<const Operand *> values);
Value atomic(ir::Opcode op, const Buffer &buffer, const Operand &index,
             std::initializer_list<const Operand *> values);
std::pair<Value, Value> atomicPair(ir::Opcode op, const Buffer &buffer, const Operand &index,
                                   std::initializer_list<const Operand *> values);
void barrier(ir::Opcode op, ir::MemFlags flags, const std::source_location &place);
/// Of all three components.
Value queryProduct(ir::Opcode op, const std::source_location &place);

} // namespace enigma::language
