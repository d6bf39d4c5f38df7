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
void test_ledger_resizes();
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
void test_a_folder_is_counted_when_room_shrinks();  // disk_room_test.cpp
void test_room_of_a_folder_that_is_gone();
void test_birth_in_a_cgroup();         // launch_test.cpp
void test_whose_a_vgpu_may_be();  // owners_test.cpp
void test_whose_processes_hold();
void test_a_killed_worker_s_guests();  // vgpu_test.cpp
void test_less_memory_waits_for_the_worker();
void test_less_memory_that_the_worker_doesn_t_grant();
void test_a_worker_that_dies_holds_nothing_back();
void test_state_outlives_its_writer();  // state_test.cpp
void test_state_without_memory_does_nothing();
void test_damaged_state_is_never_read();
void test_a_killed_writer_leaves_whole_entries();
void test_records_in_hand();
void test_descriptor_store();
void test_bad_entries_are_not_taken_over();  // rebirth_test.cpp
void test_what_was_in_hand_is_handled_again();
void test_what_is_told_of_a_vgpu_goes_on();
void test_a_vgpu_without_its_page_ends();
void test_a_lasting_vgpu_and_its_leases_go_on();
void test_what_a_resting_vgpu_had_goes_on();
void test_a_receipt_that_was_not_taken_yet();
void test_a_record_that_device_hosts_die_of_ends_its_sender();
void test_witness();  // witness_test.cpp
void test_kept_memory();
void test_turns_pass_between_workers();  // turns_test.cpp
void test_a_turn_that_it_hasn_t_ends_a_worker();
void test_a_turn_that_is_kept();
void test_the_worker_can_t_write_its_page();
void test_guarantees_add_up_to_one_device();
void test_shares_and_policies_that_can_t_be();
void test_turn_history();
void test_resting_vgpus_make_no_turn_shorter();  // resting_test.cpp
void test_what_it_had_is_kept_while_it_rests();
void test_the_number_in_use_is_bounded();
void test_who_owes_rests_when_it_is_paid();
void test_turns_are_logged_as_they_were();  // turn_log_test.cpp
void test_short_turns_become_spans();
void test_a_minute_is_known();
void test_turns_are_told_to_the_device_host_s_owner();
void test_the_page_follows_the_turns();  // receipt_test.cpp
void test_waits_for_a_limit_are_told_apart();
void test_receipts_of_unknown_vgpus();
void test_time_ledger();
void test_time_ledger_goes_on();
void test_process_starts();
void test_computing_in_turns_is_no_guilt();  // turn_witness_test.cpp
void test_more_than_was_claimed_is_found();
void test_computing_outside_turns_is_found();
void test_a_little_after_each_turn_is_charged();
void test_a_little_before_the_first_turn_is_charged();
void test_what_is_usual_at_rest();
void test_claims_of_a_turn_count_at_its_end();
void test_computing_on_while_the_answer_comes();
void test_a_late_look_allows_more();
void test_the_latest_look_has_a_bound();
void test_a_claim_is_believed_and_charged_beyond_a_burst();
void test_a_witness_goes_on();
void test_silence_and_unasked_answers_are_guilt();
void test_who_had_no_processor_is_not_guilty();
void test_what_was_computed_before_a_question_is_no_answer();
void test_who_could_not_answer_is_not_guilty();
void test_what_is_withheld();  // withheld_time_test.cpp
void test_what_is_left_unused_anyway_is_charged();
void test_threads_that_share_a_processor();
void test_a_thread_that_runs_waits_for_nobody();
void test_claims_of_copies();  // copies_test.cpp
void test_claims_of_copies_go_on();
void test_rates_of_copies();
void test_limits_of_copies_reach_the_worker();
void test_what_a_worker_claims_to_have_copied();
void test_claims_of_queues();  // queues_test.cpp
void test_claims_of_queues_that_can_t_be();
void test_claims_of_queues_have_bounds();
void test_queues_are_asked_for();
void test_a_worker_that_tells_of_no_queues();
void test_who_asks_for_queues_is_answered_at_the_end();
void test_a_vgpu_is_shown();  // show_test.cpp
void test_kernels_that_can_t_be();
void test_a_vgpu_is_suspended_and_resumed();
void test_what_can_t_be_suspended_goes_on();
void test_a_target_has_time_to_build();  // move_out_test.cpp
void test_a_lease_is_answered_before_a_vgpu_leaves();
void test_descriptors_run_short_while_all_is_handed_over();
void test_descriptors_run_short_as_a_vgpu_leaves();
void test_what_a_target_says_after_a_vgpu_has_left();
void test_the_path_of_a_vgpu_that_comes_back();  // move_in_test.cpp
void test_a_suspended_vgpu_moves();
void test_a_suspended_vgpu_that_can_t_move();
void test_a_suspended_vgpu_that_comes_as_it_can_t_be();
void test_a_worker_that_takes_nobody_in_while_a_vgpu_comes();
void test_a_stranger_departs_when_a_vgpu_has_come();
void test_who_goes_while_others_are_suspended();  // suspend_test.cpp
void test_a_resume_is_begun_anew();  // rebirth_test.cpp
void test_the_path_of_one_that_was_arriving();
void test_a_worker_that_dies_while_it_restores();
void test_a_cache_is_counted_once();  // worker_home_test.cpp
void test_a_cache_that_was_taken_again_is_not_counted();
void test_a_cache_that_holds_too_much_is_emptied();
void test_a_cache_that_is_held_is_neither_noted_nor_emptied();
void test_a_note_of_nonsense_counts_for_nothing();
