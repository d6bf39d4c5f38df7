#include "worker/copy_pacer.h"

#include <algorithm>

namespace aliquot::worker {

namespace {
constexpr double kSecondNs = 1e9;
}

bool CopyPacer::begin(uint64_t bytes, uint64_t now) {
  const uint64_t rate = this->rate();
  if (rate == 0) return true;
  const std::lock_guard guard(mutex_);
  pay(rate, now);
  if (debt_bytes_ > 0) return false;
  debt_bytes_ += static_cast<double>(bytes);
  return true;
}

uint64_t CopyPacer::wait_ns(uint64_t now) {
  const uint64_t rate = this->rate();
  if (rate == 0) return 0;
  const std::lock_guard guard(mutex_);
  pay(rate, now);
  if (debt_bytes_ <= 0) return 0;
  const double wait = debt_bytes_ / static_cast<double>(rate) * kSecondNs;
  return std::min(static_cast<uint64_t>(std::min(wait, kSecondNs)) + 1, kLongestWaitNs);
}

void CopyPacer::pay(uint64_t rate, uint64_t now) {
  const uint64_t passed = now - std::min(now, paid_at_ns_);
  paid_at_ns_ = std::max(paid_at_ns_, now);
  const double a_nanosecond = static_cast<double>(rate) / kSecondNs;
  debt_bytes_ = std::max(debt_bytes_ - a_nanosecond * static_cast<double>(passed),
                         -a_nanosecond * static_cast<double>(kSavedNs));
}

}  // namespace aliquot::worker
