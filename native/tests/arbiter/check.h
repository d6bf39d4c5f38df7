// A test that says what failed and goes on; main() turns failures into the exit status.
#pragma once

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
void test_long_debts();
void test_returning();
void test_classes();
void test_limits();
void test_fixed_and_equal_share();
void test_absence();
void test_changes_take_effect();
void test_worker_lost();
void test_accounts_read();
