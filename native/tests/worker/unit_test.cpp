// Parts of the worker that need no driver.
#include <cstring>
#include <limits>

#include "check.h"
#include "worker/device_report.h"
#include "worker/geometry.h"
#include "worker/json_writer.h"
#include "worker/memory_quota.h"
#include "worker/object_table.h"
#include "worker/options.h"
#include "worker/report_filter.h"
#include "worker/ring_consumer.h"
#include "worker/spin_policy.h"

namespace aliquot::worker {

void test_split_safety();     // split_safety_test.cpp
void test_launch_pieces();    // launch_pieces_test.cpp
void test_copy_pacer();       // copy_pacer_test.cpp
void test_partition();        // partition_test.cpp
void test_unsplit_kernels();  // unsplit_kernels_test.cpp

namespace {

void test_object_table() {
  ObjectTable<int> table(1000);
  CHECK(table.find(0) == nullptr && table.find(1) == nullptr && table.insert(0) == nullptr);
  CHECK(table.insert(1001) == nullptr && table.insert(0xFFFF'FFFF) == nullptr);
  *table.insert(1) = 10;
  *table.insert(1000) = 20;
  CHECK(table.insert(1) == nullptr && *table.find(1) == 10 && *table.find(1000) == 20);
  int sum = 0;
  table.for_each([&](uint32_t id, int& value) { sum += static_cast<int>(id) + value; });
  CHECK_SAME(sum, 1031);
  table.erase(1);
  table.erase(1);
  CHECK(table.find(1) == nullptr && table.count() == 1 && *table.insert(1) == 0);
}

void test_quota() {
  MemoryQuota quota(100);
  CHECK(quota.charge(60) && quota.charge(40) && !quota.charge(1));
  CHECK(!quota.charge(std::numeric_limits<uint64_t>::max()));
  quota.refund(40);
  CHECK(!quota.charge(41) && quota.charge(40));
  const std::atomic<bool> stop{false};
  CHECK(!quota.charge_patiently(1, 1'000'000'000, stop));  // nothing is about to be freed
  CHECK_SAME(quota.used(), 100);
}

void test_a_quota_that_changes() {
  const auto limit = std::make_shared<std::atomic<uint64_t>>(100);
  MemoryQuota quota(5);
  quota.follow(limit);
  CHECK(quota.charge(80) && !quota.charge(21));
  *limit = 60;
  CHECK(!quota.charge(1) && !quota.charge(std::numeric_limits<uint64_t>::max()));
  quota.refund(30);
  CHECK(quota.charge(10) && !quota.charge(1));
  *limit = 200;
  CHECK(quota.charge(140) && !quota.charge(1));
  CHECK_SAME(quota.limit(), 200);
}

void test_geometry() {
  const uint64_t most = std::numeric_limits<uint64_t>::max();
  CHECK(range_inside(10, 0, 10) && range_inside(10, 10, 0) && !range_inside(10, 1, 10));
  CHECK(!range_inside(10, most, 1) && !range_inside(10, 1, most));
  const uint64_t origin[] = {1, 2, 3};
  const uint64_t region[] = {4, 5, 6};
  // Last byte: slice 8 * 80 + row 6 * 10 + 5.
  CHECK(rectangle_inside(705, {origin, region, 10, 80}));
  CHECK(!rectangle_inside(704, {origin, region, 10, 80}));
  CHECK(!rectangle_inside(9999, {origin, region, 3, 0}));
  CHECK(!rectangle_inside(9999, {origin, region, 10, 40}));
  CHECK(!rectangle_inside(9999, {origin, region, 10, 81}));
  const uint64_t empty[] = {4, 0, 6};
  CHECK(!rectangle_inside(9999, {origin, empty, 0, 0}));
  const uint64_t huge[] = {most, most, most};
  CHECK(!rectangle_inside(most, {huge, region, 0, 0}));
  CHECK(!rectangle_inside(most, {origin, huge, 0, 0}));
  CHECK(!rectangle_inside(most, {origin, region, most, 0}));
  CHECK(!rectangle_inside(most, {origin, region, most / 5, most / 5 * 5}));
}

void test_json() {
  JsonWriter json;
  json.begin_object();
  json.key("a\"\\\n");
  json.begin_array();
  json.number(1);
  json.boolean(true);
  json.null();
  json.text("\xC3\xA9\xFF\xE2\x82");
  json.end_array();
  json.key("b");
  json.begin_object();
  json.end_object();
  json.end_object();
  CHECK(json.result() ==
        "{\"a\\\"\\\\\\u000a\": [1, true, null, \"\xC3\xA9???\"], \"b\": {}}");
}

void test_filter() {
  CHECK(filter_extensions("cl_khr_fp64 cl_khr_gl_sharing cl_khr_fp16 ") ==
        "cl_khr_fp64 cl_khr_fp16");
  CHECK(filter_extensions("").empty() && filter_extensions("cl_khr_fp").empty());
  CHECK(!feature_works("__opencl_c_images") && feature_works("__opencl_c_fp64"));
}

void test_options() {
  Options options;
  const char* good[] = {"w", "serve", "--driver", "d", "--memory-limit", "9", "--socket-fd", "3"};
  CHECK(read_options(8, good, options).empty());
  CHECK_SAME(options.memory_limit, 9);
  CHECK_SAME(options.kernel_limit_ms, 2000);
  for (const char* value : {"-1", "1x", "", "99999999999999999999"}) {
    const char* bad[] = {"w", "serve", "--driver", "d", "--memory-limit", value};
    CHECK(!read_options(6, bad, options).empty());
  }
  const char* missing[] = {"w", "serve", "--driver"};
  CHECK(!read_options(3, missing, options).empty());
}

// Whatever arm makes the shortest rounds comes into use, and stays where none is better.
void test_spin_policy() {
  using Arm = SpinPolicy::Arm;
  SpinPolicy policy;
  uint64_t now = 1'000'000'000;
  const auto rounds_with = [&](Arm arm, uint64_t hand_over_ns, uint64_t spin_ns,
                               uint64_t sleep_ns) {
    int count = 0;
    for (int i = 0; i < 8000; ++i) {
      const uint64_t budget = policy.begin_wait(now, true);
      CHECK(policy.arm() == Arm::kSpin ? budget != 0 : budget == 0);
      CHECK((policy.arm() == Arm::kSleep) == (policy.after_completion(0) == 0));
      now += policy.arm() == Arm::kHandOver ? hand_over_ns
             : policy.arm() == Arm::kSpin   ? spin_ns
                                            : sleep_ns;
      if (i >= 4000 && policy.arm() == arm) ++count;
    }
    return count;
  };
  CHECK(rounds_with(Arm::kHandOver, 40'000, 40'000, 40'000) > 3600);
  CHECK(rounds_with(Arm::kSleep, 60'000, 60'000, 40'000) > 3600);
  CHECK(rounds_with(Arm::kSpin, 60'000, 30'000, 40'000) > 3600);
  CHECK(rounds_with(Arm::kHandOver, 20'000, 30'000, 40'000) > 3600);
  CHECK(rounds_with(Arm::kHandOver, 20'000, 20'000, 20'000) > 3600);
}

// Programs may be short.
void test_spin_policy_learns_early() {
  using Arm = SpinPolicy::Arm;
  for (const Arm best : {Arm::kHandOver, Arm::kSpin, Arm::kSleep}) {
    SpinPolicy policy;
    uint64_t now = 1'000'000'000;
    for (int i = 0; i < 100; ++i) {
      policy.begin_wait(now, true);
      now += policy.arm() == best ? 40'000 : 130'000;
    }
    CHECK(policy.arm() == best);
  }
}

void test_ring() {
  auto memory = std::make_unique<layout::ConnectionMemory>();
  std::atomic<bool> stop{false};
  const std::atomic<uint32_t> awaited{0};
  const cl_icd_dispatch calls{};
  CompletionPoll poll(calls);
  auto ring = std::make_unique<RingConsumer>(*memory, stop, awaited, poll);
  const uint64_t sizes[] = {8, 16, layout::kLargestFrame, 4096 - 24};
  uint64_t tail = 0;
  // Round and round, so that frames wrap at every place.
  for (int i = 0; i < 200; ++i) {
    const uint64_t size = sizes[i % 4];
    std::vector<unsigned char> frame(size, static_cast<unsigned char>(i));
    const protocol::FrameHeader header{static_cast<uint32_t>(size), 60, 0};
    std::memcpy(frame.data(), &header, sizeof header);
    for (uint64_t at = 0; at < size; ++at) {
      memory->commands[(tail + at) % layout::kCommandRingBytes] = frame[at];
    }
    tail += size;
    memory->control.command_tail.store(tail);
    std::span<const unsigned char> got;
    CHECK(ring->next(got) == RingState::kFrame);
    CHECK(got.size() == size && std::memcmp(got.data(), frame.data(), size) == 0);
    CHECK_SAME(memory->control.command_head.load(), tail);
  }
  memory->control.command_tail.store(tail + layout::kCommandRingBytes + 8);
  std::span<const unsigned char> got;
  CHECK(ring->next(got) == RingState::kBroken);
  stop.store(true);
  auto stopped = std::make_unique<RingConsumer>(*memory, stop, awaited, poll);
  CHECK(stopped->next(got) != RingState::kFrame);
}

// A driver that answers every query with 16 bytes, for its platform with none.
cl_int CL_API_CALL answer_all(cl_device_id, cl_device_info, size_t size, void* out,
                              size_t* out_size) {
  if (out_size != nullptr) *out_size = 16;
  if (out != nullptr) std::memset(out, 0, size);
  return CL_SUCCESS;
}

cl_int CL_API_CALL answer_none(cl_platform_id, cl_platform_info, size_t, void*, size_t*) {
  return CL_INVALID_VALUE;
}

// What names the physical device is not passed on.
void test_report() {
  cl_icd_dispatch table{};
  table.clGetDeviceInfo = answer_all;
  table.clGetPlatformInfo = answer_none;
  ReplyBytes report;
  write_device_report(Driver(table, 30, nullptr, nullptr), nullptr, {1 << 20, 0}, report);
  const auto bytes = report.bytes();
  size_t entries = 0;
  for (size_t at = 0; at + 12 <= bytes.size(); ++entries) {
    uint32_t head[3];  // scope, parameter, size
    std::memcpy(head, bytes.data() + at, sizeof head);
    CHECK(head[1] < 0x106A || head[1] > 0x106E);  // UUID, LUID, node mask
    at += sizeof head + (head[2] + 3) / 4 * 4;
  }
  CHECK(entries > 60);
}

}  // namespace

}  // namespace aliquot::worker

int main() {
  using namespace aliquot::worker;
  test_object_table();
  test_quota();
  test_a_quota_that_changes();
  test_geometry();
  test_json();
  test_filter();
  test_options();
  test_spin_policy();
  test_spin_policy_learns_early();
  test_ring();
  test_report();
  test_split_safety();
  test_launch_pieces();
  test_copy_pacer();
  test_unsplit_kernels();
  test_partition();
  return aliquot::test::g_failures == 0 ? 0 : 1;
}
