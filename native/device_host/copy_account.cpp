#include "device_host/copy_account.h"

#include <algorithm>
#include <utility>

namespace aliquot {

namespace {

// Workers tell a few times a second. Until the next time nothing is known, which is not that nothing
// was copied.
constexpr uint64_t kSilenceNs = 500'000'000;
constexpr uint64_t kMost = ~uint64_t{0};

}  // namespace

void CopyAccount::claim(uint64_t now, uint64_t bytes, uint64_t ns, uint64_t held_ns) {
  const uint64_t had = held_ns - std::min(held_ns, std::exchange(sums_.held_ns, held_ns));
  const uint64_t possible = had > kMost / kMostBytesPerNs ? kMost : had * kMostBytesPerNs;
  const auto grown = [](uint64_t& before, uint64_t claimed) {
    const uint64_t more = claimed - std::min(claimed, before);
    before = std::max(before, claimed);
    return more;
  };
  sums_.bytes += std::min({grown(sums_.claimed_bytes, bytes), possible, kMost - sums_.bytes});
  sums_.ns += std::min(grown(sums_.claimed_ns, ns), had);
  claimed_at_ = now;
  sample(now);
}

void CopyAccount::worker_ended() { sums_.claimed_bytes = sums_.claimed_ns = 0; }

uint64_t CopyAccount::rate(uint64_t span_ns, uint64_t now) const {
  const bool lately = now >= claimed_at_ && now - claimed_at_ < kSilenceNs;
  const GrowthHistory::Growth growth = history_.over(span_ns, lately ? claimed_at_ : now, sums_.bytes);
  if (growth.in_ns == 0) return 0;
  constexpr double kSecond = 1e9;
  return static_cast<uint64_t>(static_cast<double>(growth.grown) * kSecond /
                               static_cast<double>(growth.in_ns));
}

}  // namespace aliquot
