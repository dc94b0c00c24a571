// SPDX-License-Identifier: MIT
//
// Runs the recorded cases of tests/vectors against the library. Each file is one test; a case that differs is
// printed with what was wanted and what came. Run-time integers of the vectors, {"dyn":n}, are leaves of an
// owner that computes with their values.
#include "Json.h"
#include "enigma/Layout/ComposedLayout.h"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <map>
#include <set>

using namespace enigma::layout;
using enigma::Error;

namespace {

/// Owner of run-time integers that knows their values: what they are is visible to the test only.
class KnownValues : public Arithmetic {
public:
  Node make(int64_t value) {
    values.push_back(value);
    return node(static_cast<uint32_t>(values.size() - 1));
  }
  int64_t value(Node n) const { return n.isDynamic() ? values[id(basisValue(n))] : n.value; }
  Node apply(ArithOp op, Node na, Node nb) override {
    int64_t a = value(na), b = value(nb);
    switch (op) {
    case ArithOp::Add:
      return make(a + b);
    case ArithOp::Sub:
      return make(a - b);
    case ArithOp::Mul:
      return make(a * b);
    case ArithOp::Div:
      return make(divInt(a, b));
    case ArithOp::Mod:
      return make(modInt(a, b));
    case ArithOp::CeilDiv:
      return make(ceilDivInt(a, b));
    case ArithOp::Min:
      return make(std::min(a, b));
    case ArithOp::Max:
      return make(std::max(a, b));
    case ArithOp::And:
      return make(a & b);
    case ArithOp::Xor:
      return make(a ^ b);
    case ArithOp::ShiftLeft:
      return make(a << b);
    case ArithOp::ShiftRight:
      return make(a >> b);
    case ArithOp::Abs:
      return make(std::abs(a));
    case ArithOp::Sign:
      return make((a > 0) - (a < 0));
    }
    return na;
  }
  std::vector<int64_t> values;
};

class Case {
public:
  explicit Case(const Json &args) : args(args) {}
  Json run(const std::string &op);

private:
  bool has(const char *key) const { return args.find(key); }

  void node(IntTuple &out, const Json &j) {
    switch (j.kind) {
    case Json::Null:
      out.push(nullNode());
      return;
    case Json::Int:
      out.push(j.number);
      return;
    case Json::Array: {
      uint32_t at = out.open();
      for (const Json &i : j.items)
        node(out, i);
      out.close(at);
      return;
    }
    default:
      break;
    }
    if (const Json *d = j.find("dyn")) {
      out.push(dynamics.make(d->number));
      return;
    }
    std::vector<uint32_t> path;
    for (const Json &i : j.at("basis").items)
      path.push_back(static_cast<uint32_t>(i.number));
    const Json &scale = j.at("scale");
    Node k = scale.find("dyn") ? dynamics.make(scale.at("dyn").number) : intNode(scale.number);
    out.push(scaleBasis(k, path.data(), static_cast<uint32_t>(path.size())));
  }
  IntTuple tuple(const Json &j) {
    if (const Json *shape = j.find("shape"))
      return tuple(*shape); // where a shape is asked for, a layout gives its own
    if (j.find("composed"))
      return domainOf(any(j)).shape();
    IntTuple t = IntTuple::building();
    node(t, j);
    return t;
  }
  IntTuple tuple(const char *key) { return tuple(args.at(key)); }
  Layout layout(const Json &j) { return Layout(tuple(j.at("shape")), tuple(j.at("stride"))); }
  Layout layout(const char *key) { return layout(args.at(key)); }
  AnyLayout any(const Json &j) {
    if (const Json *s = j.find("swizzle"))
      return AnyLayout(Swizzle(static_cast<int>(s->items[0].number), static_cast<int>(s->items[1].number),
                               static_cast<int>(s->items[2].number)));
    if (const Json *c = j.find("composed"))
      return AnyLayout(ComposedLayout(any(c->items[0]), tuple(c->items[1]), any(c->items[2])));
    return AnyLayout(layout(j));
  }
  AnyLayout any(const char *key) { return any(args.at(key)); }
  static bool plain(const Json &j) { return j.find("shape"); }
  bool plain(const char *key) const { return plain(args.at(key)); }

  void tilerInto(Tiler &out, const Json &j) {
    if (j.kind == Json::Array) {
      uint32_t at = out.open();
      for (const Json &i : j.items)
        tilerInto(out, i);
      out.close(at);
    } else if (plain(j)) {
      kept.push_back(std::make_unique<Layout>(layout(j)));
      out.push(kept.back()->view());
    } else {
      IntTuple leaf = tuple(j);
      out.push(leaf.view().leaf());
    }
  }
  Tiler tiler(const char *key) {
    Tiler t = Tiler::building();
    tilerInto(t, args.at(key));
    return t;
  }
  int64_t number(const char *key) { return args.at(key).number; }

  Json json(Node n) {
    if (n.isNull())
      return Json();
    Json value = n.isDynamic() ? Json::object({{"dyn", Json(dynamics.value(n))}}) : Json(n.value);
    if (!n.basis())
      return value;
    Json path = Json::array();
    for (uint32_t i = 0; i < n.basisDepth(); ++i)
      path.items.push_back(Json(int64_t(n.basisAt(i))));
    return Json::object({{"scale", value}, {"basis", path}});
  }
  Json json(View t) {
    if (!t.isTuple())
      return json(t.leaf());
    Json a = Json::array();
    for (View mode : t)
      a.items.push_back(json(mode));
    return a;
  }
  Json json(const IntTuple &t) { return json(t.view()); }
  Json json(const Layout &l) {
    return Json::object({{"shape", json(l.shape())}, {"stride", json(l.stride())}});
  }
  Json json(const AnyLayout &l) {
    if (const Layout *p = l.layout())
      return json(*p);
    if (const Swizzle *s = l.swizzle())
      return Json::object({{"swizzle", Json::array({Json(int64_t(s->bits())), Json(int64_t(s->base())),
                                                    Json(int64_t(s->shift()))})}});
    const ComposedLayout *c = l.composed();
    return Json::object({{"composed", Json::array({json(c->inner()), json(c->offset()), json(c->outer())})}});
  }
  template <class L>
  Json json(const std::pair<L, IntTuple> &p) {
    return Json::array({json(p.first), json(p.second)});
  }

  const Json &args;
  KnownValues dynamics;
  std::vector<std::unique_ptr<Layout>> kept;
};

Json Case::run(const std::string &op) {
  auto is = [&](const char *name) { return op == name; };
  static const IntTuple one(1);
  // Coordinates.
  if (is("layout_call"))
    return json(crd2idx(tuple("coord"), layout("layout")));
  if (is("composed_call"))
    return json(any("layout")(tuple("coord")));
  if (is("slice"))
    return json(slice(tuple("coord"), layout("layout")));
  if (is("dice"))
    return json(dice(tuple("coord"), layout("layout")));
  if (is("slice_and_offset"))
    return json(sliceAndOffset(tuple("coord"), layout("layout").view()));
  if (is("composed_slice"))
    return json(sliceAndOffset(tuple("coord"), any("layout")));
  if (is("crd2idx")) {
    if (!has("stride"))
      return json(crd2idx(tuple("coord"), tuple("shape")));
    return json(crd2idx(tuple("coord"), Layout(tuple("shape"), tuple("stride"))));
  }
  if (is("idx2crd")) {
    if (!has("stride"))
      return json(idx2crd(tuple("idx"), tuple("shape")));
    return json(idx2crd(tuple("idx"), tuple("shape"), tuple("stride")));
  }
  if (is("crd2crd"))
    return json(crd2crd(tuple("coord"), tuple("src_shape"), tuple("dst_shape")));
  if (is("get_hier_coord"))
    return json(hierCoord(layout("layout"), tuple("idx")));
  if (is("get_flat_coord"))
    return json(flatCoord(layout("layout"), tuple("idx")));
  if (is("get_1d_coord"))
    return json(linearCoord(layout("layout"), tuple("idx")));
  if (is("increment_coord"))
    return json(incrementCoord(tuple("coord"), tuple("shape")));
  // Queries.
  if (is("size") || is("cosize") || is("rank") || is("depth") || is("get")) {
    AnyLayout whole = any("layout");
    AnyLayout l =
        has("mode")
            ? mapOuter(whole, [&](const Layout &d) { return Layout(getMode(d.view(), tuple("mode"))); })
            : whole;
    if (is("get"))
      return json(l);
    if (is("size"))
      return json(size(domainOf(l).view()));
    if (is("cosize"))
      return json(cosize(l));
    if (is("rank"))
      return Json(int64_t(domainOf(l).rank()));
    return Json(int64_t(depth(domainOf(l).view())));
  }
  // Simplification.
  if (is("coalesce") || is("filter") || is("filter_zeros")) {
    return json(mapOuter(any("layout"), [&](const Layout &l) {
      bool p = has("profile");
      IntTuple profile = p ? tuple("profile") : one;
      if (is("coalesce"))
        return p ? coalesce(l, profile) : coalesce(l);
      if (is("filter"))
        return p ? filter(l, profile) : filter(l);
      return p ? filterZeros(l, profile) : filterZeros(l);
    }));
  }
  if (is("flatten"))
    return json(flatten(layout("layout").view()));
  if (is("unflatten"))
    return json(unflatten(layout("layout").view(), tuple("profile")));
  // Composition and inverses.
  if (is("composition")) {
    const Json &b = args.at("b");
    if (b.find("swizzle") || b.find("composed"))
      return json(composition(any("a"), any("b")));
    if (plain(b) && plain("a"))
      return json(composition(layout("a"), layout("b")));
    return json(composition(any("a"), tiler("b")));
  }
  if (is("complement")) {
    if (!has("cotarget"))
      return json(complement(layout("layout")));
    return json(complement(layout("layout"), tuple("cotarget")));
  }
  if (is("right_inverse"))
    return json(rightInverse(any("layout")));
  if (is("left_inverse"))
    return json(leftInverse(any("layout")));
  if (is("nullspace"))
    return json(nullspace(layout("layout")));
  if (is("max_common_vector"))
    return Json(maxCommonVector(any("a"), any("b")));
  if (is("max_common_layout"))
    return json(maxCommonLayout(any("a"), any("b")));
  if (is("max_alignment"))
    return Json(maxAlignment(any("layout")));
  if (is("domain_distribute"))
    return json(domainDistribute(tuple("shape"), number("n")));
  // Divides and products.
  using Tiled = Layout (*)(LayoutView, const Tiler &);
  static const std::map<std::string, Tiled> divides = {{"logical_divide", logicalDivide},
                                                       {"zipped_divide", zippedDivide},
                                                       {"tiled_divide", tiledDivide},
                                                       {"flat_divide", flatDivide}};
  static const std::map<std::string, Tiled> products = {{"logical_product", logicalProduct},
                                                        {"zipped_product", zippedProduct},
                                                        {"tiled_product", tiledProduct},
                                                        {"flat_product", flatProduct}};
  if (auto it = divides.find(op); it != divides.end())
    return json(mapOuter(any("layout"), [&](const Layout &l) { return it->second(l, tiler("tiler")); }));
  if (auto it = products.find(op); it != products.end())
    return json(mapOuter(any("block"), [&](const Layout &l) { return it->second(l, tiler("tiler")); }));
  if (is("blocked_product") || is("raked_product"))
    return json(mapOuter(any("block"), [&](const Layout &l) {
      Layout t = layout("tiler");
      return is("blocked_product") ? blockedProduct(l, t) : rakedProduct(l, t);
    }));
  if (is("tile_to_shape"))
    return json(mapOuter(any("block"), [&](const Layout &l) {
      return has("order") ? tileToShape(l, tuple("trg_shape"), tuple("order"))
                          : tileToShape(l, tuple("trg_shape"));
    }));
  // Construction.
  if (is("make_layout"))
    return json(args.at("major").text == "left" ? Layout(tuple("shape")) : makeLayoutRight(tuple("shape")));
  if (is("make_ordered_layout"))
    return json(makeOrderedLayout(tuple("shape"), tuple("order")));
  if (is("make_layout_like"))
    return json(makeLayoutLike(layout("layout")));
  if (is("make_fragment_like"))
    return json(makeFragmentLike(layout("layout")));
  if (is("make_identity_layout"))
    return json(makeIdentityLayout(tuple("shape")));
  if (is("make_layout_tv")) {
    auto [shape, tv] = makeLayoutTV(layout("thr"), layout("val"));
    return Json::object({{"tiler", json(shape)}, {"tv_layout", json(tv)}});
  }
  if (is("compact_col_major"))
    return json(compactColMajor(tuple("shape"), has("current") ? tuple("current") : one));
  if (is("compact_row_major"))
    return json(compactRowMajor(tuple("shape"), has("current") ? tuple("current") : one));
  if (is("upcast"))
    return json(upcast(any("layout"), number("n")));
  if (is("downcast"))
    return json(downcast(any("layout"), number("n")));
  if (is("recast_layout"))
    return json(recastLayout(any("layout"), number("new_bits"), number("old_bits")));
  if (is("local_tile")) {
    if (has("proj"))
      return json(localTile(layout("layout"), tuple("tiler"), tuple("coord"), tuple("proj")));
    return json(localTile(layout("layout"), tiler("tiler"), tuple("coord")));
  }
  if (is("local_partition"))
    return json(localPartition(layout("layout"), layout("thr"), tuple("idx")));
  if (is("swizzle_apply"))
    return json(any("swizzle")(tuple("offset")));
  if (is("make_swizzle"))
    return json(AnyLayout(makeSwizzle(number("y_mask"), number("z_mask"))));
  // Modes.
  if (is("zip"))
    return has("b") ? json(zip(layout("a"), layout("b"))) : json(zip(layout("a").view()));
  if (is("tile_unzip"))
    return json(tileUnzip(layout("layout"), tuple("tiler")));
  if (is("append") || is("prepend")) {
    Layout l = layout("layout"), x = has("x") ? layout("x") : Layout();
    uint32_t n = has("n") ? static_cast<uint32_t>(number("n")) : l.rank() + 1;
    return json(is("append") ? append(l, x, n) : prepend(l, x, n));
  }
  if (is("replace"))
    return json(replaceMode(layout("layout"), static_cast<uint32_t>(number("n")), layout("x")));
  if (is("group"))
    return json(group(layout("layout").view(), static_cast<uint32_t>(number("begin")),
                      static_cast<uint32_t>(number("end"))));
  if (is("take"))
    return json(take(layout("layout").view(), static_cast<uint32_t>(number("begin")),
                     static_cast<uint32_t>(number("end"))));
  if (is("select"))
    return json(select(layout("layout").view(), tuple("modes")));
  // Tuples.
  if (is("shape_div"))
    return json(shapeDiv(tuple("a"), tuple("b")));
  if (is("ceil_div"))
    return json(ceilDiv(tuple("a"), tiler("b")));
  if (is("round_up"))
    return json(roundUp(tuple("a"), tuple("b")));
  if (is("elem_scale"))
    return json(elemScale(tuple("a"), tuple("b")));
  if (is("product"))
    return json(product(tuple("a")));
  if (is("product_each"))
    return json(productEach(tuple("a")));
  if (is("product_like"))
    return json(productLike(tuple("a"), tuple("b")));
  if (is("inner_product"))
    return json(innerProduct(tuple("a"), tuple("b")));
  if (is("evenly_divides"))
    return Json::boolean(evenlyDivides(tuple("a"), tiler("b")));
  static const std::map<std::string, bool (*)(View, View)> relations = {
      {"congruent", congruent},   {"weakly_congruent", weaklyCongruent},
      {"compatible", compatible}, {"elem_less", elemLess},
      {"lex_less", lexLess},      {"colex_less", colexLess}};
  if (auto it = relations.find(op); it != relations.end())
    return Json::boolean(it->second(tuple("a"), tuple("b")));
  throw std::runtime_error("the test does not know the operation " + op);
}

// Comparison, as the README of the vectors lays down.

Json withoutDyn(const Json &j) {
  if (const Json *d = j.find("dyn"))
    return *d;
  Json out = j;
  for (Json &i : out.items)
    i = withoutDyn(i);
  for (auto &[k, v] : out.fields)
    v = withoutDyn(v);
  return out;
}

Json maskStride(const Json &shape, const Json &stride) {
  if (shape.kind == Json::Array) {
    if (stride.kind != Json::Array || stride.items.size() != shape.items.size())
      return Json::string("bad");
    Json out = Json::array();
    for (size_t i = 0; i < shape.items.size(); ++i)
      out.items.push_back(maskStride(shape.items[i], stride.items[i]));
    return out;
  }
  return shape == Json(1) ? Json() : stride;
}

Json masked(const Json &j) {
  if (j.find("shape") && j.find("stride"))
    return Json::object({{"shape", j.at("shape")}, {"stride", maskStride(j.at("shape"), j.at("stride"))}});
  Json out = j;
  for (Json &i : out.items)
    i = masked(i);
  for (auto &[k, v] : out.fields)
    v = masked(v);
  return out;
}

int64_t valueAt(const Json &j, int64_t x) {
  if (j.find("swizzle") || j.find("composed") || j.find("shape")) {
    if (const Json *s = j.find("swizzle"))
      return Swizzle(static_cast<int>(s->items[0].number), static_cast<int>(s->items[1].number),
                     static_cast<int>(s->items[2].number))(x);
    if (const Json *c = j.find("composed"))
      return valueAt(c->items[0], c->items[1].number + valueAt(c->items[2], x));
    std::vector<int64_t> shape, stride;
    std::function<void(const Json &, std::vector<int64_t> &)> flat = [&](const Json &t,
                                                                         std::vector<int64_t> &out) {
      if (t.kind == Json::Array)
        for (const Json &i : t.items)
          flat(i, out);
      else
        out.push_back(t.number);
    };
    flat(j.at("shape"), shape);
    flat(j.at("stride"), stride);
    int64_t sum = 0;
    for (size_t i = 0; i < shape.size(); ++i) {
      sum += (i + 1 == shape.size() ? x : x % shape[i]) * stride[i];
      x /= shape[i];
    }
    return sum;
  }
  throw std::runtime_error("not a layout");
}

int64_t domainSize(const Json &j) {
  if (const Json *c = j.find("composed"))
    return domainSize(c->items[2]);
  int64_t n = 1;
  std::function<void(const Json &)> walk = [&](const Json &t) {
    if (t.kind == Json::Array)
      for (const Json &i : t.items)
        walk(i);
    else
      n *= t.number;
  };
  walk(j.at("shape"));
  return n;
}

bool sameFunction(Json a, Json b) {
  int64_t offsetA = 0, offsetB = 0;
  auto take = [](Json &j, int64_t &offset) {
    if (j.kind != Json::Array)
      return;
    offset = j.items[1].number;
    j = Json(j.items[0]);
  };
  take(a, offsetA);
  take(b, offsetB);
  int64_t n = domainSize(a);
  if (n != domainSize(b))
    return false;
  for (int64_t i = 0; i < n; ++i)
    if (offsetA + valueAt(a, i) != offsetB + valueAt(b, i))
      return false;
  return true;
}

bool matches(const Json &record, Json got) {
  const Json &want = record.at("result");
  if (want.find("error"))
    return got.find("error");
  if (got.find("error"))
    return false;
  if (want.str().find("\"dyn\"") == std::string::npos)
    got = withoutDyn(got);
  std::vector<Json> accepted = {want};
  if (const Json *alt = record.find("alt"))
    accepted.insert(accepted.end(), alt->items.begin(), alt->items.end());
  for (const Json &w : accepted)
    if (got == w || masked(got) == masked(w))
      return true;
  if (const Json *tags = record.find("tags"))
    for (const Json &t : tags->items)
      if (t.text == "functional")
        return sameFunction(withoutDyn(want), withoutDyn(got));
  return false;
}

bool hasTag(const Json &record, const char *tag) {
  if (const Json *tags = record.find("tags"))
    for (const Json &t : tags->items)
      if (t.text == tag)
        return true;
  return false;
}

Json answer(const Json &record) {
  try {
    std::string op = record.at("op").text;
    // Comparisons of run-time integers have no answer before the integers have values.
    bool compares = op == "evenly_divides" || op == "compatible" || op.ends_with("_less");
    Json args = compares ? withoutDyn(record.at("args")) : record.at("args");
    return Case(args).run(op);
  } catch (const Error &e) {
    return Json::object({{"error", Json::string(e.what())}});
  }
}

/// Recorded answers that break their own post-condition; the next test shows it. The library refuses.
const std::set<std::string> kWrongAnswers = {"composition-p00408", "product-p00612"};

class LayoutVectors : public testing::TestWithParam<const char *> {};

TEST_P(LayoutVectors, AgreeWithRecordedAnswers) {
  std::string name = GetParam();
  std::ifstream file(std::string(ENIGMA_VECTORS_DIR) + "/" + name + ".jsonl");
  ASSERT_TRUE(file) << "no vectors at " << ENIGMA_VECTORS_DIR;
  int count = 0, failed = 0, limits = 0, answered = 0;
  for (std::string line; std::getline(file, line);) {
    Json record = JsonParser(line).parse();
    ++count;
    Json got = answer(record);
    bool good;
    if (name == "nonfunctional" || kWrongAnswers.count(record.at("id").text)) {
      good = got.find("error"); // what CuTe answers is wrong here
    } else if (hasTag(record, "limitation")) {
      good = true; // CuTe refuses; the laws are tested elsewhere
      ++limits;
      answered += !got.find("error");
    } else {
      good = matches(record, got);
    }
    if (!good && ++failed <= 20)
      ADD_FAILURE() << record.at("id").text << " " << record.at("op").text << " " << record.at("args").str()
                    << "\n  want " << record.at("result").str() << "\n  got  " << got.str();
  }
  EXPECT_EQ(failed, 0) << "of " << count;
  EXPECT_GT(count, 0);
  if (limits)
    std::printf("%s: %d of %d cases that CuTe refuses are answered\n", name.c_str(), answered, limits);
}

TEST(LayoutVectorsKnownWrong, CompositionP00408DiffersFromPointwiseApplication) {
  // (10,8):(1,0) o 10:8 is recorded as (2,5):(8,0).
  Layout a(IntTuple{10, 8}, IntTuple{1, 0}), b(IntTuple(10), IntTuple(8)),
      recorded(IntTuple{2, 5}, IntTuple{8, 0});
  EXPECT_EQ(evaluate(a.view(), evaluate(b.view(), 2)), 6);
  EXPECT_EQ(evaluate(recorded.view(), 2), 0);
  EXPECT_THROW(composition(a, b), Error);
}

TEST(LayoutVectorsKnownWrong, ProductP00612PutsTwoCopiesOnOneOffset) {
  // Block (2,5):(1,8), copies recorded at ((2,8),3):((6,40),2).
  Layout block(IntTuple{2, 5}, IntTuple{1, 8}),
      copies(IntTuple{IntTuple{2, 8}, 3}, IntTuple{IntTuple{6, 40}, 2});
  std::set<int64_t> offsets;
  for (int64_t i = 0; i < 10; ++i)
    for (int64_t j = 0; j < 48; ++j)
      offsets.insert(evaluate(block.view(), i) + evaluate(copies.view(), j));
  EXPECT_LT(offsets.size(), 480u);
}

INSTANTIATE_TEST_SUITE_P(Files, LayoutVectors,
                         testing::Values("coords", "query", "simplify", "composition", "complement_inverse",
                                         "divide", "product", "construct", "recast", "swizzle", "modes",
                                         "inttuple", "partition", "reject", "nonfunctional", "static_dynamic",
                                         "cutlass_tests", "docs_examples"),
                         [](const auto &info) { return std::string(info.param); });

} // namespace
