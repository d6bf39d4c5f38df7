// A test that says what failed and goes on; main() turns failures into the exit status.
#pragma once

#include <cstdint>
#include <cstdio>

inline int g_failures = 0;

#define CHECK(condition)                                                           \
  do {                                                                             \
    if (!(condition) && ++g_failures <= 50)                                        \
      std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
  } while (false)

void test_division();  // parts_test.cpp
void test_accounts();
void test_rates();
void test_limit();
void test_one_alone();  // turns_test.cpp
void test_two_in_turn();
void test_small_steps();
void test_handing_over_is_spared();
void test_what_is_withheld_is_not_charged();
void test_only_what_was_charged_is_spared();
void test_long_debts();
void test_returning();
void test_classes();
void test_limits();
void test_fixed_and_equal_share();
void test_absence();
void test_turns_are_worth_handing_over();
void test_changes_take_effect();
void test_worker_lost();
void test_accounts_read();
void test_another_arbiter_goes_on();  // memory_test.cpp
void test_a_grant_nobody_remembered();
void test_a_turn_whose_end_nobody_remembered();
void test_a_vgpu_that_was_lost();

void test_shares_are_kept();  // scenario_test.cpp
void test_unlike_kernels();
void test_gaps_keep_the_claim();
void test_long_gaps();
void test_nothing_is_hoarded();
void test_many_processes();
void test_deaths();
void test_limit_alone();
void test_fixed_share_stays_idle();
void test_equal_share();
void test_limits_beside_long_kernels();
void test_idle_share_is_used();
void test_latency_class();
void test_resize();
void test_device_is_busy();
void test_long_debt_is_paid();
void test_averaging();

void test_call_histories(uint64_t seed, uint64_t histories);    // call_history_test.cpp
void test_device_histories(uint64_t seed, uint64_t histories);  // device_history_test.cpp
