// SPDX-License-Identifier: MIT
//
// Numbers of an IndexSpace against the plain arithmetic that they stand for, at every thread of small
// launches.
#include "enigma/IR/Index.h"

#include "enigma/Layout/Algebra.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

using namespace enigma;
using namespace enigma::ir;

namespace {

using Position = std::array<int64_t, 3>;

/// Runs the body of a function for one thread: integers of the operations that index arithmetic consists of.
class Machine {
public:
  Machine(const Function &f, const LaunchSize &launch) : f(f), launch(launch) {}

  int64_t value(Value v, Position at) const {
    const Op &op = *f.definition(v);
    auto operand = [&](int i) { return value(f.operands(op)[i], at); };
    auto axis = static_cast<size_t>(op.immediate);
    switch (op.opcode) {
    case Opcode::constant:
      return static_cast<int64_t>(op.immediate);
    case Opcode::thread_position_in_grid:
      return at[axis];
    case Opcode::thread_position_in_threadgroup:
      return at[axis] % launch.threads[axis];
    case Opcode::threadgroup_position_in_grid:
      return at[axis] / launch.threads[axis];
    case Opcode::add:
      return operand(0) + operand(1);
    case Opcode::sub:
      return operand(0) - operand(1);
    case Opcode::mul:
      return operand(0) * operand(1);
    case Opcode::floor_div:
      return operand(0) / operand(1);
    case Opcode::mod:
      return operand(0) % operand(1);
    case Opcode::shr:
      return operand(0) >> operand(1);
    case Opcode::and_:
      return operand(0) & operand(1);
    case Opcode::xor_:
      return operand(0) ^ operand(1);
    case Opcode::cast:
      return operand(0);
    default:
      ADD_FAILURE() << "no such operation: " << info(op.opcode).name;
      return 0;
    }
  }

private:
  const Function &f;
  const LaunchSize &launch;
};

/// A number, and what it is for one thread.
struct Sample {
  layout::Node leaf;
  std::function<int64_t(Position)> exact;
};

void check(const LaunchSize &launch, unsigned seed) {
  std::mt19937 random(seed);
  auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  Function f("index");
  Builder b(f);
  IndexSpace space(b, launch);
  std::vector<Sample> samples;
  for (int axis = 0; axis < 3; ++axis) {
    auto add = [&](Opcode op, std::function<int64_t(Position)> exact) {
      samples.push_back({space.leaf(space.of(b.query(op, axis))), std::move(exact)});
    };
    add(Opcode::thread_position_in_grid, [=](Position p) { return p[axis]; });
    add(Opcode::thread_position_in_threadgroup, [=](Position p) { return p[axis] % launch.threads[axis]; });
    add(Opcode::threadgroup_position_in_grid, [=](Position p) { return p[axis] / launch.threads[axis]; });
  }
  constexpr int64_t divisors[] = {1, 2, 3, 4, 5, 8, 12, 16, 32, 64};
  for (int step = 0; step < 24; ++step) {
    Sample x = samples[pick(samples.size())], y = samples[pick(samples.size())];
    int64_t c = divisors[pick(10)];
    switch (pick(8)) {
    case 0:
      samples.push_back({layout::add(x.leaf, y.leaf), [=](Position p) { return x.exact(p) + y.exact(p); }});
      break;
    case 1:
      samples.push_back(
          {layout::mul(x.leaf, layout::intNode(c)), [=](Position p) { return x.exact(p) * c; }});
      break;
    case 2:
      samples.push_back(
          {layout::div(x.leaf, layout::intNode(c)), [=](Position p) { return x.exact(p) / c; }});
      break;
    case 3:
      samples.push_back(
          {layout::mod(x.leaf, layout::intNode(c)), [=](Position p) { return x.exact(p) % c; }});
      break;
    case 4:
      samples.push_back(
          {layout::add(x.leaf, layout::intNode(c)), [=](Position p) { return x.exact(p) + c; }});
      break;
    case 5:
      samples.push_back({layout::bitAnd(x.leaf, layout::intNode(c * 4 - c)),
                         [=](Position p) { return x.exact(p) & (c * 4 - c); }});
      break;
    case 7:
      samples.push_back({layout::bitXor(x.leaf, layout::mul(y.leaf, layout::intNode(c))),
                         [=](Position p) { return x.exact(p) ^ (y.exact(p) * c); }});
      break;
    case 6: // the parts of a number, joined again
      samples.push_back({layout::add(layout::mul(layout::div(x.leaf, layout::intNode(c)), layout::intNode(c)),
                                     layout::mod(x.leaf, layout::intNode(c))),
                         x.exact});
      break;
    }
    if (samples.back().exact({launch.grid[0] - 1, launch.grid[1] - 1, launch.grid[2] - 1}) > 1'000'000)
      samples.pop_back();
  }
  Machine machine(f, launch);
  for (const Sample &s : samples) {
    IndexSpace::Id id = space.from(s.leaf);
    Value emitted = space.emit(id);
    IndexRange range = space.range(id);
    int64_t divisor = space.divisor(id);
    for (int64_t z = 0; z < launch.grid[2]; ++z)
      for (int64_t y = 0; y < launch.grid[1]; ++y)
        for (int64_t x = 0; x < launch.grid[0]; ++x) {
          int64_t want = s.exact({x, y, z});
          ASSERT_EQ(machine.value(emitted, {x, y, z}), want) << "thread " << x << "," << y << "," << z;
          ASSERT_LE(range.low, want);
          ASSERT_GE(range.high, want);
          if (divisor)
            ASSERT_EQ(want % divisor, 0);
          else
            ASSERT_EQ(want, 0);
        }
  }
}

} // namespace

TEST(IndexSpace, NumbersAreWhatTheyStandFor) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    check({{64, 4, 1}, {16, 2, 1}}, seed);
    check({{50, 3, 2}, {8, 3, 1}}, seed);
    check({{33, 1, 1}, {32, 1, 1}}, seed);
    check({{96, 2, 1}, {96, 1, 1}}, seed);
  }
}

TEST(IndexSpace, DigitsOfAPositionJoinAgain) {
  Function f("digits");
  Builder b(f);
  IndexSpace space(b, {{512, 8, 1}, {64, 4, 1}});
  auto leaf = [&](Opcode op, int axis) { return space.leaf(space.of(b.query(op, axis))); };
  using layout::intNode;
  layout::Node group = leaf(Opcode::threadgroup_position_in_grid, 0),
               grid = leaf(Opcode::thread_position_in_grid, 0),
               local = leaf(Opcode::thread_position_in_threadgroup, 0);
  EXPECT_EQ(layout::add(layout::mul(group, intNode(256)), layout::mul(local, intNode(4))),
            layout::mul(grid, intNode(4)));
  layout::Node low = layout::mod(grid, intNode(8)),
               middle = layout::mod(layout::div(grid, intNode(8)), intNode(4)),
               high = layout::div(grid, intNode(32));
  EXPECT_EQ(layout::add(layout::add(low, layout::mul(high, intNode(32))), layout::mul(middle, intNode(8))),
            grid);
  EXPECT_EQ(layout::mod(local, intNode(64)), local) << "a position in the group is below the group's size";
  EXPECT_EQ(layout::div(local, intNode(64)), intNode(0));
}

TEST(IndexSpace, AValueThatMayWrapIsTakenAsItIs) {
  Function f("wraps");
  Builder b(f);
  IndexSpace space(b, {{1 << 20, 1, 1}, {64, 1, 1}});
  Value position = b.query(Opcode::thread_position_in_grid, 0);
  Value small = b.binary(Operator::mul, position, Literal(4096));    // up to 2^32 - 4096
  Value wrapping = b.binary(Operator::mul, position, Literal(8192)); // past 2^32
  EXPECT_EQ(space.linear(space.of(small)).terms.size(), 1u);
  EXPECT_EQ(space.divisor(space.of(small)), 4096);
  EXPECT_EQ(space.divisor(space.of(wrapping)), 1);
  EXPECT_EQ(space.range(space.of(wrapping)).high, int64_t(UINT32_MAX));
}

TEST(IndexSpace, WhatACoditionSaysEndsWithIt) {
  Function f("guard");
  Builder b(f);
  IndexSpace space(b, {{1024, 1, 1}, {64, 1, 1}});
  Value position = b.query(Opcode::thread_position_in_grid, 0);
  IndexSpace::Id id = space.of(position);
  auto before = space.narrow(id, {0, 99});
  Value rest = b.binary(Operator::mod, position, Literal(100));
  EXPECT_EQ(space.of(rest), id);
  EXPECT_EQ(space.range(space.add(id, space.constant(5))).high, 104);
  space.restore(id, before);
  EXPECT_NE(space.of(rest), id);
  EXPECT_EQ(space.range(id).high, 1023);
}

TEST(IndexSpace, CountsTheValuesOfAnIndex) {
  Function f("count");
  Builder b(f);
  Value buffer = f.addParam({"A", Type::buffer(Elem::u32)});
  IndexSpace space(b, {{64, 4, 1}, {16, 2, 1}});
  IndexSpace::Id x = space.of(b.query(Opcode::thread_position_in_grid, 0)),
                 y = space.of(b.query(Opcode::thread_position_in_grid, 1));
  IndexSpace::Id index = space.add(x, space.scale(y, 64));
  EXPECT_EQ(space.count({{index}}), 256);
  EXPECT_EQ(space.count({{index, x, index}}), 256);
  EXPECT_EQ(space.count({{space.divide(x, 16)}}), 4);
  IndexSpace::Id data = space.of(b.load(buffer, Literal(0)));
  EXPECT_EQ(space.count({{index, data}}), std::nullopt);
}
