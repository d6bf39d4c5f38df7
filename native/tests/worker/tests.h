// The groups of tests over a real driver.
#pragma once

#include "check.h"
#include "test_guest.h"

namespace aliquot::test {

// Kernels that the tests share.
inline const char kSource[] = R"(
kernel void add(global const int* a, global const int* b, global int* sum) {
  size_t i = get_global_id(0);
  sum[i] = a[i] + b[i];
}
kernel void count(global int* a, int step) { a[0] += step; }
kernel void fill_from(global int* out, local int* scratch, short2 pair, char c) {
  scratch[0] = pair.x * 100 + pair.y * 10 + c;
  out[get_global_id(0)] = scratch[0];
}
kernel void slow(global int* a, int rounds) {
  volatile long sum = 0;
  for (int r = 0; r < rounds; ++r)
    for (long i = 0; i < 1000000; ++i) sum += i;
  a[0] = (int)sum + rounds - (int)sum;
}
)";

void test_commands(const WorkerSettings& settings);
void test_programs(const WorkerSettings& settings);
void test_memory(const WorkerSettings& settings);
void test_faults(const WorkerSettings& settings);
void test_turns(const WorkerSettings& settings);

}  // namespace aliquot::test
