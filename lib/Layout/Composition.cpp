// SPDX-License-Identifier: MIT
//
// Composition, the operation that the others rest on, and the test that makes it sound.
//
// With a coalesced to (a0,a1,...,ak):(d0,...,dk), a position is a number in the mixed radix (a0,a1,...), the
// last digit without bound, and a(position) is the sum of digit times stride. A mode s:d of b visits
// positions 0, d, 2d, ..., (s-1)d. It has an image when it walks through whole digits one after the other:
// some steps within one digit, then on to the next. Every step so found adds to a digit. If the largest sums
// over all modes of b stay below each radix, no digit ever carries into the next and the image is linear; if
// one carries, a(b(i)) is not the sum of the modes' images and there is no layout.
#include "Modes.h"
#include "enigma/Layout/Algebra.h"

namespace enigma::layout {

Tiler::Tiler(std::initializer_list<Tiler> byMode) : tree(IntTuple::building()) {
  uint32_t at = tree.open();
  for (const Tiler &part : byMode)
    push(part);
  tree.close(at, static_cast<uint32_t>(byMode.size()));
}

void Tiler::push(LayoutView layout) {
  tree.push(Node{static_cast<int64_t>(layouts.size()), static_cast<uint64_t>(NodeKind::LayoutRef)});
  layouts.push_back(layout);
}

void Tiler::push(const Tiler &part) {
  uint32_t base = layouts.size();
  View t = part.view();
  for (uint32_t i = 0, n = t.span(); i < n; ++i) {
    Node node = t.nodes()[i];
    if (node.kind() == NodeKind::LayoutRef)
      node.value += base;
    tree.push(node); // tuple heads carry their span, so a copied subtree stays whole
  }
  layouts.append(part.layouts.data(), part.layouts.size());
}

static void printInto(std::string &out, const Tiler &tiler, View t) {
  if (t.leaf().kind() == NodeKind::LayoutRef) {
    out += print(tiler.layoutAt(t));
  } else if (!t.isTuple()) {
    out += printLeaf(t.leaf());
  } else {
    out += '(';
    bool first = true;
    for (View mode : t) {
      if (!first)
        out += ',';
      first = false;
      printInto(out, tiler, mode);
    }
    out += ')';
  }
}

std::string print(const Tiler &tiler) {
  std::string out;
  printInto(out, tiler, tiler.view());
  return out;
}

namespace {

/// Why a mode of b has no image.
struct Refusal {
  enum Kind : uint8_t { Stride, Shape, Carry } kind = Stride;
  uint32_t digit = 0;    ///< mode of coalesce(a) where it fails
  int64_t step = 0;      ///< stride of the mode there
  int64_t radix = 0;     ///< extent of that mode of coalesce(a)
  int64_t remaining = 0; ///< elements of the mode of b not yet placed
};

/// What the modes of b do to one digit, one entry per mode of coalesce(a): the largest sum (positive and
/// negative steps apart) and the number of combinations. `left`: some mode goes on to the next digit without
/// having filled this one (see divideBy).
struct DigitUse {
  int64_t up = 0, down = 0, count = 1;
  bool left = false;

  void add(int64_t steps, int64_t step, int64_t sign) {
    int64_t &reach = sign > 0 ? up : down;
    reach = addInt(reach, mulInt(steps - 1, step));
  }
};
using DigitUses = InlineVector<DigitUse, 12>;

/// The part of a that one basis vector of b addresses (all of it where b has plain strides).
struct Target {
  uint64_t basis;
  Modes modes;
  DigitUses use;
  bool constant; ///< no extent of it is known only at run time
};

bool refused(Refusal &why, Refusal reason) {
  why = reason;
  return false;
}

/// Finds the image of the mode s:d, or says why there is none, appending its modes to `image`. Constants
/// only.
[[gnu::always_inline]] inline bool imageOfInts(Refusal &why, ModeWriter &image, int64_t s, int64_t d,
                                               const Modes &a, DigitUses &use, bool overhang) {
  uint32_t last = a.size() - 1;
  int64_t restShape = s, restStride = d;
  for (uint32_t i = 0; i < last && restShape != 1; ++i) {
    int64_t radix = a[i].shape.value, step = absInt(restStride), sgn = restStride < 0 ? -1 : 1;
    if (step >= radix) {
      if (step % radix != 0)
        return refused(why, {Refusal::Stride, i, restStride, radix, restShape});
      restStride = step / radix * sgn;
      continue;
    }
    int64_t inDigit = step == 1 ? radix : ceilDivInt(radix, step), taken = restShape, left = 1;
    if (inDigit < restShape) { // else it ends in this digit
      taken = inDigit;
      left = restShape / taken;
      if (left * taken != restShape)
        return refused(why, {Refusal::Shape, i, restStride, radix, restShape});
    }
    image.push(intNode(taken), mul(intNode(restStride), a[i].stride));
    use[i].add(taken, step, sgn);
    use[i].count = mulInt(use[i].count, taken);
    restShape = left;
    if (restShape != 1 && mulInt(taken, step) != radix) {
      if (!overhang)
        return refused(why, {Refusal::Carry, i, restStride, radix, restShape});
      use[i].left = true;
    }
    restStride = sgn;
  }
  if (restShape != 1 || image.empty()) {
    use[last].add(restShape, absInt(restStride), restStride > 0 ? 1 : -1);
    image.push(intNode(restShape), mul(intNode(restStride), a[last].stride));
  }
  return true;
}

/// The same where some integers are known only at run time; what can't be checked is assumed.
bool imageOfNodes(Refusal &why, ModeWriter &image, Node s, Node d, const Modes &a, bool overhang) {
  uint32_t last = a.size() - 1;
  Node restShape = s, restStride = d;
  for (uint32_t i = 0; i < last; ++i) {
    Node radix = a[i].shape;
    if (radix.isInt() && restStride.isInt()) {
      int64_t step = absInt(restStride.value);
      if (step % radix.value != 0 && step >= radix.value)
        return refused(why, {Refusal::Stride, i, restStride.value, radix.value,
                             restShape.isInt() ? restShape.value : 0});
    }
    Node step = absolute(restStride);
    Node inDigit = ceilDiv(radix, step);
    Node nextStride = ceilDiv(step, radix);
    if (!(restStride.isInt() && restStride.value > 0))
      nextStride = mul(nextStride, sign(restStride));
    if (inDigit.isInt(1) || restShape.isInt(1)) {
      restStride = nextStride;
      continue;
    }
    Node taken = minimum(inDigit, restShape);
    if (taken.isInt() && restShape.isInt() && restShape.value % taken.value != 0)
      return refused(why, {Refusal::Shape, i, restStride.isInt() ? restStride.value : 0,
                           radix.isInt() ? radix.value : 0, restShape.value});
    image.push(taken, mul(restStride, a[i].stride));
    Node left = div(restShape, taken);
    if (!overhang && left.isInt() && left.value != 1 && taken.isInt() && step.isInt() && radix.isInt() &&
        mulInt(taken.value, step.value) != radix.value)
      return refused(why, {Refusal::Carry, i, restStride.value, radix.value, left.value});
    restShape = left;
    restStride = nextStride;
  }
  if (!restShape.isInt(1) || image.empty())
    image.push(restShape, mul(restStride, a[last].stride));
  return true;
}

class Composer {
public:
  Composer(LayoutView a, LayoutView b) : a(a), b(b) {}

  Layout run() {
    Layout out = Layout::building();
    if (composeInts(out, a, b))
      return out;
    out.rewind(0);
    needPositive("composition", a);
    compose(out, b);
    checkSums();
    out.shape().checkLimits();
    return out;
  }

  /// The divide of a by (tile, rest): the image of the tile, and of the rest with overhang.
  void runDivide(Layout &out) {
    uint32_t at = out.open();
    compose(out, b[0]);
    checkSums();
    overhang = true;
    compose(out, b[1]);
    checkSums();
    out.close(at, 2);
  }

private:
  void compose(Layout &out, LayoutView mode) {
    if (!mode.isTuple()) {
      leaf(out, mode.shape.leaf(), mode.stride.leaf());
      return;
    }
    uint32_t at = out.open(), n = mode.rank();
    const Node *s = mode.shape.nodes() + 1, *d = mode.stride.nodes() + 1;
    for (uint32_t i = 0; i < n; ++i) {
      compose(out, {View(s), View(d)});
      uint32_t step = s->span();
      s += step;
      d += step;
    }
    out.close(at, n);
  }

  void leaf(Layout &out, Node s, Node d) {
    if (basisValue(d).isInt(0)) {
      out.push(s, intNode(0));
      return;
    }
    Target &target = targetOf(d);
    d = basisValue(d);
    if (s.isInt(1)) { // never steps, but a stride that could not step is refused all the same
      checkStride(s, d, target);
      out.push(s, target.modes.size() == 1 ? mul(d, target.modes[0].stride) : intNode(0));
      return;
    }
    ModeWriter image(out);
    bool constant = s.isInt() && d.isInt() && target.constant;
    Refusal why;
    if (!(constant ? imageOfInts(why, image, s.value, d.value, target.modes, target.use, overhang)
                   : imageOfNodes(why, image, s, d, target.modes, overhang)))
      refuse(why, s, d, target);
    image.finish();
  }

  void checkStride(Node s, Node d, const Target &t) {
    for (uint32_t i = 0; i + 1 < t.modes.size() && d.isInt() && t.modes[i].shape.isInt(); ++i) {
      int64_t radix = t.modes[i].shape.value, step = absInt(d.value);
      if (step % radix != 0 && step >= radix)
        refuse({Refusal::Stride, i, d.value, radix, 1}, s, d, t);
      d = intNode(ceilDivInt(step, radix));
    }
  }

  Target &targetOf(Node stride) {
    uint64_t basis = stride.basis();
    if (count == 0 || first.basis != basis) {
      if (count == 0) {
        fill(first, stride, basis);
        ++count;
        return first;
      }
      for (Target &t : more)
        if (t.basis == basis)
          return t;
      checkApart(stride);
      more.emplace_back();
      fill(more.back(), stride, basis);
      return more.back();
    }
    return first;
  }

  void fill(Target &t, Node stride, uint64_t basis) {
    t.basis = basis;
    LayoutView mode = a;
    for (uint32_t i = 0; i < stride.basisDepth(); ++i) {
      uint32_t index = stride.basisAt(i);
      if (index >= mode.rank())
        fail("composition: the stride " + printLeaf(stride) + " of " + print(b) + " addresses mode " +
             std::to_string(index) + " of " + print(mode) + ", which has rank " +
             std::to_string(mode.rank()));
      mode = mode[index];
    }
    Coalescer merged(t.modes);
    Node lastShape = intNode(1), lastStride = intNode(0);
    t.constant = true;
    forEachLeaf(mode, [&](Node s, Node d) {
      merged.push(s, d);
      t.constant &= s.isInt();
      lastShape = s;
      lastStride = d;
    });
    if (lastShape.isInt(1) &&
        (t.modes.empty() || !continues(t.modes.lastShape(), t.modes.lastStride(), lastStride)))
      t.modes.push(lastShape, lastStride); // it tells how positions past the end run on
    t.use.resize(t.modes.size(), DigitUse());
  }

  /// A basis vector and one that points inside the mode of the first would count the same digits twice.
  void checkApart(Node stride) {
    auto overlaps = [&](uint64_t otherBasis) {
      Node x = withBasis(intNode(0), stride.basis()), y = withBasis(intNode(0), otherBasis);
      uint32_t depth = x.basisDepth() < y.basisDepth() ? x.basisDepth() : y.basisDepth();
      for (uint32_t i = 0; i < depth; ++i)
        if (x.basisAt(i) != y.basisAt(i))
          return false;
      return true;
    };
    bool bad = overlaps(first.basis);
    for (const Target &t : more)
      bad = bad || overlaps(t.basis);
    if (bad)
      fail("composition: the strides of " + print(b) + " address a mode and a part of the same mode (" +
           printLeaf(stride) + ")");
  }

  void checkSums() {
    if (count == 0)
      return;
    checkSums(first);
    for (Target &t : more)
      checkSums(t);
  }

  void checkSums(const Target &t) {
    uint32_t last = t.modes.size() - 1;
    int64_t backward = t.use[last].down;
    for (uint32_t i = 0; i < last; ++i) {
      const DigitUse &use = t.use[i];
      backward |= use.down;
      if (!t.modes[i].shape.isInt())
        continue;
      int64_t most = use.up > use.down ? use.up : use.down;
      if (overhang && use.count == addInt(most, 1)) // each position of this mode once, then some past its end
        continue;
      if (most >= t.modes[i].shape.value || use.left)
        fail("composition: " + print(a) + " o " + print(b) +
                 " is not a layout: several modes of the right side step through " + digitName(t, i) +
                 ", and together they reach position " + std::to_string(most) +
                 " of it, which carries into the next mode",
             {"keep the modes of the right side within " + std::to_string(t.modes[i].shape.value) +
              " positions there, or compose by mode: composition(a, (b0, b1, ...))"});
    }
    if (backward)
      checkSigns(t.use);
  }

  void checkSigns(const DigitUses &uses) {
    uint32_t touched = 0;
    bool up = false;
    for (const DigitUse &use : uses) {
      touched += use.up || use.down;
      up |= use.up != 0;
    }
    if (up && touched > 1)
      fail("composition: " + print(a) + " o " + print(b) +
           " is not a layout: the right side mixes steps forward and backward through several modes of the "
           "left side");
  }

  static std::string digitName(const Target &t, uint32_t i) {
    return "mode " + std::to_string(i) + " of the coalesced left side " + print(toLayout(t.modes)) +
           " (extent " + printLeaf(t.modes[i].shape) + ")";
  }

  [[noreturn]] void refuse(const Refusal &r, Node s, Node d, const Target &t) {
    std::string mode = printLeaf(s) + ":" + printLeaf(d);
    std::string message = "composition: " + print(a) + " o " + print(b) + " is not a layout: ";
    switch (r.kind) {
    case Refusal::Stride:
      message += "the mode " + mode + " steps by " + std::to_string(r.step) + " in " + digitName(t, r.digit) +
                 ", which is neither a multiple of that extent nor below it";
      break;
    case Refusal::Shape:
      message += "the mode " + mode + " has " + std::to_string(r.remaining) + " elements left in " +
                 digitName(t, r.digit) + ", where " + std::to_string(ceilDivInt(r.radix, absInt(r.step))) +
                 " fit, which does not divide them";
      break;
    default:
      message += "the mode " + mode + " leaves " + digitName(t, r.digit) + " in the middle: its step " +
                 std::to_string(r.step) + " does not divide that extent";
      break;
    }
    std::vector<std::string> notes;
    if (std::string way = alternative(s, d, t); !way.empty())
      notes.push_back(way);
    fail(std::move(message), std::move(notes));
  }

  /// The nearest size, then the nearest stride, with which the mode would have an image.
  std::string alternative(Node s, Node d, const Target &t) {
    if (!s.isInt() || !d.isInt())
      return "";
    auto works = [&](int64_t size, int64_t stride) {
      if (size < 1 || stride == 0)
        return false;
      if (!t.constant)
        return false;
      try {
        Layout scratch = Layout::building();
        ModeWriter image(scratch);
        DigitUses use = t.use;
        Refusal why;
        return imageOfInts(why, image, size, stride, t.modes, use, overhang);
      } catch (const Error &) { // out of 64 bits
        return false;
      }
    };
    std::string text;
    if (s.value > INT64_MAX - 64 || d.value > INT64_MAX - 64 || d.value < 1)
      return "";
    for (int64_t by = 1; by <= 64 && text.empty(); ++by)
      for (int64_t size : {s.value - by, s.value + by})
        if (size > 1 && works(size, d.value)) {
          text = "the nearest size that works is " + std::to_string(size) + " (" + std::to_string(size) +
                 ":" + std::to_string(d.value) + ")";
          break;
        }
    for (int64_t by = 1; by <= 64; ++by)
      for (int64_t stride : {d.value - by, d.value + by})
        if (stride > 0 && works(s.value, stride))
          return (text.empty() ? "the nearest stride that works is " : text + "; the nearest stride is ") +
                 std::to_string(stride) + " (" + std::to_string(s.value) + ":" + std::to_string(stride) + ")";
    return text;
  }

  LayoutView a, b;
  uint32_t count = 0;
  bool overhang = false; ///< a rest may leave a digit that it covers, together with the tile, past its end
  Target first;
  std::vector<Target> more; ///< of further basis vectors; plain strides need none
};

void composeTiler(Layout &out, LayoutView a, const Tiler &tiler, View t) {
  if (t.isTuple()) {
    if (t.rank() > a.rank())
      fail("composition: the tiler " + print(tiler) + " has " + std::to_string(t.rank()) + " modes where " +
           print(a) + " has " + std::to_string(a.rank()) + "; drop the last " +
           std::to_string(t.rank() - a.rank()));
    uint32_t at = out.open(), i = 0;
    for (View part : t)
      composeTiler(out, a[i++], tiler, part);
    out.close(at, t.rank());
  } else if (t.isNull()) {
    out.push(a);
  } else if (t.leaf().kind() == NodeKind::LayoutRef) {
    out.push(Composer(a, tiler.layoutAt(t)).run().view());
  } else {
    Node extent = t.leaf(), one = intNode(1);
    if (extent.basis() || (extent.isInt() && extent.value < 1))
      fail("composition: a tile must be an integer of at least 1, got " + printLeaf(extent));
    out.push(Composer(a, {View(&extent), View(&one)}).run().view());
  }
}

} // namespace

Layout composition(LayoutView a, LayoutView b) { return Composer(a, b).run(); }

void divideBy(Layout &out, LayoutView layout, LayoutView tileAndRest) {
  Composer(layout, tileAndRest).runDivide(out);
}

Layout composition(LayoutView a, const Tiler &tiler) {
  if (tiler.view().leaf().kind() == NodeKind::LayoutRef)
    return Composer(a, tiler.layoutAt(tiler.view())).run();
  Layout out = Layout::building();
  composeTiler(out, a, tiler, tiler.view());
  out.shape().checkLimits();
  return out;
}

} // namespace enigma::layout
