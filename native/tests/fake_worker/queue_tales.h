// What a worker might tell of the queues of its guest processes, when it is asked.
#pragma once

#include <string>
#include <vector>

#include "protocol/records.h"

namespace aliquot::fake_worker {

/// The answer of this kind to kAskQueues, of one connection or of no real one:
///   two        two queues, one out of order, as they might be
///   boasts     the same with numbers beyond all measure
///   many       more than may be told of a connection
///   nowhere    a queue of a number that none has
///   twice      one queue twice
///   stranger   those of a connection that isn't there
///   endless    no end
std::vector<records::QueuesTold> tell_queues(const std::string& tale, uint32_t connection);

}  // namespace aliquot::fake_worker
