// The limit of copies, by a clock that the test sets.
#include <algorithm>

#include "check.h"
#include "worker/copy_pacer.h"

namespace aliquot::worker {

namespace {

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kMs = 1'000'000;

/// Bytes that begin in a span by who always has a copy of this size ready, and looks when told to.
uint64_t copied(CopyPacer& pacer, uint64_t from, uint64_t span, uint64_t bytes) {
  uint64_t all = 0;
  for (uint64_t now = from; now < from + span; now += std::max<uint64_t>(pacer.wait_ns(now), 1)) {
    while (all < 100 * kMiB * 1024 && pacer.begin(bytes, now)) all += bytes;
  }
  return all;
}

/// Within a percent, and a copy.
bool about(uint64_t bytes, uint64_t wanted, uint64_t copy) {
  const uint64_t off = wanted / 100 + copy;
  return bytes + off >= wanted && bytes <= wanted + off;
}

void test_no_limit() {
  CopyPacer pacer;
  CHECK(!pacer.limited() && pacer.begin(~uint64_t{0}, 1) && pacer.wait_ns(1) == 0);
  const std::atomic<uint64_t> rate{0};
  pacer.use(rate);
  CHECK(!pacer.limited() && pacer.begin(~uint64_t{0}, 1) && pacer.begin(1, 1));
}

void test_rate() {
  const std::atomic<uint64_t> rate{100 * kMiB};
  for (const uint64_t bytes : {uint64_t{4096}, kMiB, 30 * kMiB}) {
    CopyPacer pacer;
    pacer.use(rate);
    CHECK(pacer.limited());
    copied(pacer, 0, kSecond, bytes);  // what was saved is gone, and a copy under way
    CHECK(about(copied(pacer, kSecond, 10 * kSecond, bytes), 1000 * kMiB, bytes));
  }
}

// Who copies nothing for long may make up for a moment of it and no more.
void test_saved() {
  const std::atomic<uint64_t> rate{100 * kMiB};
  CopyPacer pacer;
  pacer.use(rate);
  copied(pacer, 0, kSecond, 4096);
  uint64_t burst = 0;
  while (burst < 100 * kMiB && pacer.begin(4096, 60 * kSecond)) burst += 4096;
  CHECK(about(burst, 100 * kMiB * CopyPacer::kSavedNs / kSecond, 4096));
  CHECK(!pacer.begin(1, 60 * kSecond));
  CHECK(!pacer.begin(1, 0));  // a clock that goes back pays nothing
}

// Whoever waits under a low limit is told of a new one soon, and it holds from then on.
void test_change() {
  std::atomic<uint64_t> rate{kMiB};
  CopyPacer pacer;
  pacer.use(rate);
  CHECK(pacer.begin(100 * kMiB, 0) && !pacer.begin(kMiB, kMs));
  CHECK(pacer.wait_ns(kMs) > 0 && pacer.wait_ns(kMs) <= 100 * kMs);
  rate.store(10 * kMiB);
  copied(pacer, kMs, 11 * kSecond, kMiB);
  CHECK(about(copied(pacer, 12 * kSecond, 4 * kSecond, kMiB), 40 * kMiB, kMiB));
  CHECK(!pacer.begin(kMiB, 16 * kSecond) || !pacer.begin(kMiB, 16 * kSecond));
  rate.store(0);
  CHECK(pacer.wait_ns(16 * kSecond) == 0 && pacer.begin(kMiB, 16 * kSecond));
}

}  // namespace

void test_copy_pacer() {
  test_no_limit();
  test_rate();
  test_saved();
  test_change();
}

}  // namespace aliquot::worker
