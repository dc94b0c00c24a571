// SPDX-License-Identifier: MIT
//
// Integers of a kernel as layouts compute with them: sums of multiples of what is known only at run time,
// with the range of each, so that offsets fold, divisions by a layout's extents vanish where the launch
// allows it, and one can ask how large a coordinate gets. Operations are made only for what is asked for by
// emit().
//
//     IndexSpace space(builder, {{128, 64, 1}, {64, 4, 1}});
//     layout::Node t = space.node(space.of(thread));                  // a leaf for layout algebra
//     space.range(space.of(thread));                                  // 0 to 127
//     space.emit(space.from(layout::add(t, layout::intNode(3))));     // thread + 3, in u32
//
// A remainder and a quotient are *digits* of a number: digit(x, low, high) is (x / low) % (high / low), so
// that neighbouring digits join again: x % 64 * 4 + x / 64 * 256 is x * 4. Positions in a threadgroup and of
// a threadgroup are digits of the position in the grid.
#pragma once

#include "enigma/IR/Builder.h"
#include "enigma/Layout/Node.h"

#include <array>
#include <optional>
#include <unordered_map>

namespace enigma::ir {

/// How many threads run: in all, and in a threadgroup. Zeros where that is not known.
struct LaunchSize {
  std::array<int64_t, 3> grid{}, threads{};
  bool known() const { return grid[0] > 0; }
};

/// Both ends included.
struct IndexRange {
  int64_t low, high;
};

class IndexSpace final : public layout::Arithmetic {
public:
  /// A number of the space; equal numbers have equal ids where that can be seen.
  using Id = uint32_t;
  struct Term {
    uint32_t atom;
    int64_t scale;
    bool operator==(const Term &) const = default;
  };
  struct Linear {
    int64_t constant = 0;
    std::vector<Term> terms; ///< by atom
    bool operator==(const Linear &) const = default;
  };

  explicit IndexSpace(Builder &builder, LaunchSize launch = {});

  const LaunchSize &launch() const { return size; }
  /// The number that an integer value is.
  Id of(Value value);
  Id constant(int64_t value) { return intern({value, {}}); }
  /// The number of a leaf without a basis, and the other way round: a constant is a static leaf.
  Id from(layout::Node leaf);
  layout::Node leaf(Id id) const;
  const Linear &linear(Id id) const { return linears[id]; }

  Id add(Id a, Id b);
  Id scale(Id a, int64_t factor);
  /// Rounding down, for a divisor of at least 1.
  Id divide(Id a, int64_t divisor);
  Id remainder(Id a, int64_t divisor);

  IndexRange range(Id id) const;
  /// The largest number that is known to divide it (0 for 0).
  int64_t divisor(Id id) const;
  /// The largest number that divides what each of its parts is multiplied by; 0 for a constant.
  int64_t scales(Id id) const;
  /// The values of the function that it is computed from.
  std::vector<Value> values(Id id) const;
  /// An upper bound of how many values the numbers take together over the launch, or nothing where a number
  /// depends on data.
  std::optional<int64_t> count(std::span<const Id> ids) const;

  /// A value that computes the number: u32 where it fits, i32, else 64 bits. Constants are added last.
  Value emit(Id id);

  /// Says what values a region's argument takes, before it is used: a multiple of `factor` in the range.
  void setRange(Value argument, IndexRange range, int64_t factor = 1);
  /// What a condition says of a number while its block lasts. Returns what was known before, for restore().
  std::optional<IndexRange> narrow(Id id, IndexRange range);
  void restore(Id id, std::optional<IndexRange> before);
  /// Counts the open blocks whose condition holds for no thread: what stands there never runs.
  void enterDead() { ++dead; }
  void leaveDead() { --dead; }
  bool isDead() const { return dead > 0; }
  /// Forgets what is known of values from this id on, which are numbered anew.
  void forget(uint32_t values);

  layout::Node apply(layout::ArithOp op, layout::Node a, layout::Node b) override;
  std::string print(layout::Node leaf) const override;

private:
  struct Atom {
    enum class Kind : uint8_t { grid, value, digit, operation } kind = Kind::value;
    layout::ArithOp op{};      ///< of an operation
    uint32_t axis = 0;         ///< of a grid position
    Value value;               ///< of a value
    Id a = 0, b = 0;           ///< operands; the number that a digit is of
    int64_t low = 1, high = 0; ///< of a digit; high is 0 where nothing is cut off
    IndexRange range{};        ///< of a value or operation
    int64_t factor = 1;        ///< divides a value
    bool isCounted = false;    ///< a value that takes each multiple of the factor in its range
    bool operator==(const Atom &) const;
  };

  Id intern(Linear linear);
  Id atomOf(Atom atom);
  Id single(uint32_t atom) { return intern({0, {{atom, 1}}}); }
  Id digit(Id base, int64_t low, int64_t high);
  Id opaque(Value value, IndexRange range, int64_t factor = 1, bool isCounted = false);
  Id gridPosition(uint32_t axis);
  std::optional<Id> query(const Op &op);
  Id compute(Value value, const Op &op);
  Id fitted(Value value, Id exact);
  void joinDigits(Linear &linear);
  IndexRange rangeOf(const Atom &atom) const;
  uint32_t newest(uint32_t atom) const;
  Value emitAtom(const Atom &atom, Elem elem);
  Value emitAs(Id id, Elem elem);
  Elem elemFor(IndexRange range) const;

  Builder &builder;
  LaunchSize size;
  int dead = 0;
  std::vector<Linear> linears;
  std::vector<Atom> atoms;
  std::unordered_multimap<uint64_t, Id> linearsByHash;
  std::unordered_multimap<uint64_t, uint32_t> atomsByHash;
  std::vector<Id> ofValue;             ///< by value id, 0 for not yet
  std::vector<uint32_t> foundNarrowed; ///< values that were looked up while something was narrowed
  std::unordered_map<uint32_t, IndexRange> narrowedAtoms, narrowed;
};

} // namespace enigma::ir
