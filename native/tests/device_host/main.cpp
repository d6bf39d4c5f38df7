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
  test_turns_pass_between_workers();
  test_a_turn_that_it_hasn_t_ends_a_worker();
  test_the_worker_can_t_write_its_page();
  test_guarantees_add_up_to_one_device();
  test_shares_and_policies_that_can_t_be();
  test_turn_history();
  test_the_page_follows_the_turns();
  test_waits_for_a_limit_are_told_apart();
  test_receipts_of_unknown_vgpus();
  test_time_ledger();
  test_process_starts();
  test_computing_in_turns_is_no_guilt();
  test_computing_outside_turns_is_found();
  test_a_little_after_each_turn_is_charged();
  test_a_claim_is_believed_and_charged_beyond_a_burst();
  test_silence_and_unasked_answers_are_guilt();
  test_what_is_withheld();
  test_threads_that_share_a_processor();
  test_a_thread_that_runs_waits_for_nobody();
  test_claims_of_copies();
  test_rates_of_copies();
  test_limits_of_copies_reach_the_worker();
  test_what_a_worker_claims_to_have_copied();
  test_a_vgpu_is_shown();
  test_kernels_that_can_t_be();
  return g_failures == 0 ? 0 : 1;
}
