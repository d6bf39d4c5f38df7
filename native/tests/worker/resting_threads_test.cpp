// Threads that look for work while the device is another vGPU's.
#include "worker/resting_threads.h"

#include <atomic>
#include <thread>

#include "check.h"
#include "direct_connection.h"
#include "turn_double.h"

namespace aliquot::worker {

namespace {

// As often as anybody yields who waits for a lock.
constexpr int kFew = 10;
constexpr int kMany = 1000;

}  // namespace

void test_resting_threads() {
  rouse_threads();
  for (int i = 0; i < kMany; ++i) CHECK(!slept_instead_of_yielding());
  rest_threads();
  rest_threads();  // is no other one
  for (int i = 0; i < kFew; ++i) CHECK(!slept_instead_of_yielding());

  std::atomic<bool> stop{false};
  std::atomic<int> slept{0}, yielded{0};
  std::thread idle([&] {
    while (!stop.load()) {
      if (slept_instead_of_yielding()) ++slept;
      else ++yielded;
    }
  });
  // Never for long at a time: a driver's thread that has found nothing to do for long leaves by itself.
  CHECK(test::comes([&] { return slept.load() > 3; }));
  const int before = yielded.load();
  rouse_threads();
  CHECK(test::comes([&] { return yielded.load() > before + kMany; }));
  const int asleep = slept.load();
  test::pause_ms(5);
  CHECK_SAME(slept.load(), asleep);
  rest_threads();
  CHECK(test::comes([&] { return slept.load() > asleep + 3; }));
  stop.store(true);
  idle.join();
  rouse_threads();
}

}  // namespace aliquot::worker
