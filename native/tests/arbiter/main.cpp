// arbiter_test parts|scenarios|histories [count]
#include <cstdlib>
#include <string_view>

#include "check.h"

namespace {

void parts() {
  test_division();
  test_accounts();
  test_rates();
  test_limit();
  test_one_alone();
  test_two_in_turn();
  test_small_steps();
  test_handing_over_is_spared();
  test_what_is_withheld_is_not_charged();
  test_only_what_was_charged_is_spared();
  test_long_debts();
  test_returning();
  test_classes();
  test_limits();
  test_fixed_and_equal_share();
  test_absence();
  test_turns_are_worth_handing_over();
  test_changes_take_effect();
  test_worker_lost();
  test_accounts_read();
  test_another_arbiter_goes_on();
  test_a_grant_nobody_remembered();
  test_a_turn_whose_end_nobody_remembered();
  test_a_vgpu_that_was_lost();
}

void scenarios() {
  test_shares_are_kept();
  test_unlike_kernels();
  test_gaps_keep_the_claim();
  test_long_gaps();
  test_nothing_is_hoarded();
  test_many_processes();
  test_deaths();
  test_limit_alone();
  test_fixed_share_stays_idle();
  test_equal_share();
  test_limits_beside_long_kernels();
  test_idle_share_is_used();
  test_latency_class();
  test_resize();
  test_device_is_busy();
  test_long_debt_is_paid();
  test_averaging();
}

}  // namespace

int main(int count, char** words) {
  const std::string_view what = count > 1 ? words[1] : "";
  if (what == "parts") {
    parts();
  } else if (what == "scenarios") {
    scenarios();
  } else if (what == "histories") {
    const uint64_t histories = count > 2 ? std::strtoull(words[2], nullptr, 10) : 10'000;
    test_call_histories(1, histories - histories / 10);
    test_device_histories(1, histories / 10);
  } else {
    std::fprintf(stderr, "usage: arbiter_test parts|scenarios|histories [count]\n");
    return 2;
  }
  return g_failures == 0 ? 0 : 1;
}
