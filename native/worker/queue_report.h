// What a worker tells of the command queues of its guest processes, for whoever wants to see them.
#pragma once

#include <cstdint>
#include <vector>

#include "protocol/records.h"
#include "worker/watchdog.h"

namespace aliquot::worker {

/// The whole answer to kAskQueues, by connections and the queues' numbers. To be called by the
/// watchdog's thread: a driver is asked which commands have ended.
std::vector<records::QueuesTold> tell_queues(Watchdog& watchdog, uint64_t now);

}  // namespace aliquot::worker
