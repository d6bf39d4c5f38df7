#include "queue_tales.h"

namespace aliquot::fake_worker {

namespace {

records::QueuesTold one(uint32_t connection, const records::QueueClaim& claim) {
  records::QueuesTold told;
  told.connection = connection;
  told.count = 1;
  told.queues[0] = claim;
  return told;
}

std::vector<records::QueuesTold> two(uint32_t connection) {
  records::QueuesTold told = one(connection, {1, records::kInOrder, 3, 40, 6'000, 5'000});
  told.count = 2;
  told.left_out = 7;
  told.queues[1] = {4, 0, 0, 12, 2'000, 0};
  return {told};
}

}  // namespace

std::vector<records::QueuesTold> tell_queues(const std::string& tale, uint32_t connection) {
  std::vector<records::QueuesTold> told;
  if (tale == "two" || tale == "endless") told = two(connection);
  if (tale == "stranger") told = two(connection + 1000);
  if (tale == "boasts")
    told = {one(connection, {1, 0, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX})};
  if (tale == "nowhere") told = {one(connection, {UINT32_MAX, 0, 0, 0, 0, 0})};
  if (tale == "twice") told = {one(connection, {1, 0, 0, 0, 0, 0}), one(connection, {1, 0, 0, 0, 0, 0})};
  if (tale == "many")
    for (uint32_t queue = 1; queue <= records::kMostQueuesOfAConnection + 1; ++queue)
      told.push_back(one(connection, {queue, 0, 0, 0, 0, 0}));
  if (tale != "endless") told.push_back({});
  return told;
}

}  // namespace aliquot::fake_worker
