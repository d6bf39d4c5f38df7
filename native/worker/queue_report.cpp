#include "worker/queue_report.h"

#include <algorithm>
#include <map>
#include <optional>

namespace aliquot::worker {

std::vector<records::QueuesTold> tell_queues(Watchdog& watchdog, uint64_t now) {
  std::map<uint32_t, std::vector<records::QueueClaim>> by_connection;
  watchdog.for_each([&](uint32_t connection, QueueProgress& queue) {
    if (const auto claim = queue.tell(now)) by_connection[connection].push_back(*claim);
  });
  std::vector<records::QueuesTold> told;
  records::QueuesTold last;  // of connection 0
  size_t room = records::kMostQueuesTold;
  for (auto& [connection, claims] : by_connection) {
    std::sort(claims.begin(), claims.end(),
              [](const auto& one, const auto& other) { return one.queue < other.queue; });
    const size_t most =
        std::min({claims.size(), size_t{records::kMostQueuesOfAConnection}, room});
    const auto left_out = static_cast<uint32_t>(claims.size() - most);
    if (most == 0) last.left_out += left_out;
    for (size_t first = 0; first < most; first += records::kMostQueuesOfARecord) {
      records::QueuesTold part;
      part.connection = connection;
      part.left_out = left_out;
      part.count = static_cast<uint32_t>(
          std::min(most - first, size_t{records::kMostQueuesOfARecord}));
      std::copy_n(claims.begin() + static_cast<std::ptrdiff_t>(first), part.count, part.queues);
      told.push_back(part);
    }
    room -= most;
  }
  told.push_back(last);
  return told;
}

}  // namespace aliquot::worker
