#include <cstdio>

#include "check.h"

int main() {
  test_layout();
  test_round_trips();
  test_traces();
  test_damaged_frames();
  test_built_frames();
  test_allocations();
  if (g_failures > 0) std::fprintf(stderr, "%d checks failed\n", g_failures);
  return g_failures == 0 ? 0 : 1;
}
