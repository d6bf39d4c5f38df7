// A test that says what failed and goes on; main() turns failures into the exit status.
#pragma once

#include <atomic>
#include <cstdio>

inline std::atomic<int> g_failures{0};

#define CHECK(condition)                                                              \
  do {                                                                                \
    if (!(condition) && ++g_failures <= 50)                                           \
      std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
  } while (false)

void test_includes();         // includes_test.cpp
void test_snapshot_reader();  // replies_test.cpp
void test_kernel_reply();
void test_time_account();     // time_account_test.cpp
void test_events();           // event_test.cpp
void test_forks();            // fork_test.cpp
void test_connection();       // connection_test.cpp
