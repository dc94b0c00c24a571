// SPDX-License-Identifier: MIT
//
// The kernel that is being traced on this thread, and places in the user's Python.
//
// A place is a code object and an instruction offset, which cost a few nanoseconds to take; file, line and
// columns are looked up only when an error or dump needs them. Frames of the package itself are skipped.
#pragma once

#include "enigma/IR/Index.h"
#include "enigma/IR/Tensor.h"
#include "errors.h"

namespace enigma::bindings {

/// Places in Python code. Used under the GIL but for its destruction.
class CodeTable final : public ir::LocationTable {
public:
  CodeTable() = default;
  CodeTable(const CodeTable &) = delete;
  ~CodeTable() override;

  /// The instruction that the innermost frame outside the package is at.
  ir::Place here();
  /// A place that is known by line and column.
  ir::Place add(SourceLoc loc);
  SourceLoc resolve(ir::Place place) const override;

private:
  struct Entry {
    PyObject *code; // owned
    bool own;       // of the package
  };
  uint32_t indexOf(PyObject *code);

  std::vector<Entry> codes;
  std::vector<SourceLoc> fixed;
  PyObject *lastCode = nullptr; // borrowed from `codes`
  uint32_t lastIndex = 0;
};

struct ValueHandle;
struct TensorState;

/// One tracing of one kernel. Handles carry its serial number and so know when it is over.
struct Trace {
  explicit Trace(std::string name, ir::LaunchSize launch = {});
  ~Trace();
  Trace(const Trace &) = delete;

  uint64_t serial;
  std::shared_ptr<CodeTable> places = std::make_shared<CodeTable>();
  ir::Function function;
  ir::Builder builder{function};
  /// How it is launched, where a jit function says so, and the memories of the tensors that it can use.
  ir::LaunchSize launch;
  std::vector<std::pair<std::shared_ptr<const ir::Memory>, ir::Value>> memories;
  std::unique_ptr<TensorState> tensorState;
  /// Made at the first call.
  TensorState &tensors();
  /// The first TraceError, which must surface even if the kernel's own code swallows it.
  nb::object error;
  /// Open regions, the outermost first: the first value that each defines. Values of closed ones are in
  /// `ended`, by id.
  struct Scope {
    uint32_t firstValue, region;
    /// What the condition of the region says of numbers, and what was known of them before.
    std::vector<std::pair<ir::IndexSpace::Id, std::optional<ir::IndexRange>>> narrowed = {};
    bool isDead = false; ///< the condition holds for no thread
  };
  /// The innermost scope's conditions hold no longer.
  void widen();
  /// Closes scopes until this many are open.
  void popScopes(size_t count);
  std::vector<Scope> scopes;
  std::vector<bool> ended;
  /// By epoch: values from this id on were forgotten since. A loop's body may be traced again, which numbers
  /// its values anew.
  std::vector<uint32_t> kept{~0u};
  uint32_t epoch() const { return kept.size() - 1; }
  /// The function was rolled back and has this many values.
  void forget(uint32_t values);

  enum class State { usable, ended, forgotten };
  State state(ir::Value value, uint32_t epoch) const;
  State state(const ValueHandle &handle) const;

  /// The trace that this one interrupts: a kernel may compile another.
  Trace *outer;

  /// The builder, at the user's current line.
  ir::Builder &at() {
    builder.place = places->here();
    return builder;
  }
};

extern constinit thread_local Trace *currentTrace;

/// The user's line that is running, inside a trace or not.
SourceLoc callerLocation();
/// The current trace; an error that names `what` and says what to do where there is none.
Trace &requireTrace(std::string_view what);

/// Calls the user's function with what stands for its arguments. Throws what it throws or has caught of ours,
/// and a TraceError where it leaves a block open or returns something; `result` is how it gives results.
void callKernel(Trace &trace, const SourceLoc &place, nb::handle function,
                const std::vector<PyObject *> &arguments, const char *result);

/// A place from (line, column, end line, end column).
SourceLoc locFrom(const std::string &file, nb::handle range);

} // namespace enigma::bindings
