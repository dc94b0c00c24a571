// SPDX-License-Identifier: MIT
//
// libFuzzer target of the layout room, built with the address and undefined-behaviour sanitizers: the laws of
// the algebra on layouts made from the input, and every operation on layouts with extreme integers, where any
// LayoutError is a fine answer.
//
//   cmake --build build --target EnigmaLayoutFuzz && build/bin/EnigmaLayoutFuzz -max_total_time=60
#include "../cpp/Layout/RandomLayouts.h"
#include "enigma/Layout/Draw.h"

#include <cstdio>
#include <cstdlib>

using namespace enigma::layout;

namespace {

class Input {
public:
  Input(const uint8_t *data, size_t size) : p(data), end(data + size) {}
  uint8_t byte() { return p < end ? *p++ : 0; }
  /// Mostly small; sometimes at the edges of 64 bits.
  int64_t number() {
    uint8_t b = byte();
    switch (b >> 5) {
    case 0:
      return INT64_MAX - (b & 31);
    case 1:
      return INT64_MIN + (b & 31);
    case 2:
      return int64_t(1) << (b & 31) << (byte() & 31);
    case 3:
      return -int64_t(b & 31);
    default:
      return b & 31;
    }
  }
  IntTuple tuple(uint32_t depth, bool coordinate) {
    uint8_t b = byte();
    if (depth == 0 || (b & 3) == 0) {
      if (coordinate && (b & 12) == 0)
        return IntTuple(nullNode());
      if (b & 16)
        return IntTuple(number());
      return IntTuple(int64_t(1) << (b >> 5));
    }
    IntTuple out = IntTuple::building();
    uint32_t at = out.open();
    for (uint32_t i = 0, n = (b >> 2) & 3; i < n; ++i)
      out.push(tuple(depth - 1, coordinate).view());
    out.close(at);
    return out;
  }
  Layout layout() {
    IntTuple shape = tuple(4, false), stride(shape);
    uint32_t paths[2];
    for (uint32_t i = 0; i < stride.nodeCount(); ++i) {
      if (stride.data()[i].isTuple())
        continue;
      stride.data()[i] = intNode(number());
      if (uint8_t b = byte(); (b & 7) == 0) {
        paths[0] = b >> 6;
        paths[1] = (b >> 4) & 3;
        stride.data()[i] = scaleBasis(stride.data()[i], paths, 1 + ((b >> 3) & 1));
      }
    }
    return Layout(shape, stride);
  }

private:
  const uint8_t *p, *end;
};

template <class F>
void attempt(F f) {
  try {
    f();
  } catch (const enigma::Error &e) {
    if (e.kind() != enigma::ErrorKind::Layout || e.message().empty())
      std::abort();
  }
}

void extremes(Input in) {
  attempt([&] {
    Layout a = in.layout(), b = in.layout();
    IntTuple t = in.tuple(3, true), u = in.tuple(3, false);
    int64_t n = in.number();
    print(a);
    attempt([&] { composition(a, b); });
    attempt([&] { composition(a, t); });
    attempt([&] { coalesce(a); });
    attempt([&] { coalesce(a, u); });
    attempt([&] { filter(a, u); });
    attempt([&] { complement(a); });
    attempt([&] { complement(a, u); });
    attempt([&] { rightInverse(a); });
    attempt([&] { leftInverse(a); });
    attempt([&] { nullspace(a); });
    attempt([&] { maxCommonLayout(a, b); });
    attempt([&] { maxAlignment(a); });
    attempt([&] { isTractable(a); });
    attempt([&] { domainDistribute(u, n); });
    attempt([&] { zippedDivide(a, t); });
    attempt([&] { flatDivide(a, b); });
    attempt([&] { tiledProduct(a, t); });
    attempt([&] { blockedProduct(a, b); });
    attempt([&] { rakedProduct(a, b); });
    attempt([&] { tileToShape(a, u); });
    attempt([&] { tileToShape(a, u, t); });
    attempt([&] { makeOrderedLayout(u, t); });
    attempt([&] { makeLayoutLike(a); });
    attempt([&] { makeFragmentLike(a); });
    attempt([&] { makeIdentityLayout(u); });
    attempt([&] { makeLayoutTV(a, b); });
    attempt([&] { recastLayout(a, n, 8); });
    attempt([&] { upcast(a, n); });
    attempt([&] { downcast(a, n); });
    attempt([&] { crd2idx(t, a); });
    attempt([&] { crd2idx(IntTuple(n), a); });
    attempt([&] { evaluate(a.view(), n); });
    attempt([&] { sliceAndOffset(t, a.view()); });
    attempt([&] { dice(t, a.view()); });
    attempt([&] { localTile(a, u, t); });
    attempt([&] { localPartition(a, b, IntTuple(n)); });
    attempt([&] { tvPartition(a, b, u, t); });
    attempt([&] { hierCoord(a, t); });
    attempt([&] { idx2crd(t, u); });
    attempt([&] { crd2crd(t, u, a.shape()); });
    attempt([&] { incrementCoord(t, u); });
    attempt([&] { shapeDiv(t.view(), u.view()); });
    attempt([&] { ceilDiv(t.view(), u.view()); });
    attempt([&] { roundUp(t, u); });
    attempt([&] { elemScale(t, u); });
    attempt([&] { coshape(a); });
    attempt([&] { zip(a, b); });
    attempt([&] { draw(AnyLayout(a), {.format = Format::Svg, .color = Color::Bank}); });
    attempt([&] { draw(AnyLayout(a), {.tile = u}); });
    attempt([&] {
      LinearLayout l = LinearLayout::of(AnyLayout(a));
      invert(l);
      l.toLayout();
    });
    attempt([&] {
      Swizzle s(static_cast<int>(in.number() & 15), static_cast<int>(in.number() & 15),
                static_cast<int>(in.number() % 16));
      AnyLayout c = composition(AnyLayout(s), AnyLayout(a));
      attempt([&] { composition(AnyLayout(b), AnyLayout(s)); });
      attempt([&] { composition(AnyLayout(b), c); });
      attempt([&] { composition(c, t); });
      attempt([&] { rightInverse(c); });
      attempt([&] { leftInverse(c); });
      attempt([&] { upcast(c, n); });
      attempt([&] { sliceAndOffset(t, c); });
      attempt([&] { evaluate(c, n); });
      attempt([&] { maxCommonVector(c, AnyLayout(b)); });
    });
  });
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  if (data[0] & 1) {
    std::string violated = laws::check(data + 1, size - 1);
    if (!violated.empty()) {
      std::fprintf(stderr, "%s\n", violated.c_str());
      std::abort();
    }
  } else {
    extremes(Input(data + 1, size - 1));
  }
  return 0;
}
