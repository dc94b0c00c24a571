// SPDX-License-Identifier: MIT
//
// Products of simdgroup matrices in tiles: every sum is the one that the kernel says, in its order and to the
// last bit, whatever is computed side by side; and the code is the loop that was meant.
#include "Compiled.h"

#include <cmath>
#include <cstring>
#include <random>

using namespace enigma;
using namespace enigma::host;
using namespace enigma::host::testing;

namespace {

constexpr const char *kF32 = "!enigma.simdgroup_matrix<f32>";

size_t count(const std::string &text, const std::string &what) {
  size_t found = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
    ++found;
  return found;
}

std::vector<float> random(size_t n, unsigned seed) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> numbers(-1, 1);
  std::vector<float> values(n);
  for (float &value : values)
    value = numbers(engine);
  return values;
}

/// The text of a kernel that loads and multiplies matrices, statement by statement.
struct Text {
  std::string body;
  int next = 0;

  std::string name() { return "%v" + std::to_string(next++); }
  std::string number(size_t value) {
    const std::string result = name();
    body += "  " + result + " = enigma.constant " + std::to_string(value) + " : ui32\n";
    return result;
  }
  std::string load(const std::string &from, size_t index, size_t stride, bool transpose = false) {
    const std::string at = number(index), step = number(stride), result = name();
    body += "  " + result + " = enigma.simdgroup_load %" + from + "[" + at + "], " + step +
            (transpose ? " transpose" : "") + " : !enigma.buffer<f32, device>, ui32, ui32 -> " + kF32 + "\n";
    return result;
  }
  void store(const std::string &matrix, const std::string &to, size_t index, size_t stride) {
    const std::string at = number(index), step = number(stride);
    body += "  enigma.simdgroup_store " + matrix + ", %" + to + "[" + at + "], " + step + " : " + kF32 +
            ", !enigma.buffer<f32, device>, ui32, ui32\n";
  }
  std::string product(const std::string &a, const std::string &b, const std::string &sum) {
    const std::string result = name();
    body += "  " + result + " = enigma.simdgroup_multiply" + (sum.empty() ? "" : "_accumulate") + " " + a +
            ", " + b + (sum.empty() ? "" : ", " + sum) + " : " + kF32 +
            (sum.empty() ? "" : std::string(", ") + kF32) + "\n";
    return result;
  }
  Compiled compiled(const std::string &cpu) const {
    HostOptions options;
    options.cpu = cpu;
    return Compiled("enigma.kernel @k(%A: !enigma.buffer<f32, device>, %B: !enigma.buffer<f32, device>, "
                    "%C: !enigma.buffer<f32, device>) writes [0, 2] {\n" +
                        body + "}",
                    options);
  }
};

/// How a kernel adds A (8 m x 8 k) times B (8 k x 8 n) to C.
struct Form {
  unsigned m, n, k;
  bool transposeLeft = false, transposeRight = false;
  bool readsSums = true;     ///< else the first products have no sum
  bool columnsFirst = false; ///< products in the order of columns
};

std::string multiplication(const Form &form) {
  const auto [m, n, k, transposeLeft, transposeRight, readsSums, columnsFirst] = form;
  const size_t leftStride = transposeLeft ? 8 * m : 8 * k, rightStride = transposeRight ? 8 * k : 8 * n;
  Text text;
  std::vector<std::string> sums(size_t(m) * n);
  if (readsSums)
    for (unsigned i = 0; i < m; ++i)
      for (unsigned j = 0; j < n; ++j)
        sums[i * n + j] = text.load("C", size_t(i) * 64 * n + 8 * j, 8 * n);
  for (unsigned s = 0; s < k; ++s) {
    std::vector<std::string> left, right;
    for (unsigned i = 0; i < m; ++i)
      left.push_back(text.load(
          "A", transposeLeft ? size_t(s) * 8 * leftStride + 8 * i : size_t(i) * 8 * leftStride + 8 * s,
          leftStride, transposeLeft));
    for (unsigned j = 0; j < n; ++j)
      right.push_back(text.load(
          "B", transposeRight ? size_t(j) * 8 * rightStride + 8 * s : size_t(s) * 8 * rightStride + 8 * j,
          rightStride, transposeRight));
    for (unsigned at = 0; at < m * n; ++at) {
      const unsigned i = columnsFirst ? at % m : at / n, j = columnsFirst ? at / m : at % n;
      sums[i * n + j] = text.product(left[i], right[j], sums[i * n + j]);
    }
  }
  for (unsigned i = 0; i < m; ++i)
    for (unsigned j = 0; j < n; ++j)
      text.store(sums[i * n + j], "C", size_t(i) * 64 * n + 8 * j, 8 * n);
  return text.body;
}

constexpr Form kForms[] = {
    {1, 1, 1},
    {1, 1, 3},
    {1, 2, 1},
    {1, 4, 2},
    {4, 4, 2},
    {2, 3, 1},
    {3, 5, 2},
    {1, 7, 1},
    {4, 1, 2},
    {4, 4, 2, true},
    {4, 4, 2, false, true},
    {2, 2, 2, true, true},
    {2, 4, 2, false, false, false},
    {4, 4, 1, false, false, true, true},
    {3, 2, 2, false, false, false, true},
};

TEST(Matrix, EveryTileSumsInTheOrderOfTheKernel) {
  for (const char *cpu : {"", "x86-64-v3", "x86-64"}) {
#if !defined(__x86_64__)
    if (*cpu)
      continue;
#endif
    for (const Form &form : kForms) {
      if (std::string(cpu) == "x86-64" && form.m * form.n * form.k > 6)
        continue; // without fused multiply-adds each is a call
      const unsigned rows = 8 * form.m, columns = 8 * form.n, depth = 8 * form.k;
      std::vector<float> a = random(rows * depth, 1), b = random(depth * columns, 2),
                         c = random(rows * columns, 3);
      std::vector<float> expected = c;
      for (unsigned r = 0; r < rows; ++r)
        for (unsigned column = 0; column < columns; ++column) {
          float sum = form.readsSums ? c[r * columns + column] : -0.0f;
          for (unsigned k = 0; k < depth; ++k)
            sum = std::fma(a[form.transposeLeft ? k * rows + r : r * depth + k],
                           b[form.transposeRight ? column * depth + k : k * columns + column], sum);
          expected[r * columns + column] = sum;
        }
      Text text{multiplication(form)};
      const Compiled kernel = text.compiled(cpu);
      kernel.run({buffer(a), buffer(b), buffer(c)}, {32});
      EXPECT_EQ(std::memcmp(c.data(), expected.data(), c.size() * 4), 0)
          << form.m << " x " << form.n << ", " << form.k << " links, " << form.transposeLeft
          << form.transposeRight << " on '" << cpu << "'";
    }
  }
}

TEST(Matrix, WhatIsOutOfBoundsIsReportedAndCountsAsZero) {
  // The last row of B is missing.
  std::vector<float> a = random(64, 4), b = random(56, 5), c(64, 1);
  Text text{multiplication({1, 1, 1})};
  const Compiled kernel = text.compiled("");
  const std::string error = errorOf([&] { kernel.run({buffer(a), buffer(b), buffer(c)}, {32}); });
  EXPECT_NE(error.find("56"), std::string::npos) << error;
  EXPECT_EQ(kernel.code->descriptor().params.size(), 3u);
  for (unsigned r = 0; r < 8; ++r)
    for (unsigned column = 0; column < 8; ++column) {
      float sum = 1;
      for (unsigned k = 0; k < 7; ++k)
        sum = std::fma(a[r * 8 + k], b[k * 8 + column], sum);
      EXPECT_EQ(c[r * 8 + column], sum);
    }
}

TEST(Matrix, WhatIsLoadedBeforeAWriteIsWhatWasThere) {
  Text text;
  const std::string a = text.load("A", 0, 8), b = text.load("B", 0, 8), c = text.load("C", 0, 8);
  text.store(b, "A", 0, 8);
  text.store(text.product(a, b, c), "C", 0, 8);
  std::vector<float> left = random(64, 6), right = random(64, 7), sums(64, 0.5f), expected(64, 0.5f);
  for (unsigned r = 0; r < 8; ++r)
    for (unsigned k = 0; k < 8; ++k)
      for (unsigned column = 0; column < 8; ++column)
        expected[r * 8 + column] = std::fma(left[r * 8 + k], right[k * 8 + column], expected[r * 8 + column]);
  text.compiled("").run({buffer(left), buffer(right), buffer(sums)}, {32});
  EXPECT_EQ(sums, expected);
  EXPECT_EQ(left, right);
}

TEST(Matrix, AProductOfAProductWaitsForIt) {
  Text text;
  const std::string a = text.load("A", 0, 8), b = text.load("B", 0, 8);
  const std::string first = text.product(a, b, ""), second = text.product(first, b, first);
  text.store(second, "C", 0, 8);
  std::vector<float> left(64), right(64), out(64, 9), expected(64);
  std::mt19937 engine(8);
  for (size_t i = 0; i < 64; ++i) {
    left[i] = float(int(engine() % 7) - 3);
    right[i] = float(int(engine() % 5) - 2);
  }
  const auto times = [](const std::vector<float> &x, const std::vector<float> &y) {
    std::vector<float> z(64);
    for (unsigned i = 0; i < 64; ++i)
      for (unsigned k = 0; k < 8; ++k)
        z[i] += x[i / 8 * 8 + k] * y[k * 8 + i % 8];
    return z;
  };
  const std::vector<float> once = times(left, right), twice = times(once, right);
  for (size_t i = 0; i < 64; ++i)
    expected[i] = once[i] + twice[i];
  text.compiled("").run({buffer(left), buffer(right), buffer(out)}, {32});
  EXPECT_EQ(out, expected);
}

TEST(Matrix, ATileIsALoopOfMultiplyAddsWithItsSumsInRegisters) {
  // 4 x 4 matrices, two deep: four tiles, four matrices wide, of two links.
  Text text{multiplication({4, 4, 2})};
#if defined(__x86_64__)
  const std::string wide = text.compiled("x86-64-v4").code->llvmIr();
  EXPECT_EQ(count(wide, "call <16 x float> @llvm.fma.v16f32("), 4u * 2 * 16);
  EXPECT_EQ(count(wide, "call <8 x float> @llvm.fma"), 0u);
  EXPECT_EQ(count(wide, "load float,"), 4u * 2 * 8) << "an element of the left factor for each row";
  const std::string narrow = text.compiled("x86-64-v3").code->llvmIr();
#else
  const std::string narrow = text.compiled("").code->llvmIr();
#endif
  EXPECT_EQ(count(narrow, "call <8 x float> @llvm.fma.v8f32("), 4u * 4 * 2 * 8);
  EXPECT_EQ(count(narrow, "load float,"), 4u * 4 * 2 * 8);
}

} // namespace
