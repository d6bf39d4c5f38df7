#include "check.h"

int main() {
  test_ledger();
  test_ledger_at_random();
  test_sockets();
  test_shared_memory();
  test_event_loop();
  test_event_log();
  test_options();
  test_channel_bounds();
  test_witness();
  test_kept_memory();
  return g_failures == 0 ? 0 : 1;
}
