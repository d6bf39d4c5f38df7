// When a cache folder is counted: what is free on its disk tells.
#include "device_host/disk_room.h"

#include "check.h"

using namespace aliquot;  // NOLINT: a test program

void test_a_folder_is_counted_when_room_shrinks() {
  constexpr uint64_t kMiB = 1 << 20;
  DiskRoom room;
  CHECK(room.shrank({1000 * kMiB, 100'000}, 0));  // nothing is known yet
  CHECK(!room.shrank({1000 * kMiB, 100'000}, 3000));
  CHECK(!room.shrank({937 * kMiB, 100'000}, 6000));
  CHECK(room.shrank({936 * kMiB, 100'000}, 9000));
  CHECK(!room.shrank({936 * kMiB, 95'905}, 12'000));
  CHECK(room.shrank({936 * kMiB, 95'904}, 15'000));
  // Room that others make is no excuse for what is taken after it.
  CHECK(!room.shrank({2000 * kMiB, 200'000}, 18'000));
  CHECK(room.shrank({1936 * kMiB, 200'000}, 21'000));
  CHECK(!room.shrank({1936 * kMiB, 200'000}, 80'999));
  CHECK(room.shrank({1936 * kMiB, 200'000}, 81'000));
}

void test_room_of_a_folder_that_is_gone() {
  DiskRoom room;
  CHECK(room.shrank("/", 0) && !room.shrank("/", 1));
  CHECK(room.shrank("/no such folder", 2));
}
