// SPDX-License-Identifier: MIT
//
// Elements are put in order of their address; a run of neighbours is cut into the widest vectors that are
// aligned and lie inside or outside of the tensor as a whole.
#include "enigma/IR/TensorAccess.h"

#include <algorithm>
#include <numeric>

namespace enigma::ir {

using namespace layout;

namespace {

constexpr int64_t mostElements = 4096; ///< of a fragment: each is a register
constexpr int widest = 16;             ///< bytes

Literal number(int64_t n) { return Literal(n); }

} // namespace

std::vector<TensorAccess::Group> TensorAccess::plan(const Tensor &tensor, bool isStore, AccessNote &note) {
  const Memory &memory = *tensor.memory();
  const Layout &domain = tensor.domain();
  if (!isStatic(domain.view()))
    fail(memory.name + ": elements are counted by constant extents and strides, got " + print(domain));
  int64_t n = staticInt(IntTuple(size(domain)), "the size of a tensor");
  if (n > mostElements)
    fail(
        memory.name + ": one thread would " + (isStore ? "store " : "load ") + std::to_string(n) +
            " elements, and each needs a register",
        {"at most " + std::to_string(mostElements) + " are possible; divide the tensor among threads first"});
  if (tensor.overhangs() && !tensor.coordinates())
    fail(memory.name +
             ": a tile reaches past the end of the tensor, and this composition has lost where that is",
         {"use a tiler that divides the shape " + print(domainOf(memory.layout).shape().view())});
  note = {memory.name, isStore, memory.elem, n, {}, false, {}, b.place, b.function().numValues()};

  struct Element {
    uint32_t index;
    IndexSpace::Id terms;
    int64_t constant;
    std::vector<IndexSpace::Id> coords;
  };
  std::vector<Element> elements(n);
  const Layout *plain = tensor.layout().layout();
  Node origin = add(tensor.offset(), intNode(memory.baseOffset));
  auto split = [&](Node address) -> std::pair<IndexSpace::Id, int64_t> {
    IndexSpace::Id id = space.from(address);
    int64_t constant = space.linear(id).constant;
    return {space.add(id, space.constant(-constant)), constant};
  };
  auto base = split(origin);
  std::vector<IndexSpace::Id> from;
  for (Node leaf : tensor.origin())
    from.push_back(space.from(leaf));
  const auto &bounds = tensor.bounds();
  // A leaf is asked about where some element can pass its end.
  std::vector<bool> asked(bounds.size(), false);
  for (int64_t i = 0; i < n; ++i) {
    Element &e = elements[i];
    e.index = static_cast<uint32_t>(i);
    if (plain) {
      e.terms = base.first;
      e.constant = addInt(base.second, evaluate(plain->view(), i));
    } else {
      IntTuple at = tensor.layout()(IntTuple(i));
      std::tie(e.terms, e.constant) = split(add(integer(at, "an address"), origin));
    }
    e.coords = from;
    if (tensor.coordinates()) {
      IntTuple at = crd2idx(IntTuple(i), tensor.coordinates()->view());
      for (uint32_t k = 0; at.isTuple() && k < at.rank(); ++k)
        if (int64_t step = staticInt(at[k], "a coordinate"))
          e.coords[k] = space.add(e.coords[k], space.constant(step));
      for (size_t k = 0; k < bounds.size(); ++k)
        asked[k] = asked[k] || space.range(e.coords[k]).high >= bounds[k];
    }
  }
  for (size_t k = 0; k < bounds.size(); ++k)
    note.masked |= asked[k];

  // What is subtracted from a constant starts from the least address, so that no base is negative.
  std::unordered_map<IndexSpace::Id, int64_t> least;
  for (const Element &e : elements)
    if (space.range(e.terms).low < 0)
      if (auto [it, isNew] = least.try_emplace(e.terms, e.constant); !isNew)
        it->second = std::min(it->second, e.constant);
  for (Element &e : elements)
    if (auto it = least.find(e.terms); it != least.end()) {
      e.terms = space.add(e.terms, space.constant(it->second));
      e.constant -= it->second;
    }

  std::sort(elements.begin(), elements.end(), [](const Element &x, const Element &y) {
    return std::tie(x.terms, x.constant, x.index) < std::tie(y.terms, y.constant, y.index);
  });
  // Places, each with the elements that lie there.
  struct Spot {
    const Element *element;
    std::vector<uint32_t> all;
  };
  std::vector<Spot> places;
  for (const Element &e : elements) {
    if (!places.empty() && places.back().element->terms == e.terms &&
        places.back().element->constant == e.constant) {
      if (isStore)
        fail(memory.name + ": two elements of the stored tensor lie at one place",
             {"the layout is " + print(domain) + "; a mode of stride 0 can be read, not written"});
      places.back().all.push_back(e.index);
    } else {
      places.push_back({&e, {e.index}});
    }
  }
  int most = memory.elem == Elem::b1 ? 1 : std::min(4, widest / bytes(memory.elem));
  if (memory.elem == Elem::b1)
    note.reason = "bool has no vectors in memory";
  std::vector<Group> groups;
  for (size_t at = 0; at < places.size();) {
    const Element &first = *places[at].element;
    size_t run = 1;
    while (at + run < places.size() && places[at + run].element->terms == first.terms &&
           places[at + run].element->constant == first.constant + int64_t(run))
      ++run;
    int64_t aligned = space.divisor(space.add(first.terms, space.constant(first.constant)));
    int width = most;
    for (; width > 1; width /= 2) {
      if (run < size_t(width)) {
        if (note.reason.empty())
          note.reason = run == 1 ? "neighbouring elements are apart in memory"
                                 : "only " + std::to_string(run) + " elements lie side by side";
        continue;
      }
      if (aligned % width) {
        if (note.reason.empty())
          note.reason = "the address is only known to be a multiple of " + std::to_string(std::abs(aligned)) +
                        (std::abs(aligned) == 1 ? " element" : " elements");
        continue;
      }
      // All inside or all outside: each coordinate is the same for all, or counts from a multiple of the
      // width to a bound that is one.
      bool whole = true;
      for (size_t k = 0; k < bounds.size() && whole; ++k) {
        if (!asked[k])
          continue;
        bool same = true, counts = true;
        for (int l = 1; l < width; ++l) {
          IndexSpace::Id here = places[at + l].element->coords[k];
          same &= here == first.coords[k];
          counts &= here == space.add(first.coords[k], space.constant(l));
        }
        whole = same || (counts && bounds[k] % width == 0 && space.divisor(first.coords[k]) % width == 0);
        if (!whole && note.reason.empty())
          note.reason = "the end of mode " + std::to_string(k) + " (" + std::to_string(bounds[k]) +
                        " elements) can fall inside a vector of " + std::to_string(width);
      }
      if (whole)
        break;
    }
    Group group{{}, first.terms, first.constant, {}};
    for (int l = 0; l < width; ++l)
      group.lanes.push_back(places[at + l].all);
    for (size_t k = 0; k < bounds.size(); ++k) {
      IndexRange r = space.range(first.coords[k]);
      if (!asked[k] || r.high < bounds[k])
        continue;
      if (r.low >= bounds[k])
        group.never = true;
      // What all parts are multiples of is divided out: 4 * x < 105 is x < 27.
      int64_t constant = space.linear(first.coords[k]).constant;
      IndexSpace::Id terms = space.add(first.coords[k], space.constant(-constant));
      int64_t step = std::max<int64_t>(1, space.scales(terms)), bound = bounds[k] - constant;
      group.below.emplace_back(space.divide(terms, step),
                               bound > 0 ? (bound + step - 1) / step : -(-bound / step));
    }
    note.widths.push_back(width);
    groups.push_back(std::move(group));
    at += width;
  }
  if (std::all_of(note.widths.begin(), note.widths.end(), [&](int w) { return w == most; }) && most > 1)
    note.reason.clear();
  std::sort(groups.begin(), groups.end(),
            [](const Group &x, const Group &y) { return x.first() < y.first(); });
  if (n == 1)
    note.reason.clear();
  bases.clear();
  vectorLength = note.widths.front();
  for (int width : note.widths)
    if (width != vectorLength)
      vectorLength = 1;
  return groups;
}

Value TensorAccess::address(const Group &group) {
  IndexSpace::Id full = space.add(group.terms, space.constant(group.constant));
  if (space.linear(group.terms).terms.empty())
    return space.emit(full);
  // One base with constant offsets, where the same type holds both.
  Value &base = bases[group.terms];
  if (!base) {
    int64_t count = vectorsIn(group.terms);
    Value start = space.emit(count > 1 ? space.divide(group.terms, count) : group.terms);
    b.function().setName(start, "base");
    base = count > 1 ? b.binary(Operator::mul, start, number(count)) : start;
  }
  if (!group.constant)
    return base;
  IndexRange r = space.range(full), parts = space.range(group.terms);
  Elem elem = b.function().type(base).elem;
  if (r.low < 0 || (elem == Elem::u32 && std::max(r.high, parts.high) > int64_t(UINT32_MAX)))
    return space.emit(full);
  return b.binary(group.constant < 0 ? Operator::sub : Operator::add, base, number(std::abs(group.constant)));
}

// Where all accesses are of whole vectors, the base counts those. Accesses of elements beside them take the
// same base times the length, so that both have one.
int64_t TensorAccess::vectorsIn(IndexSpace::Id terms) {
  IndexRange all = space.range(terms);
  if (all.low < 0 || all.high > int64_t(UINT32_MAX))
    return 1;
  int64_t scale = std::gcd(space.scales(terms), space.linear(terms).constant);
  if (vectorLength > 1 && scale % vectorLength == 0)
    return vectorBases[terms] = vectorLength;
  auto known = vectorBases.find(terms);
  return known != vectorBases.end() ? known->second : scale == 4 ? 4 : 1;
}

Value TensorAccess::mask(const Group &group) {
  Value all;
  for (auto [coordinate, bound] : group.below) {
    Value inside = b.compare(Opcode::cmp_lt, space.emit(coordinate), number(bound));
    all = all ? b.binary(Operator::and_, all, inside) : inside;
  }
  return all;
}

Value TensorAccess::extract(Value vector, int lane) {
  Function &f = b.function();
  Type t = f.type(vector);
  if (t.lanes == 1)
    return vector;
  Type scalar = t.withLanes(1);
  return f.result(f.op(f.append(Opcode::extract, {&vector, 1}, {&scalar, 1}, lane, b.place)));
}

Value TensorAccess::element(const Fragment &fragment, size_t index) {
  return extract(fragment.values[fragment.slots[index].value], fragment.slots[index].lane);
}

Fragment TensorAccess::load(const Tensor &tensor, Value buffer, Literal outside) {
  AccessNote note;
  std::vector<Group> groups = plan(tensor, false, note);
  Fragment out;
  out.shape = tensor.domain().shape();
  out.slots.resize(note.elements);
  Elem elem = tensor.memory()->elem;
  for (const Group &group : groups) {
    int width = static_cast<int>(group.lanes.size());
    Type type = Type::value(elem, width);
    Value value;
    if (group.never)
      value = b.constant(outside, type);
    else if (group.below.empty())
      value = b.loadVector(buffer, address(group), width);
    else
      value = b.loadVectorIf(buffer, address(group), mask(group), b.constant(outside, type));
    for (int l = 0; l < width; ++l)
      for (uint32_t e : group.lanes[l])
        out.slots[e] = {static_cast<uint16_t>(out.values.size()), static_cast<uint16_t>(l)};
    out.values.push_back(value);
  }
  said.push_back(std::move(note));
  return out;
}

// A store converts as an assignment does, except where the meaning of the number would be lost.
Value TensorAccess::converted(Value value, Elem to, const Tensor &tensor) {
  Type t = b.function().type(value);
  if ((isFloat(t.elem) && !isFloat(to)) || (t.elem != to && to == Elem::b1)) {
    std::string want(name(to));
    b.fail("store: the tensor " + tensor.memory()->name + " holds " + want + ", got " +
               std::string(name(t.elem)),
           {to == Elem::b1 ? "compare it: x != 0"
                           : "to drop the fraction, write fragment.to(enigma." + want + ")"});
  }
  return b.cast(value, to);
}

Value TensorAccess::gather(const Group &group, const Fragment &fragment, Elem to) {
  size_t width = group.lanes.size();
  auto slot = [&](size_t l) { return fragment.slots[group.lanes[l][0]]; };
  Value first = fragment.values[slot(0).value];
  bool asItIs = b.function().type(first).lanes == width;
  for (size_t l = 0; l < width; ++l)
    asItIs &= slot(l).value == slot(0).value && slot(l).lane == l;
  if (asItIs)
    return first;
  Function &f = b.function();
  std::vector<Value> parts;
  for (size_t l = 0; l < width; ++l)
    parts.push_back(element(fragment, group.lanes[l][0]));
  if (width == 1)
    return parts[0];
  Type type = f.type(parts[0]).withLanes(static_cast<int>(width));
  return f.result(f.op(f.append(Opcode::make_vector, parts, {&type, 1}, 0, b.place)));
}

void TensorAccess::storeGroups(const Tensor &tensor, Value buffer, const std::vector<Group> &groups,
                               const std::function<Value(const Group &)> &value) {
  for (const Group &group : groups) {
    if (group.never)
      continue;
    Value v = value(group);
    if (group.below.empty()) {
      b.storeVector(buffer, address(group), v);
    } else {
      Value at = address(group);
      b.storeVectorIf(buffer, at, v, mask(group));
    }
  }
  cover(tensor, groups);
}

void TensorAccess::store(const Tensor &tensor, Value buffer, const Fragment &fragment) {
  if (productEach(wrap(tensor.domain().shape())) != productEach(wrap(fragment.shape)))
    fail(tensor.memory()->name + ": the tensor has the shape " + print(tensor.domain().shape().view()) +
             ", the fragment that is stored " + print(fragment.shape.view()),
         {"both must have the same number of elements in each mode"});
  AccessNote note;
  std::vector<Group> groups = plan(tensor, true, note);
  Elem to = tensor.memory()->elem;
  Fragment stored = fragment;
  for (Value &v : stored.values)
    v = converted(v, to, tensor);
  storeGroups(tensor, buffer, groups, [&](const Group &group) { return gather(group, stored, to); });
  said.push_back(std::move(note));
}

void TensorAccess::fill(const Tensor &tensor, Value buffer, Operand value) {
  AccessNote note;
  std::vector<Group> groups = plan(tensor, true, note);
  Elem to = tensor.memory()->elem;
  if (value.isLiteral())
    value = b.constant(value.literal, Type::value(to));
  Value one = converted(value.value, to, tensor);
  std::unordered_map<size_t, Value> wide;
  storeGroups(tensor, buffer, groups, [&](const Group &group) {
    size_t width = group.lanes.size();
    if (width == 1)
      return one;
    Value &v = wide[width];
    if (!v) {
      Function &f = b.function();
      Type type = f.type(one).withLanes(static_cast<int>(width));
      v = f.result(f.op(f.append(Opcode::splat, {&one, 1}, {&type, 1}, 0, b.place)));
    }
    return v;
  });
  said.push_back(std::move(note));
}

std::vector<IndexSpace::Id> TensorAccess::coordinates(const Tensor &tensor) {
  std::vector<IndexSpace::Id> out;
  for (Node leaf : tensor.origin())
    out.push_back(space.from(leaf));
  return out;
}

// The places that all threads write are at most as many as the positions that the parts of the address take.
void TensorAccess::cover(const Tensor &tensor, const std::vector<Group> &groups) {
  if (tensor.memory()->kind == Memory::Kind::array)
    return; // each threadgroup or thread has its own
  if (space.isDead())
    return;
  std::vector<IndexSpace::Id> parts;
  int64_t each = 0;
  for (const Group &group : groups) {
    each += group.lanes.size();
    parts.push_back(group.terms);
  }
  for (const Node &leaf : tensor.origin())
    parts.push_back(space.from(leaf));
  std::optional<int64_t> threads = space.count(parts);
  if (threads)
    threads = mulInt(*threads, each);
  stored.push_back({tensor.memory(), tensor.covered(), threads, b.place, b.function().numValues()});
}

void TensorAccess::forget(size_t values) {
  std::erase_if(said, [&](const AccessNote &note) { return note.values > values; });
  std::erase_if(stored, [&](const Coverage &c) { return c.values > values; });
}

} // namespace enigma::ir
