// Device time in double entry: what one vGPU is owed, others owe. The sum of all balances is zero
// at every moment, to the nanosecond, so nothing is ever lost, and debts bound claims.
//
// This is the lag of fair queueing (Stoica and Abdel-Wahab, "Earliest eligible virtual deadline
// first", 1995) kept in device time: a vGPU's lag is what it should have had minus what it had.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace aliquot::arbiter {

/// Rates are counted in billionths of the device, as whole numbers, so that they sum up exactly.
constexpr uint64_t kOne = 1'000'000'000;

/// No vGPU owes more than this: what it takes beyond is lost to the others. Kernels are limited to
/// seconds, so only a worker that hangs gets here; it keeps sums far from overflowing.
constexpr int64_t kMostDebt = 60'000'000'000;

/// Divides an amount in proportion of parts, in whole numbers that sum up to it exactly. `phase`
/// says how much was divided before in the same proportion: so remainders fall to each in its turn,
/// and whoever is last in the row has no advantage however small the amounts are.
class Division {
 public:
  Division(uint64_t amount, uint64_t whole, uint64_t phase = 0)
      : amount_(amount), whole_(whole), phase_(phase) {}
  /// What falls to the next part. The parts must sum up to the whole.
  int64_t next(uint64_t part);

 private:
  uint64_t amount_, whole_, phase_;
  uint64_t parts_ = 0;
  int64_t given_ = 0;
};

class Accounts {
 public:
  using Part = std::pair<uint64_t, uint64_t>;  // a vGPU, and its part

  void open(uint64_t vgpu) { balances_[vgpu]; }
  /// What was owed to it and what it owed is settled among the others.
  void close(uint64_t vgpu);
  /// As it was; the balances of all must sum up to zero.
  void resume(uint64_t vgpu, int64_t balance) { balances_[vgpu] = balance; }
  /// Owed to the vGPU; negative: its debt.
  int64_t balance(uint64_t vgpu) const;

  /// The vGPU took `ns`: they are owed to `creditors` in proportion of their parts (of which it may
  /// have one itself). See Division for `phase`.
  void charge(uint64_t vgpu, uint64_t ns, const std::vector<Part>& creditors, uint64_t phase = 0);

  /// `ns` of what was charged to the vGPU are owed to nobody: the creditors have that much less.
  void refund(uint64_t vgpu, uint64_t ns, const std::vector<Part>& creditors);

  /// A claim of the vGPU lapses by at most `ns`, and with it debts of others in proportion of them.
  /// Or, when it has a debt, that is forgiven by at most `ns`, and claims of others lapse.
  void cancel(uint64_t vgpu, uint64_t ns);

 private:
  std::map<uint64_t, int64_t> balances_;
};

}  // namespace aliquot::arbiter
