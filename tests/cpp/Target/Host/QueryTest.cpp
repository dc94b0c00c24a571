// SPDX-License-Identifier: MIT
//
// Thread queries in 1-D, 2-D and 3-D grids with full and partial threadgroups, against their definitions.
#include "Compiled.h"

#include <algorithm>

using namespace enigma;
using namespace enigma::host;
using namespace enigma::host::testing;

namespace {

using Extent = std::array<uint32_t, 3>;

/// Where a thread is: what the definitions of the queries are made of.
struct Place {
  Extent grid, threads, at;
  uint32_t group(int d) const { return at[d] / threads[d]; }
  uint32_t local(int d) const { return at[d] % threads[d]; }
  uint32_t size(int d) const { return std::min(threads[d], grid[d] - group(d) * threads[d]); }
  uint32_t index() const { return (local(2) * size(1) + local(1)) * size(0) + local(0); }
  uint32_t total() const { return size(0) * size(1) * size(2); }
};

struct QueryCase {
  std::string text;
  std::function<uint32_t(const Place &)> of;
};

std::vector<QueryCase> axisQueries() {
  std::vector<QueryCase> cases;
  for (int d = 0; d < 3; ++d) {
    const std::string axis = std::string(" ") + "xyz"[d];
    cases.push_back({"thread_position_in_grid" + axis, [d](const Place &p) { return p.at[d]; }});
    cases.push_back({"thread_position_in_threadgroup" + axis, [d](const Place &p) { return p.local(d); }});
    cases.push_back({"threadgroup_position_in_grid" + axis, [d](const Place &p) { return p.group(d); }});
    cases.push_back({"threads_per_grid" + axis, [d](const Place &p) { return p.grid[d]; }});
    cases.push_back({"threads_per_threadgroup" + axis, [d](const Place &p) { return p.size(d); }});
    cases.push_back(
        {"dispatch_threads_per_threadgroup" + axis, [d](const Place &p) { return p.threads[d]; }});
    cases.push_back({"threadgroups_per_grid" + axis,
                     [d](const Place &p) { return (p.grid[d] + p.threads[d] - 1) / p.threads[d]; }});
  }
  return cases;
}

std::vector<QueryCase> laneQueries() {
  return {
      {"thread_index_in_threadgroup", [](const Place &p) { return p.index(); }},
      {"thread_index_in_simdgroup", [](const Place &p) { return p.index() % 32; }},
      {"simdgroup_index_in_threadgroup", [](const Place &p) { return p.index() / 32; }},
      {"simdgroups_per_threadgroup", [](const Place &p) { return (p.total() + 31) / 32; }},
      {"threads_per_simdgroup", [](const Place &) { return 32u; }},
      {"thread_index_in_quadgroup", [](const Place &p) { return p.index() % 4; }},
      {"quadgroup_index_in_threadgroup", [](const Place &p) { return p.index() / 4; }},
      {"quadgroups_per_threadgroup", [](const Place &p) { return (p.total() + 3) / 4; }},
  };
}

const std::pair<Extent, Extent> kGeometries[] = {
    {{1, 1, 1}, {1, 1, 1}},     {{100, 1, 1}, {32, 1, 1}},  {{100, 1, 1}, {256, 1, 1}},
    {{1000, 1, 1}, {48, 1, 1}}, {{64, 3, 1}, {32, 1, 1}},   {{64, 5, 2}, {64, 2, 1}},
    {{33, 7, 1}, {16, 16, 1}},  {{100, 9, 1}, {7, 3, 1}},   {{5, 4, 9}, {2, 2, 2}},
    {{70, 5, 3}, {64, 4, 2}},   {{40, 40, 1}, {32, 32, 1}}, {{1, 1, 50}, {1, 1, 8}},
    {{2, 300, 1}, {1, 128, 1}}, {{96, 2, 2}, {96, 1, 2}},
};

/// Out = the queries, one after the other per thread; `position` computes the thread's place in Out.
void check(const std::vector<QueryCase> &cases) {
  const std::string b = "!enigma.buffer<ui32, device>";
  std::string text = "enigma.kernel @queries(%Out: " + b + ") writes [0] {\n";
  for (const char axis : {'x', 'y', 'z'}) {
    text += std::string("  %p") + axis + " = enigma.thread_position_in_grid " + axis + "\n";
    text += std::string("  %g") + axis + " = enigma.threads_per_grid " + axis + "\n";
  }
  text += "  %zy = enigma.mul %pz, %gy : ui32\n  %row = enigma.add %zy, %py : ui32\n  %rx = enigma.mul %row, "
          "%gx : ui32\n"
          "  %i = enigma.add %rx, %px : ui32\n  %count = enigma.constant " +
          std::to_string(cases.size()) + " : ui32\n  %first = enigma.mul %i, %count : ui32\n";
  for (size_t q = 0; q < cases.size(); ++q) {
    const std::string n = std::to_string(q);
    text += "  %q" + n + " = enigma." + cases[q].text + "\n  %c" + n + " = enigma.constant " + n +
            " : ui32\n  %j" + n + " = enigma.add %first, %c" + n + " : ui32\n  enigma.store %q" + n +
            ", %Out[%j" + n + "] : ui32, " + b + ", ui32\n";
  }
  Compiled kernel(text + "}");
  for (const auto &[grid, threads] : kGeometries) {
    std::vector<uint32_t> out(size_t(grid[0]) * grid[1] * grid[2] * cases.size(), 0xdeadbeef);
    kernel.run({buffer(out)}, {grid[0], grid[1], grid[2]}, {threads[0], threads[1], threads[2]});
    size_t at = 0;
    for (uint32_t z = 0; z < grid[2]; ++z)
      for (uint32_t y = 0; y < grid[1]; ++y)
        for (uint32_t x = 0; x < grid[0]; ++x)
          for (const QueryCase &c : cases)
            ASSERT_EQ(out[at++], c.of({grid, threads, {x, y, z}}))
                << c.text << " of thread (" << x << ", " << y << ", " << z << ") in grid (" << grid[0] << ", "
                << grid[1] << ", " << grid[2] << ") of threadgroups (" << threads[0] << ", " << threads[1]
                << ", " << threads[2] << ")";
  }
}

TEST(Query, PositionsAndSizesInRowsOfTheGrid) { check(axisQueries()); }

TEST(Query, LanesOfThreadgroups) { check(laneQueries()); }

TEST(Query, PositionsAndSizesInThreadgroups) {
  std::vector<QueryCase> all = axisQueries();
  const std::vector<QueryCase> lanes = laneQueries();
  all.insert(all.end(), lanes.begin(), lanes.end());
  check(all);
}

TEST(Query, LanesAloneNeedNoPosition) {
  const std::string b = "!enigma.buffer<ui32, device>";
  Compiled kernel("enigma.kernel @k(%Out: " + b +
                  ") writes [0] {\n  %i = enigma.thread_index_in_threadgroup\n"
                  "  enigma.store %i, %Out[%i] : ui32, " +
                  b + ", ui32\n}");
  EXPECT_EQ(kernel.code->descriptor().traversal, hostabi::Traversal::Grouped);
  std::vector<uint32_t> out(100, 7);
  kernel.run({buffer(out)}, {100}, {100});
  for (uint32_t i = 0; i < 100; ++i)
    EXPECT_EQ(out[i], i);
}

TEST(Query, AnOutOfBoundsReportNamesTheThreadInAGroup) {
  const std::string b = "!enigma.buffer<ui32, device>";
  Compiled kernel("enigma.kernel @k(%Out: " + b +
                  ") writes [0] {\n  %i = enigma.thread_index_in_threadgroup\n"
                  "  enigma.store %i, %Out[%i] : ui32, " +
                  b + ", ui32\n}");
  std::vector<uint32_t> out(70, 7);
  EXPECT_EQ(errorOf([&] { kernel.run({buffer(out)}, {20, 10, 1}, {10, 10, 1}); }),
            "k: store to parameter Out is out of bounds: index 70, size 70, thread (0, 7, 0)");
}

} // namespace
