#include "worker/paced_copies.h"

#include <algorithm>
#include <utility>

namespace aliquot::worker {

namespace {

// To wake up more often than this costs more than it makes up for.
constexpr uint64_t kShortestWaitNs = 50'000;

bool ready(const PacedCopies::Copy& copy) {
  return std::ranges::all_of(copy.waits_for, [](const auto& other) { return other->open; });
}

}  // namespace

std::optional<PacedCopies::Copy> PacedCopies::take(CopyPacer& pacer, uint64_t now) {
  const auto first = std::ranges::find_if(copies_, ready);
  if (first == copies_.end() || !pacer.begin(first->bytes, now)) return std::nullopt;
  Copy copy = std::move(*first);
  copies_.erase(first);
  return copy;
}

std::optional<PacedCopies::Copy> PacedCopies::take() {
  if (copies_.empty()) return std::nullopt;
  Copy copy = std::move(copies_.front());
  copies_.pop_front();
  return copy;
}

uint64_t PacedCopies::look_at(CopyPacer& pacer, uint64_t now) const {
  if (std::ranges::none_of(copies_, ready)) return 0;
  return now + std::max(pacer.wait_ns(now), kShortestWaitNs);
}

}  // namespace aliquot::worker
