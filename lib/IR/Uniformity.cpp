// SPDX-License-Identifier: MIT
//
// Facts about values, found by going over the function until none changes. They are ordered; a value is as
// bad as the worst that it is made of, and "unknown" is the worst: an error needs a proof. So operations that
// can make different numbers equal again (a division, a difference of two positions) give unknown.
#include "enigma/IR/Uniformity.h"

#include "enigma/IR/Constant.h"

#include <algorithm>

namespace enigma::ir {
namespace {

enum class Spread : uint8_t {
  uniform, ///< the same in all threads of a threadgroup
  simd,    ///< different in a threadgroup, of a simdgroup nothing is said
  thread,  ///< different between the lanes of a simdgroup
  unknown,
};

struct Fact {
  Spread spread = Spread::uniform;
  Place why = 0; ///< of the comparison or query that made it so
};

bool differs(const Fact &fact) { return fact.spread == Spread::simd || fact.spread == Spread::thread; }
Fact worse(const Fact &a, const Fact &b) { return b.spread > a.spread ? b : a; }

class Analysis {
public:
  explicit Analysis(const Function &of) : f(of), facts(of.numValues()) {}

  void run() {
    do {
      changed = false;
      visit(f.region(0));
    } while (changed);
    check(f.region(0));
  }

private:
  Fact &at(Value v) { return facts[v.id]; }

  void raise(Value v, const Fact &fact) {
    if (fact.spread > at(v).spread) {
      at(v) = fact;
      changed = true;
    }
  }

  std::optional<int64_t> constant(Value v) const {
    const Op *op = f.definition(v);
    if (!op || op->opcode != Opcode::constant || !isInt(f.type(v).elem))
      return std::nullopt;
    return constantInteger(f.type(v).elem, op->immediate);
  }

  static Fact ofQuery(const Op &op) {
    switch (op.opcode) {
    case Opcode::thread_position_in_grid:
    case Opcode::thread_position_in_threadgroup:
      // Threads that are 32 wide have one y and z in a simdgroup.
      return {op.immediate == 0 ? Spread::thread : Spread::simd, op.place};
    case Opcode::thread_index_in_threadgroup:
    case Opcode::thread_index_in_simdgroup:
    case Opcode::thread_index_in_quadgroup:
    case Opcode::quadgroup_index_in_threadgroup:
      return {Spread::thread, op.place};
    case Opcode::simdgroup_index_in_threadgroup:
      return {Spread::simd, op.place};
    default:
      return {};
    }
  }

  /// What a query stays below, whatever the launch.
  static int64_t limitOf(Opcode query) {
    switch (query) {
    case Opcode::thread_position_in_threadgroup:
    case Opcode::thread_index_in_threadgroup:
      return 1024;
    case Opcode::thread_index_in_simdgroup:
    case Opcode::simdgroup_index_in_threadgroup:
      return 32;
    default:
      return INT64_MAX;
    }
  }

  bool isAlwaysTrue(const Op &op) const {
    const Op *query = f.definition(f.operands(op)[0]);
    const auto bound = constant(f.operands(op)[1]);
    if (!query || !bound || info(query->opcode).rule.kind != Rule::Kind::query)
      return false;
    return (op.opcode == Opcode::cmp_lt && *bound >= limitOf(query->opcode)) ||
           (op.opcode == Opcode::cmp_le && *bound >= limitOf(query->opcode) - 1) ||
           (op.opcode == Opcode::cmp_ge && *bound == 0);
  }

  Fact ofElementwise(const Op &op) {
    Fact worst;
    int different = 0;
    for (Value v : f.operands(op)) {
      worst = worse(worst, at(v));
      different += differs(at(v));
    }
    if (worst.spread == Spread::uniform || worst.spread == Spread::unknown)
      return worst;
    const bool isLogic = f.type(f.result(op)).elem == Elem::b1;
    const Fact here{worst.spread, op.place}, unknown{Spread::unknown, op.place};
    switch (op.opcode) {
    case Opcode::and_:
    case Opcode::or_:
    case Opcode::not_: // of conditions; the place stays that of the comparison
      return isLogic ? worst : unknown;
    case Opcode::add:
    case Opcode::sub:
    case Opcode::neg:
    case Opcode::cast:
      return different == 1 ? here : unknown;
    case Opcode::mul:
      for (Value v : f.operands(op))
        if (auto factor = constant(v); factor && *factor != 0)
          return here;
      return unknown;
    case Opcode::cmp_lt:
    case Opcode::cmp_le:
    case Opcode::cmp_gt:
    case Opcode::cmp_ge:
    case Opcode::cmp_eq:
    case Opcode::cmp_ne:
      if (isAlwaysTrue(op))
        return {};
      return different == 1 ? here : unknown;
    default:
      return unknown;
    }
  }

  bool areDifferentConstants(Value a, Value b) const {
    const Op *x = f.definition(a), *y = f.definition(b);
    return x && y && x->opcode == Opcode::constant && y->opcode == Opcode::constant &&
           x->immediate != y->immediate;
  }

  std::span<const Value> yields(uint32_t region) const {
    return f.operands(f.op(f.region(region).ops.back()));
  }

  void visitIf(const Op &op) {
    auto regions = f.regionsOf(op);
    for (uint32_t r : regions)
      visit(f.region(r));
    const Fact condition = at(f.operands(op)[0]);
    for (int i = 0; i < op.numResults; ++i) {
      const Value x = yields(regions[0])[i], y = yields(regions[1])[i];
      Fact fact = worse(at(x), at(y));
      if (x != y && condition.spread != Spread::uniform) {
        // One number here, another there; where an arm has a flag that differs already, it still does.
        const bool isFlag = f.type(x).elem == Elem::b1 && fact.spread <= condition.spread;
        const bool isPlain = areDifferentConstants(x, y) || (isFlag && differs(fact));
        fact = worse(fact, isPlain ? condition : Fact{Spread::unknown, condition.why});
      }
      raise(f.result(op, i), fact);
    }
  }

  /// `rounds` says how the number of rounds differs.
  void visitCarried(const Op &op, const Region &body, size_t firstArg, std::span<const Value> initial,
                    std::span<const Value> next, const Fact &rounds) {
    for (size_t i = 0; i < initial.size(); ++i) {
      const Value arg = body.args[firstArg + i];
      raise(arg, worse(at(initial[i]), at(next[i])));
      Fact last = at(arg);
      if (next[i] != arg && rounds.spread != Spread::uniform)
        last = {Spread::unknown, rounds.why};
      raise(f.result(op, int(i)), last);
    }
  }

  void visit(const Region &region) {
    for (uint32_t index : region.ops) {
      const Op &op = f.op(index);
      const OpInfo &i = info(op.opcode);
      auto regions = f.regionsOf(op);
      auto operands = f.operands(op);
      if (op.opcode == Opcode::if_) {
        visitIf(op);
      } else if (op.opcode == Opcode::for_) {
        const Region &body = f.region(regions[0]);
        raise(body.args[0], worse(at(operands[0]), at(operands[2])));
        visit(body);
        const Fact rounds = worse(worse(at(operands[0]), at(operands[1])), at(operands[2]));
        visitCarried(op, body, 1, operands.subspan(3), yields(regions[0]), rounds);
      } else if (op.opcode == Opcode::while_) {
        const Region &test = f.region(regions[0]), &body = f.region(regions[1]);
        visit(test);
        auto passed = yields(regions[0]);
        for (size_t k = 0; k < body.args.size(); ++k)
          raise(body.args[k], at(passed[k + 1]));
        visit(body);
        visitCarried(op, test, 0, operands, yields(regions[1]), at(passed[0]));
        for (size_t k = 0; k < body.args.size(); ++k)
          raise(f.result(op, int(k)), at(passed[k + 1]));
      } else if (op.numResults && f.type(f.result(op)).isValue()) {
        Fact fact{Spread::unknown, op.place};
        if (i.rule.kind == Rule::Kind::query)
          fact = ofQuery(op);
        else if (i.elementwise || i.rule.kind == Rule::Kind::constant || i.rule.kind == Rule::Kind::vector ||
                 i.rule.kind == Rule::Kind::component)
          fact = ofElementwise(op);
        for (int r = 0; r < op.numResults; ++r)
          raise(f.result(op, r), fact);
      }
    }
  }

  std::vector<std::string> notesOf(const char *what, const Fact &fact) const {
    std::vector<std::string> notes;
    if (SourceLoc loc = f.locate(fact.why))
      notes.push_back(std::string(what) + " is at " + loc.file + ":" + std::to_string(loc.line));
    return notes;
  }

  void refuse(const Op &op, const Fact &condition) const {
    const bool isAlloc = op.opcode == Opcode::threadgroup_alloc;
    std::vector<std::string> notes = notesOf("the condition", condition);
    if (isAlloc) {
      notes.push_back("allocate it at the top of the kernel");
      throw Error(ErrorKind::Trace,
                  "threadgroup_alloc: the threads of a threadgroup share it, but do not all come here: the "
                  "condition differs from thread to thread",
                  f.locate(op.place), std::move(notes));
    }
    const bool isGroup = op.opcode == Opcode::threadgroup_barrier;
    notes.push_back(std::string("all threads of a ") + (isGroup ? "threadgroup" : "simdgroup") +
                    " must come to a barrier: end the branch before it, and use a condition around loads and "
                    "stores instead of an early return");
    throw Error(ErrorKind::Trace,
                std::string(isGroup ? "barrier" : "simd_barrier") +
                    ": not all threads come here: the condition differs from thread to thread",
                f.locate(op.place), std::move(notes));
  }

  // ---- Matrices, which the lanes of a simdgroup hold together

  static bool needsAllLanes(Opcode opcode) {
    return opcode == Opcode::simdgroup_load || opcode == Opcode::simdgroup_store ||
           opcode == Opcode::simdgroup_multiply || opcode == Opcode::simdgroup_multiply_accumulate;
  }

  void checkMatrixOp(const Op &op) {
    const std::string name(info(op.opcode).name);
    for (const Fact &condition : around)
      if (condition.spread == Spread::thread) {
        std::vector<std::string> notes = notesOf("the condition", condition);
        notes.emplace_back("branch on what is the same in all lanes, such as "
                           "simdgroup_index_in_threadgroup()");
        throw Error(ErrorKind::Trace,
                    name +
                        ": all 32 lanes of a simdgroup must take part, and a condition that differs between "
                        "them leaves some out",
                    f.locate(op.place), std::move(notes));
      }
    if (op.opcode != Opcode::simdgroup_load && op.opcode != Opcode::simdgroup_store)
      return;
    const auto place = f.operands(op).last(2);
    for (size_t i = 0; i < place.size(); ++i)
      if (const Fact fact = at(place[i]); fact.spread == Spread::thread) {
        std::vector<std::string> notes = notesOf("what differs", fact);
        notes.emplace_back("take that of the first lane: simd_broadcast_first(x)");
        throw Error(ErrorKind::Trace,
                    name + ": the " + (i ? "elements_per_row" : "index") +
                        " must be the same in all lanes of a simdgroup, and differs from lane to lane",
                    f.locate(op.place), std::move(notes));
      }
  }

  /// A matrix that the lanes of a simdgroup would not agree about behind `op`.
  void refuseDifferingMatrix(const Op &op, const Fact &condition) const {
    std::vector<std::string> notes = notesOf("the condition", condition);
    notes.emplace_back("change it where the condition is the same in all lanes, or change its elements: "
                       "simdgroup_matrix_elements, simdgroup_matrix_from_elements");
    throw Error(
        ErrorKind::Trace,
        "the lanes of a simdgroup hold a matrix together, so that the matrix which a variable holds cannot "
        "differ between them",
        f.locate(op.place), std::move(notes));
  }

  void checkCarriedMatrices(const Op &op, const Fact &condition) {
    if (condition.spread != Spread::thread)
      return;
    auto regions = f.regionsOf(op);
    for (int i = 0; i < op.numResults; ++i) {
      if (!f.type(f.result(op, i)).isSimdgroupMatrix())
        continue;
      const bool isKept = op.opcode == Opcode::if_ ? yields(regions[0])[i] == yields(regions[1])[i]
                          : op.opcode == Opcode::for_
                              ? yields(regions[0])[i] == f.region(regions[0]).args[size_t(i) + 1]
                              : yields(regions[1])[i] == f.region(regions[1]).args[size_t(i)] &&
                                    yields(regions[0])[size_t(i) + 1] == f.region(regions[0]).args[size_t(i)];
      if (!isKept)
        refuseDifferingMatrix(op, condition);
    }
  }

  void check(const Region &region) {
    for (uint32_t index : region.ops) {
      const Op &op = f.op(index);
      if (needsAllLanes(op.opcode))
        checkMatrixOp(op);
      const bool isSimd = op.opcode == Opcode::simdgroup_barrier;
      if (isSimd || op.opcode == Opcode::threadgroup_barrier || op.opcode == Opcode::threadgroup_alloc)
        for (const Fact &condition : around)
          if (condition.spread == Spread::thread || (!isSimd && condition.spread == Spread::simd))
            refuse(op, condition);
      auto regions = f.regionsOf(op);
      auto operands = f.operands(op);
      if (regions.empty())
        continue;
      if (op.opcode == Opcode::while_) { // the test runs once more than the body
        around.push_back(at(yields(regions[0])[0]));
        check(f.region(regions[0]));
        check(f.region(regions[1]));
        checkCarriedMatrices(op, around.back());
      } else {
        around.push_back(op.opcode == Opcode::if_
                             ? at(operands[0])
                             : worse(worse(at(operands[0]), at(operands[1])), at(operands[2])));
        for (uint32_t r : regions)
          check(f.region(r));
        checkCarriedMatrices(op, around.back());
      }
      around.pop_back();
    }
  }

  const Function &f;
  std::vector<Fact> facts;
  std::vector<Fact> around;
  bool changed = false;
};

} // namespace

void checkConvergence(const Function &f) {
  for (uint32_t i = 0; i < f.numOps(); ++i) {
    const Op &op = f.op(i);
    if (op.opcode == Opcode::threadgroup_barrier || op.opcode == Opcode::simdgroup_barrier ||
        op.opcode == Opcode::threadgroup_alloc || (op.numResults && f.type(f.result(op)).isSimdgroupMatrix()))
      return Analysis(f).run();
  }
}

} // namespace enigma::ir
