#include "device_host/queue_inquiry.h"

#include <algorithm>

#include "protocol/connection_layout.h"

namespace aliquot {

namespace {

// The largest number that every reader of JSON has exactly.
constexpr uint64_t kMostTold = (uint64_t{1} << 53) - 1;
constexpr uint32_t kMostLeftOut = 1u << 20;

// By which an answer is ordered; so no queue is in it twice.
bool before(const records::VgpuQueue& one, uint32_t connection, uint32_t queue) {
  return one.connection < connection || (one.connection == connection && one.claim.queue < queue);
}

}  // namespace

uint32_t QueueInquiry::begin() {
  if (++question_ == 0) ++question_;
  open_ = true;
  queues_.clear();
  without_record_ = 0;
  return question_;
}

bool QueueInquiry::possible(const records::QueuesTold& told) const {
  if (told.left_out > kMostLeftOut) return false;
  if (told.connection == 0) return told.count == 0;
  if (told.count == 0 || told.count > records::kMostQueuesOfARecord) return false;
  if (queues_.size() + told.count > records::kMostQueuesTold) return false;
  const auto of_connection = std::count_if(
      queues_.begin(), queues_.end(),
      [&](const records::VgpuQueue& queue) { return queue.connection == told.connection; });
  if (static_cast<size_t>(of_connection) + told.count > records::kMostQueuesOfAConnection)
    return false;
  const records::VgpuQueue none;
  const records::VgpuQueue& last = queues_.empty() ? none : queues_.back();
  if (last.connection == told.connection && last.left_out != told.left_out) return false;
  if (!before(last, told.connection, told.queues[0].queue)) return false;
  for (uint32_t i = 0; i < told.count; ++i) {
    const records::QueueClaim& claim = told.queues[i];
    if (claim.queue == 0 || claim.queue > layout::kQueueSlots) return false;
    if ((claim.flags & ~uint32_t{records::kInOrder}) != 0) return false;
    if (i != 0 && claim.queue <= told.queues[i - 1].queue) return false;
  }
  return true;
}

QueueInquiry::Verdict QueueInquiry::take(uint32_t question, const records::QueuesTold& told) {
  if (!open_ || question != question_) return Verdict::kIgnored;
  if (!possible(told)) return Verdict::kImpossible;
  if (told.connection == 0) {
    open_ = false;
    without_record_ = told.left_out;
    return Verdict::kComplete;
  }
  for (uint32_t i = 0; i < told.count; ++i)
    queues_.push_back({told.connection, told.left_out, told.queues[i]});
  return Verdict::kMore;
}

std::vector<records::VgpuQueue> QueueInquiry::queues(const Bounds& bounds) const {
  std::vector<records::VgpuQueue> queues = queues_;
  for (records::VgpuQueue& queue : queues) {
    records::QueueClaim& claim = queue.claim;
    claim.outstanding = std::min(claim.outstanding, kMostTold);
    claim.completed = std::min(claim.completed, kMostTold);
    claim.device_ns = std::min({claim.device_ns, bounds.device_ns, kMostTold});
    claim.oldest_ns =
        claim.outstanding == 0 ? 0 : std::min({claim.oldest_ns, bounds.age_ns, kMostTold});
  }
  return queues;
}

uint32_t QueueInquiry::left_out() const {
  uint32_t left_out = without_record_;
  uint32_t connection = 0;
  for (const records::VgpuQueue& queue : queues_) {
    if (queue.connection != connection) left_out += queue.left_out;
    connection = queue.connection;
  }
  return left_out;
}

}  // namespace aliquot
