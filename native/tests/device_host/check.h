// A test that says what failed and goes on; main() turns failures into the exit status.
#pragma once

#include <cstdio>

inline int g_failures = 0;

#define CHECK(condition)                                                           \
  do {                                                                             \
    if (!(condition) && ++g_failures <= 50)                                        \
      std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
  } while (false)

void test_ledger();  // ledger_test.cpp
void test_ledger_at_random();
void test_sockets();        // socket_test.cpp
void test_shared_memory();  // parts_test.cpp
void test_event_loop();
void test_event_log();
void test_options();
void test_heartbeat();
void test_channel_bounds();  // channel_test.cpp
void test_channel_without_descriptors();
void test_channel_waits_for_others();
void test_listener_rests();
void test_birth_in_a_cgroup();         // launch_test.cpp
void test_a_killed_worker_s_guests();  // vgpu_test.cpp
void test_witness();  // witness_test.cpp
void test_kept_memory();
