// What is remembered of long kernels that can't be launched in pieces.
#include <cstring>
#include <string>

#include "check.h"
#include "worker/unsplit_kernels.h"

namespace aliquot::worker {

using records::UnsplitReason;

void test_unsplit_kernels() {
  constexpr uint64_t kMs = 1'000'000;
  UnsplitKernels kernels;
  kernels.note("short", UnsplitKernels::kLongNs - 1, UnsplitReason::kAtomics);
  kernels.note("splits", 100 * kMs, UnsplitReason::kNone);
  CHECK(kernels.take_changed().empty());

  kernels.note("long", 10 * kMs, UnsplitReason::kAtomics);
  kernels.note("long", 9 * kMs, UnsplitReason::kAtomics);
  auto changed = kernels.take_changed();
  CHECK_SAME(changed.size(), 1);
  CHECK(std::strcmp(changed[0].name, "long") == 0 && changed[0].longest_ns == 10 * kMs &&
        changed[0].reason == UnsplitReason::kAtomics);
  CHECK(kernels.take_changed().empty());
  const uint32_t place = changed[0].place;
  kernels.note("long", 11 * kMs, UnsplitReason::kTimed);
  changed = kernels.take_changed();
  CHECK(changed.size() == 1 && changed[0].place == place &&
        changed[0].reason == UnsplitReason::kTimed);

  // More than there is room for: the longest stay.
  for (uint64_t i = 0; i < 2 * records::kMostUnsplitKernels; ++i) {
    kernels.note("kernel " + std::to_string(i), (20 + i) * kMs, UnsplitReason::kOneGroup);
  }
  changed = kernels.take_changed();
  CHECK_SAME(changed.size(), records::kMostUnsplitKernels);
  for (const records::UnsplitKernel& kernel : changed) {
    CHECK(kernel.place < records::kMostUnsplitKernels && kernel.longest_ns >= 28 * kMs);
  }
  kernels.note("too short by now", 27 * kMs, UnsplitReason::kOneGroup);
  CHECK(kernels.take_changed().empty());

  // Names that begin alike for longer than a record's field are one.
  const std::string name(200, 'x');
  kernels.note(name + "1", 100 * kMs, UnsplitReason::kOneGroup);
  kernels.note(name + "2", 101 * kMs, UnsplitReason::kOneGroup);
  changed = kernels.take_changed();
  CHECK(changed.size() == 1 && std::strlen(changed[0].name) == records::kNameSize - 1);
}

}  // namespace aliquot::worker
