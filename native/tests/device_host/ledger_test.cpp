#include "device_host/ledger.h"

#include <algorithm>
#include <map>
#include <random>

#include "check.h"

using aliquot::Ledger;

namespace {
constexpr uint64_t kMiB = uint64_t{1} << 20;
}

void test_ledger() {
  Ledger ledger(1000 * kMiB);
  CHECK(ledger.reserve(1, 600 * kMiB) == 600 * kMiB);
  CHECK(!ledger.reserve(1, 1));               // there already
  CHECK(!ledger.reserve(2, 401 * kMiB));      // more than unreserved
  CHECK(ledger.reserve(2, 0) == 400 * kMiB);  // all that is unreserved
  CHECK(!ledger.reserve(3, 0));               // nothing left
  CHECK(ledger.unreserved() == 0);

  CHECK(ledger.connect(1, 7));
  CHECK(!ledger.connect(1, 7));
  CHECK(!ledger.connect(9, 7));
  CHECK(ledger.lend(1, 7, 0) == 0);
  CHECK(ledger.lend(1, 8, 1) == 0);  // no such connection
  CHECK(ledger.lend(9, 7, 1) == 0);  // no such vGPU
  // While plenty is free a little more is lent, so that small allocations need no message.
  CHECK(ledger.lend(1, 7, 100) == 100 + Ledger::kAheadBytes);
  CHECK(ledger.lend(1, 7, UINT64_MAX) == 0);
  // Near the limit credit is exact to the byte.
  const uint64_t rest = ledger.free_bytes(1);
  CHECK(ledger.lend(1, 7, rest + 1) == 0);
  CHECK(ledger.lend(1, 7, rest - 5) == rest - 5);
  CHECK(ledger.lend(1, 7, 6) == 0);
  CHECK(ledger.lend(1, 7, 5) == 5);
  CHECK(ledger.lent(1) == ledger.limit(1));

  // A page that claims more than was lent is believed only so far.
  CHECK(ledger.connect(1, 8));
  CHECK(ledger.take_back(1, 8, UINT64_MAX) == 0);
  CHECK(ledger.take_back(1, 7, 100) == 100);
  CHECK(ledger.lend(1, 8, 100) == 100);
  CHECK(ledger.take_back(1, 7, UINT64_MAX) == ledger.limit(1) - 100);
  CHECK(ledger.lent(1) == 100);
  ledger.disconnect(1, 8);
  ledger.disconnect(1, 8);
  CHECK(ledger.lent(1) == 0);

  ledger.release(1);
  ledger.release(1);
  CHECK(ledger.unreserved() == 600 * kMiB);
  CHECK(ledger.limit(1) == 0 && ledger.lent(1) == 0);
}

void test_ledger_resizes() {
  Ledger ledger(1000 * kMiB);
  CHECK(ledger.reserve(1, 400 * kMiB) && ledger.reserve(2, 500 * kMiB) && ledger.connect(1, 7));
  CHECK(!ledger.resize(9, 1) && !ledger.lower_limit(9, 1));  // no such vGPU
  CHECK(!ledger.resize(1, 0) && !ledger.resize(1, UINT64_MAX));
  CHECK(!ledger.resize(1, 500 * kMiB + 1) && ledger.limit(1) == 400 * kMiB);
  CHECK(ledger.resize(1, 500 * kMiB) && ledger.unreserved() == 0);
  CHECK(ledger.lend(1, 7, 450 * kMiB) != 0 && ledger.take_back(1, 7, Ledger::kAheadBytes) != 0);
  const uint64_t lent = ledger.lent(1);
  CHECK(!ledger.resize(1, lent - 1) && !ledger.lower_limit(1, lent - 1));
  CHECK(ledger.limit(1) == 500 * kMiB);
  // Lowered, it lends no more than that, and what is reserved stays so.
  CHECK(ledger.lower_limit(1, lent) && ledger.lend(1, 7, 1) == 0 && ledger.free_bytes(1) == 0);
  CHECK(ledger.reserved(1) == 500 * kMiB && ledger.unreserved() == 0);
  CHECK(!ledger.lower_limit(1, 500 * kMiB + 1));
  CHECK(ledger.lower_limit(1, lent + 1) && ledger.lend(1, 7, 1) == 1);
  // Off the device it may have less than is lent, and gets nothing until it has that again.
  CHECK(!ledger.shelved(1) && ledger.shelve(1, 1) && ledger.shelved(1) && ledger.reserved(1) == 1);
  CHECK(ledger.lend(1, 7, 1) == 0 && ledger.free_bytes(1) == 0 && ledger.lent(1) == lent + 1);
  CHECK(ledger.reserve(3, 499 * kMiB) && !ledger.shelve(1, 2 * kMiB) && !ledger.resize(1, 1));
  ledger.release(3);
  // Given up, or done.
  CHECK(ledger.resize(1, 500 * kMiB) && ledger.lend(1, 7, kMiB) == kMiB);
  ledger.disconnect(1, 7);
  CHECK(ledger.lower_limit(1, 1) && ledger.resize(1, 1));
  CHECK(ledger.reserved() == 500 * kMiB + 1 && ledger.reserved(1) == 1);
  ledger.release(1);
  CHECK(ledger.reserved() == 500 * kMiB);
}

// Whatever is done, in whatever order, with whatever numbers: never more lent than the limit, never
// more reserved than there is, and the sums are those of a model that is too simple to be wrong.
void test_ledger_at_random() {
  std::mt19937_64 random(20261125);
  for (int round = 0; round < 300; ++round) {
    const uint64_t device = 1 + random() % (300 * kMiB);
    Ledger ledger(device);
    std::map<uint64_t, std::map<uint32_t, uint64_t>> lent;
    std::map<uint64_t, uint64_t> limits, reservations;
    for (int step = 0; step < 300; ++step) {
      const uint64_t vgpu = random() % 4;
      const auto connection = static_cast<uint32_t>(random() % 4);
      const uint64_t bytes = random() % 8 == 0 ? random() : random() % (device / 2 + 2);
      switch (random() % 9) {
        case 0:
          if (const auto granted = ledger.reserve(vgpu, random() % 4 == 0 ? 0 : bytes)) {
            CHECK(limits.count(vgpu) == 0);
            limits[vgpu] = reservations[vgpu] = *granted;
          }
          break;
        case 1:
          if (random() % 4 != 0) break;
          ledger.release(vgpu);
          limits.erase(vgpu);
          reservations.erase(vgpu);
          lent.erase(vgpu);
          break;
        case 2:
          if (ledger.connect(vgpu, connection)) {
            CHECK(limits.count(vgpu) == 1 && lent[vgpu].count(connection) == 0);
            lent[vgpu][connection] = 0;
          }
          break;
        case 3:
          ledger.disconnect(vgpu, connection);
          if (lent.count(vgpu) != 0) lent[vgpu].erase(connection);
          break;
        case 4: {
          const uint64_t taken = ledger.take_back(vgpu, connection, bytes);
          CHECK(taken <= bytes);
          if (taken > 0) lent[vgpu][connection] -= taken;
          break;
        }
        case 5:
          if (ledger.resize(vgpu, bytes)) limits.at(vgpu) = reservations.at(vgpu) = bytes;
          break;
        case 6:
          if (ledger.lower_limit(vgpu, bytes)) limits.at(vgpu) = bytes;
          break;
        default: {
          const uint64_t granted = ledger.lend(vgpu, connection, bytes);
          CHECK(granted == 0 || (granted >= bytes && granted <= bytes + Ledger::kAheadBytes));
          if (granted > 0) lent[vgpu][connection] += granted;
        }
      }
      uint64_t reserved = 0;
      for (const auto& [known, limit] : limits) {
        uint64_t sum = 0;
        for (const auto& [peer, amount] : lent[known]) {
          CHECK(ledger.lent(known, peer) == amount);
          sum += amount;
        }
        CHECK(ledger.lent(known) == sum);
        CHECK(sum <= limit);
        CHECK(ledger.limit(known) == limit && ledger.reserved(known) == reservations[known]);
        CHECK(limit <= reservations[known]);
        reserved += reservations[known];
      }
      CHECK(ledger.reserved() == reserved);
      CHECK(reserved <= device);
    }
  }
}
