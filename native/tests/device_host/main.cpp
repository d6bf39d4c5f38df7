#include "check.h"

int main() {
  test_ledger();
  test_ledger_at_random();
  test_sockets();
  test_shared_memory();
  test_event_loop();
  test_event_log();
  test_options();
  test_heartbeat();
  test_channel_bounds();
  test_channel_without_descriptors();
  test_channel_waits_for_others();
  test_listener_rests();
  test_birth_in_a_cgroup();
  test_a_killed_worker_s_guests();
  test_witness();
  test_kept_memory();
  return g_failures == 0 ? 0 : 1;
}
