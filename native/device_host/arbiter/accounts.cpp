#include "device_host/arbiter/accounts.h"

#include <algorithm>
#include <cstdlib>

namespace aliquot::arbiter {
namespace {

__extension__ using Wide = unsigned __int128;

}  // namespace

int64_t Division::next(uint64_t part) {
  parts_ += part;
  const Wide before = Wide{parts_} * phase_ / whole_;
  const Wide after = Wide{parts_} * (Wide{phase_} + amount_) / whole_;
  const auto so_far = static_cast<int64_t>(after - before);
  return so_far - std::exchange(given_, so_far);
}

void Accounts::close(uint64_t vgpu) {
  cancel(vgpu, ~uint64_t{0});
  balances_.erase(vgpu);
}

int64_t Accounts::balance(uint64_t vgpu) const {
  const auto found = balances_.find(vgpu);
  return found == balances_.end() ? 0 : found->second;
}

void Accounts::charge(uint64_t vgpu, uint64_t ns, const std::vector<Part>& creditors,
                      uint64_t phase) {
  uint64_t whole = 0;
  for (const auto& [creditor, part] : creditors) whole += part;
  int64_t& debtor = balances_[vgpu];
  ns = std::min(ns, static_cast<uint64_t>(std::max<int64_t>(0, debtor + kMostDebt)));
  if (whole == 0 || ns == 0) return;
  Division division(ns, whole, phase);
  for (const auto& [creditor, part] : creditors) balances_[creditor] += division.next(part);
  debtor -= static_cast<int64_t>(ns);
}

void Accounts::refund(uint64_t vgpu, uint64_t ns, const std::vector<Part>& creditors) {
  uint64_t whole = 0;
  for (const auto& [creditor, part] : creditors) whole += part;
  if (whole == 0 || ns == 0) return;
  Division division(ns, whole);
  for (const auto& [creditor, part] : creditors) balances_[creditor] -= division.next(part);
  balances_[vgpu] += static_cast<int64_t>(ns);
}

void Accounts::cancel(uint64_t vgpu, uint64_t ns) {
  int64_t& own = balances_[vgpu];
  const int64_t sign = own > 0 ? 1 : -1;
  const auto opposite = [&](int64_t balance) {
    return static_cast<uint64_t>(std::max<int64_t>(0, -sign * balance));
  };
  uint64_t whole = 0;  // at least what is cancelled, because all balances sum up to zero
  for (const auto& [other, balance] : balances_) whole += opposite(balance);
  ns = std::min(ns, static_cast<uint64_t>(std::abs(own)));
  if (ns == 0) return;
  Division division(ns, whole);
  for (auto& [other, balance] : balances_) balance += sign * division.next(opposite(balance));
  own -= sign * static_cast<int64_t>(ns);
}

}  // namespace aliquot::arbiter
