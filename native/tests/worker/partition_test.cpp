// Sub-devices of a device whose driver reports a unit that there isn't.
#include "worker/partition.h"

#include "check.h"

namespace aliquot::worker {

namespace {

using List = std::vector<cl_device_partition_property>;

// What comes of a list without its zeros; empty: it is refused so.
List fitted(List list, uint32_t units, cl_int expected = CL_SUCCESS) {
  list.insert(list.end(), 3, 0);
  CHECK_SAME(fit_partition(list, units), expected);
  if (expected != CL_SUCCESS) return {};
  CHECK(list.size() >= 3 && list.back() == 0);
  while (!list.empty() && list.back() == 0) list.pop_back();
  return list;
}

}  // namespace

void test_partition() {
  constexpr cl_device_partition_property kCounts = CL_DEVICE_PARTITION_BY_COUNTS;
  constexpr cl_device_partition_property kEqually = CL_DEVICE_PARTITION_EQUALLY;
  CHECK((fitted({kEqually, 1}, 2) == List{kCounts, 1, 1}));
  CHECK((fitted({kEqually, 2}, 5) == List{kCounts, 2, 2}));
  fitted({kEqually, 2}, 2, CL_DEVICE_PARTITION_FAILED);
  fitted({kEqually, 3}, 2, CL_INVALID_DEVICE_PARTITION_COUNT);
  fitted({kEqually, INT64_MAX}, 2, CL_INVALID_DEVICE_PARTITION_COUNT);
  // What is wrong anyway is left to the driver.
  CHECK((fitted({kEqually}, 2) == List{kEqually}));
  CHECK((fitted({kEqually, -1}, 2) == List{kEqually, -1}));
  CHECK((fitted({}, 2).empty()));

  CHECK((fitted({kCounts, 1, 1}, 2) == List{kCounts, 1, 1}));
  CHECK((fitted({kCounts, 2}, 2) == List{kCounts, 2}));
  fitted({kCounts, 2, 1}, 2, CL_INVALID_DEVICE_PARTITION_COUNT);
  fitted({kCounts, 1, INT64_MAX, INT64_MAX}, 2, CL_INVALID_DEVICE_PARTITION_COUNT);
  CHECK((fitted({kCounts, -1}, 2) == List{kCounts, -1}));
}

}  // namespace aliquot::worker
