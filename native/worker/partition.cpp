#include "worker/partition.h"

#include <algorithm>
#include <utility>

namespace aliquot::worker {

namespace {

using Properties = std::vector<cl_device_partition_property>;

// As many parts of `each` units as there are, by their counts: the driver itself would make more.
cl_int fit_equal(Properties& properties, uint32_t units) {
  const cl_device_partition_property each = properties[1];
  if (each <= 0) return CL_SUCCESS;  // the driver says what is wrong
  const auto most = static_cast<cl_device_partition_property>(units);
  if (each > most) return CL_INVALID_DEVICE_PARTITION_COUNT;
  if (each == most) return CL_DEVICE_PARTITION_FAILED;  // as the driver has it, without the spare
  const auto parts = static_cast<size_t>(units / static_cast<uint32_t>(each));
  Properties counted(1 + parts + 3, 0);
  counted[0] = CL_DEVICE_PARTITION_BY_COUNTS;
  std::fill_n(counted.begin() + 1, parts, each);
  properties = std::move(counted);
  return CL_SUCCESS;
}

cl_int check_counts(const Properties& properties, uint32_t units) {
  uint64_t left = units;
  for (size_t i = 1; properties[i] > 0; ++i) {
    const auto count = static_cast<uint64_t>(properties[i]);
    if (count > left) return CL_INVALID_DEVICE_PARTITION_COUNT;
    left -= count;
  }
  return CL_SUCCESS;
}

}  // namespace

cl_int fit_partition(Properties& properties, uint32_t units) {
  switch (properties[0]) {
    case CL_DEVICE_PARTITION_EQUALLY:
      return fit_equal(properties, units);
    case CL_DEVICE_PARTITION_BY_COUNTS:
      return check_counts(properties, units);
    default:
      return CL_SUCCESS;
  }
}

}  // namespace aliquot::worker
