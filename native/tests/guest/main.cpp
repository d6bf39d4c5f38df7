#include "check.h"

int main() {
  test_includes();
  test_snapshot_reader();
  test_kernel_reply();
  test_time_account();
  test_events();
  test_forks();
  test_connection();
  return g_failures == 0 ? 0 : 1;
}
