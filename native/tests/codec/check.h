// A test that says what failed and goes on; main() turns failures into the exit status.
#pragma once

#include <cstdio>

inline int g_failures = 0;

// Reports a failed condition with a text that names the case.
inline bool check(bool holds, const char* what, const char* subject) {
  if (!holds && ++g_failures <= 50) std::fprintf(stderr, "FAILED: %s: %s\n", subject, what);
  return holds;
}

void test_round_trips();  // codec_test.cpp
void test_layout();
void test_traces();
void test_damaged_frames();  // hostile_test.cpp
void test_built_frames();
void test_allocations();  // allocation_test.cpp
