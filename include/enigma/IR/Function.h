// SPDX-License-Identifier: MIT
//
// A kernel as the user wrote it: typed operations in order, each with its place in the user's source.
//
// Operations live in one pool, operands in another, and a region lists operations by index, so that building
// one costs some tens of nanoseconds. Nothing here optimises; Builder.h checks types while it adds, verify()
// checks the whole.
//
//     Function f("saxpy");
//     Value x = f.addParam({"X", Type::buffer(Elem::f32)});
//     Builder b(f);                       // Builder.h
//     b.store(x, b.query(Opcode::thread_position_in_grid, 0), b.literal(1.0));
//     std::string text = f.str();         // what dump_ir prints
#pragma once

#include "enigma/IR/Opcode.h"
#include "enigma/Support/Error.h"
#include "enigma/Support/Hash.h"

#include <memory>
#include <string>
#include <vector>

namespace enigma::ir {

/// A value of a function, by number. Id 0 is no value.
struct Value {
  uint32_t id = 0;
  explicit operator bool() const { return id != 0; }
  bool operator==(const Value &) const = default;
};

/// An opaque place in the user's program; a LocationTable turns it into file, line and column when an error
/// needs it.
using Place = uint64_t;

class LocationTable {
public:
  virtual ~LocationTable() = default;
  virtual SourceLoc resolve(Place place) const = 0;
};

/// Places for C++ users: each SourceLoc added is one place.
class SourceLocTable final : public LocationTable {
public:
  Place add(SourceLoc loc) {
    locs.push_back(std::move(loc));
    return locs.size();
  }
  SourceLoc resolve(Place place) const override {
    return place && place <= locs.size() ? locs[place - 1] : SourceLoc{};
  }

private:
  std::vector<SourceLoc> locs;
};

struct Param {
  std::string name;
  Type type; ///< a buffer, or a scalar value (`Scalar` in Python)
  Place place = 0;
  bool read = false;    ///< set as loads are added
  bool written = false; ///< set as stores are added
};

/// A number that a kernel leaves open until a pipeline is made of it.
struct FunctionConstant {
  std::string name;
  Elem elem = Elem::b1;
  uint32_t index = 0; ///< Metal's
  bool hasDefault = false;
  uint64_t bits = 0; ///< of the default
  bool operator==(const FunctionConstant &) const = default;
};

struct Op {
  Opcode opcode;
  uint16_t numOperands = 0;
  uint16_t numResults = 0;
  uint32_t firstOperand = 0; ///< in Function::operandPool
  uint32_t firstResult = 0;  ///< value id; results are consecutive
  uint32_t firstRegion = 0;  ///< in Function::regionPool
  uint16_t numRegions = 0;
  uint64_t immediate = 0; ///< bits of a constant, an axis, a MathMode, a component: what the table says
  Place place = 0;
};

struct ValueInfo {
  Type type;
  uint32_t op = 0; ///< index of the defining operation, or noOp for a parameter or an argument of a region
  uint32_t uses = 0;
  uint32_t name = 0; ///< in Function::names, 0 for none
};

/// A list of operations that an operation runs (the arms of an if, the body of a loop), with the values that
/// it starts from. The last operation of all regions but a kernel's body is a yield.
struct Region {
  std::vector<Value> args;
  std::vector<uint32_t> ops; ///< indices of operations, in order
};

class Function {
public:
  static constexpr uint32_t noOp = ~0u;

  explicit Function(std::string name);

  /// The user's name of the kernel, and the Metal function's: "enigma_kernel_" before it, and what no
  /// identifier of Metal can hold (Python allows letters beyond ASCII) as "u" and its bytes in hexadecimal.
  const std::string &name() const { return functionName; }
  void rename(std::string name) { functionName = std::move(name); }
  std::string kernelName() const;

  Value addParam(Param param);
  const std::vector<Param> &params() const { return parameters; }
  Value paramValue(size_t index) const { return {static_cast<uint32_t>(index + 1)}; }
  /// The index of the parameter that a buffer value is, or -1.
  int paramIndex(Value v) const { return v.id && v.id <= parameters.size() ? int(v.id) - 1 : -1; }

  const ValueInfo &value(Value v) const { return values[v.id]; }
  Type type(Value v) const { return values[v.id].type; }
  size_t numValues() const { return values.size(); }
  const Op &op(uint32_t index) const { return ops[index]; }
  size_t numOps() const { return ops.size(); }
  /// The operations of the body in order, as indices; those of nested regions are in their regions.
  const std::vector<uint32_t> &body() const { return regions[0].ops; }
  const Region &region(uint32_t index) const { return regions[index]; }
  /// The regions of an operation, as indices.
  std::span<const uint32_t> regionsOf(const Op &op) const {
    return {regionPool.data() + op.firstRegion, op.numRegions};
  }
  /// Every operation, those of regions after the operation that owns them: the order in which they stand in
  /// the source.
  std::vector<uint32_t> programOrder() const;
  std::span<const Value> operands(const Op &op) const {
    return {operandPool.data() + op.firstOperand, op.numOperands};
  }
  Value result(const Op &op, int i = 0) const { return {op.firstResult + i}; }
  /// The operation that defines v, or null for a parameter.
  const Op *definition(Value v) const;

  /// The user's name of a value; the first name given stays.
  void setName(Value v, std::string_view name);
  std::string_view nameOf(Value v) const { return names[values[v.id].name]; }

  void setLocations(std::shared_ptr<const LocationTable> table) { locations = std::move(table); }
  const std::shared_ptr<const LocationTable> &locationTable() const { return locations; }
  SourceLoc locate(Place place) const { return locations ? locations->resolve(place) : SourceLoc{}; }

  /// Where the function is defined in the user's source.
  Place place = 0;

  /// What function_constant operations stand for, by their immediate.
  const std::vector<FunctionConstant> &constants() const { return functionConstants; }
  void addConstant(FunctionConstant constant) { functionConstants.push_back(std::move(constant)); }
  /// Turns an operation with one scalar result into a constant of these bits.
  void makeConstant(uint32_t index, uint64_t bits);

  /// The lower level that Builder and contract() use: no check is made here.
  uint32_t append(Opcode opcode, std::span<const Value> operands, std::span<const Type> results,
                  uint64_t immediate, Place place);
  /// The same without a place in a region: setOps gives it one.
  uint32_t create(Opcode opcode, std::span<const Value> operands, std::span<const Type> results,
                  uint64_t immediate, Place place);
  /// Opens a region: operations go into it until it is closed, and until its operation is appended it belongs
  /// to none.
  uint32_t openRegion(std::span<const Type> args);
  void closeRegion();
  /// Appends the operation that regions opened and closed since belong to.
  uint32_t appendWithRegions(Opcode opcode, std::span<const Value> operands, std::span<const Type> results,
                             std::span<const uint32_t> regionIds, Place place);
  size_t depth() const { return open.size() - 1; }

  /// A state to come back to: everything that was added since is forgotten (a loop whose body has to be
  /// traced again).
  struct Mark {
    size_t ops, operands, values, names, regions, regionPool, lengthOfRegion;
    std::vector<uint32_t> open;
    std::vector<std::pair<bool, bool>> access;
  };
  Mark mark() const;
  void rollback(const Mark &mark);

  /// The elements of a constant array, as bits; the immediate of its operation is the index.
  uint64_t addTable(std::vector<uint64_t> bits) {
    tables.push_back(std::move(bits));
    return tables.size() - 1;
  }
  std::span<const uint64_t> table(uint64_t index) const { return tables[index]; }
  /// Whether an operation writes what outlives the launch: a parameter.
  bool writesParam(const Op &op) const;

  void setOps(uint32_t regionIndex, std::vector<uint32_t> newOps) {
    regions[regionIndex].ops = std::move(newOps);
  }
  size_t numRegions() const { return regions.size(); }
  void replaceOp(uint32_t index, Opcode opcode, std::span<const Value> operands);
  void markAccess(Value buffer, bool write);

  /// The text that dump_ir prints: one operation per line, the user's names, file and line at the end of
  /// each.
  std::string str() const;

private:
  std::string functionName;
  std::vector<Param> parameters;
  std::vector<std::vector<uint64_t>> tables;
  std::vector<FunctionConstant> functionConstants;
  std::vector<Op> ops;
  std::vector<Region> regions{1};
  std::vector<uint32_t> regionPool;
  std::vector<uint32_t> open{0}; ///< the region that operations go into is the last
  std::vector<Value> operandPool;
  std::vector<ValueInfo> values{1};
  std::vector<std::string> names{std::string()};
  std::shared_ptr<const LocationTable> locations;
};

/// The number of a function constant, by Metal's index. `isGiven` is what is_function_constant_defined says.
struct ConstantBinding {
  uint32_t index = 0;
  uint64_t bits = 0;
  bool isGiven = true;
};
/// Makes constants of the function constants that have a number. Throws for an index that the function does
/// not declare.
void bindConstants(Function &f, std::span<const ConstantBinding> bindings);
/// Binds those that are left to their defaults. Throws for one without.
void bindDefaults(Function &f);
/// The function constants that are left.
std::vector<FunctionConstant> openConstants(const Function &f);

/// What a hash takes in: the structure alone (host code), or the names as well (text that shows them).
enum class HashScope { structure, structureAndNames };
Hash128 hash(const Function &f, HashScope scope);

/// Throws Error when an operation is used before its definition, has operands that its rule does not allow,
/// or the function has no effect. A function that Builder made passes, except for having no effect.
void verify(const Function &f);

/// Fuses each f32 or f16 multiplication that is used once, in an addition or subtraction, into fma: one
/// rounding instead of two.
void contract(Function &f);

} // namespace enigma::ir
