// Accounts, rates and limits, each alone.
#include <cmath>

#include "check.h"
#include "device_host/arbiter/accounts.h"
#include "device_host/arbiter/limit.h"
#include "device_host/arbiter/rates.h"

using namespace aliquot::arbiter;

namespace {

constexpr uint64_t kMillisecond = 1'000'000;

Title title(uint32_t guarantee, uint32_t weight = 1, uint32_t limit = kWhole,
            PriorityClass priority = PriorityClass::kNormal) {
  return {.shares = {guarantee, limit, weight, priority}};
}

bool are(const std::vector<double>& rates, const std::vector<double>& expected) {
  if (rates.size() != expected.size()) return false;
  for (size_t i = 0; i < rates.size(); ++i)
    if (std::abs(rates[i] - expected[i]) > 1e-9) return false;
  return true;
}

std::vector<double> best_effort(const std::vector<Title>& titles) {
  std::vector<const Title*> pointers;
  for (const Title& one : titles) pointers.push_back(&one);
  return rates_of({}, pointers, 0);
}

}  // namespace

void test_division() {
  Division thirds(10, 3);
  const int64_t one = thirds.next(1), two = thirds.next(1), three = thirds.next(1);
  CHECK(one + two + three == 10);
  CHECK(one >= 3 && two >= 3 && three >= 3);
  // However small the amounts, in the long run each part has what is its own, to a nanosecond.
  int64_t sums[3] = {};
  for (uint64_t phase = 0; phase < 3000; ++phase) {
    Division division(1, 1000, phase % 1000);
    for (int i = 0; i < 3; ++i) sums[i] += division.next(i == 0 ? 800 : 100);
  }
  CHECK(sums[0] == 2400 && sums[1] == 300 && sums[2] == 300);
}

void test_accounts() {
  Accounts accounts;
  for (uint64_t vgpu = 1; vgpu <= 3; ++vgpu) accounts.open(vgpu);
  accounts.charge(1, 90, {{1, 1}, {2, 1}, {3, 1}});
  CHECK(accounts.balance(1) == -60 && accounts.balance(2) == 30 && accounts.balance(3) == 30);
  accounts.cancel(2, 10);  // a claim lapses, and of the debt as much
  CHECK(accounts.balance(1) == -50 && accounts.balance(2) == 20);
  accounts.cancel(1, 25);  // a debt is forgiven, and of each claim its part
  CHECK(accounts.balance(1) == -25 && accounts.balance(2) == 10 && accounts.balance(3) == 15);
  accounts.cancel(3, 1000);  // not more than there is
  CHECK(accounts.balance(1) == -10 && accounts.balance(2) == 10 && accounts.balance(3) == 0);
  accounts.close(1);
  CHECK(accounts.balance(2) == 0);
  // Without bound grows nothing.
  for (int i = 0; i < 10; ++i) accounts.charge(2, kMostDebt / 3, {{3, 1}});
  CHECK(accounts.balance(2) == -kMostDebt && accounts.balance(3) == kMostDebt);
}

void test_rates() {
  CHECK(are(best_effort({title(3000), title(7000)}), {0.3, 0.7}));
  CHECK(are(best_effort({title(0), title(0), title(0, 2)}), {0.25, 0.25, 0.5}));
  CHECK(are(best_effort({title(5000), title(0), title(0, 3)}), {0.6, 0.1, 0.3}));
  CHECK(are(best_effort({title(1000)}), {1}));
  CHECK(are(best_effort({title(0, 1, 2500)}), {0.25}));
  // What one may not have goes to the others, in proportion of their weights.
  CHECK(are(best_effort({title(0, 1, 1000), title(0), title(0, 2)}), {0.1, 0.3, 0.6}));
  CHECK(are(best_effort({title(0, 8, 2000), title(0, 1, 3000), title(0)}), {0.2, 0.3, 0.5}));
  CHECK(are(best_effort({title(0, 1, 2000), title(0, 1, 3000)}), {0.2, 0.3}));
  CHECK(are(best_effort({title(0, 0), title(1000)}), {0, 1}));
  // Batch has its guarantee, no more, unless nobody else can use it.
  const auto batch = PriorityClass::kBatch;
  CHECK(are(best_effort({title(0, 1, kWhole, batch), title(0)}), {0, 1}));
  CHECK(are(best_effort({title(2000, 9, kWhole, batch), title(0)}), {0.2, 0.8}));
  CHECK(are(best_effort({title(0, 3, kWhole, batch), title(0, 1, kWhole, batch)}), {0.75, 0.25}));
  CHECK(are(best_effort({title(0, 1, kWhole, batch), title(0, 1, 4000)}), {0.6, 0.4}));

  const Title one = title(9000);
  Title half;
  half.maximum = 2;
  CHECK(are(rates_of({PolicyKind::kEqualShare}, {&one, &half}, 4), {0.25, 0.25}));
  CHECK(are(rates_of({PolicyKind::kFixedShare}, {&half}, 4), {0.5}));
  CHECK(limit_of({PolicyKind::kEqualShare}, one, 0) == 1);
  CHECK(limit_of({}, title(0, 1, 2500), 0) == 0.25);
}

void test_limit() {
  Limit limit;
  limit.set(0.25, 2 * kMillisecond);
  limit.spill();
  CHECK(limit.open() && limit.opens_in_ns() == 0);
  CHECK(limit.lasts_ns() == 6'250'000);  // what was kept, and what comes meanwhile
  limit.pass(6'300'000, true);
  CHECK(!limit.open() && limit.lasts_ns() == 0);
  const uint64_t wait = limit.opens_in_ns();
  CHECK(wait >= 18 * kMillisecond && wait <= 19 * kMillisecond);  // enough for as long again
  limit.pass(wait - 100, false);
  CHECK(!limit.open() && limit.opens_in_ns() <= 100);
  limit.pass(limit.opens_in_ns(), false);
  CHECK(limit.open());
  // Who waits because others have the device keeps what it earns; who is away does not.
  limit.pass(100 * kMillisecond, false);
  CHECK(limit.lasts_ns() > 30 * kMillisecond);
  limit.spill();
  CHECK(limit.lasts_ns() == 6'250'000);
  limit.charge(10 * kMillisecond);
  CHECK(!limit.open());
  limit.set(0.01, 2 * kMillisecond);
  limit.charge(10 * kMillisecond);
  limit.pass(limit.opens_in_ns(), false);
  CHECK(limit.open() && limit.lasts_ns() >= 2 * kMillisecond);  // however low it is
  limit.set(1, 2 * kMillisecond);
  CHECK(limit.open() && limit.lasts_ns() == ~uint64_t{0});
  limit.set(0, 2 * kMillisecond);
  CHECK(!limit.open() && limit.opens_in_ns() == ~uint64_t{0});
}
