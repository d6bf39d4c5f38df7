// What a worker tells of its guest processes' queues: bounded, checked, and never waited for.
#include <sys/mman.h>
#include <unistd.h>

#include <functional>

#include "device_host/queue_inquiry.h"
#include "host_in_process.h"
#include "protocol/connection_layout.h"

using namespace aliquot;  // NOLINT: a test program
using records::Kind;
using Verdict = QueueInquiry::Verdict;

namespace {

// `count` queues of a connection, from number `first` on.
records::QueuesTold told_of(uint32_t connection, uint32_t first, uint32_t count) {
  records::QueuesTold told;
  told.connection = connection;
  told.count = count;
  for (uint32_t i = 0; i < count && i < records::kMostQueuesOfARecord; ++i) {
    told.queues[i].queue = first + i;
    told.queues[i].outstanding = first + i;
  }
  return told;
}

Verdict verdict_of(const std::function<void(records::QueuesTold&)>& change) {
  QueueInquiry inquiry(1);
  const uint32_t question = inquiry.begin();
  CHECK(inquiry.take(question, told_of(2, 10, 2)) == Verdict::kMore);
  records::QueuesTold told = told_of(2, 12, 2);
  change(told);
  return inquiry.take(question, told);
}

struct Asked {
  Peers peers;
  Descriptor control = peers.connect("control.sock");
  ScriptedWorker* worker = nullptr;
  Descriptor guest;

  Asked() {
    peers.ask(control, Kind::kControlHello, records::ControlWelcome{});
    records::VgpuCreate create;
    create.memory_bytes = 16 << 20;
    worker = &peers.make_vgpu(control, create);
    guest = peers.connect("v1.sock");
    CHECK(peers.ask(guest, Kind::kGuestHello, records::GuestHello{}).header.kind ==
          Kind::kGuestWelcome);
  }
  void ask(uint32_t sequence) {
    send_record(control.get(),
                make_record(Kind::kQueuesGet, sequence, records::VgpuReference{1}));
    peers.settle();
  }
  void say(const records::QueuesTold& told) {
    worker->say(make_record(Kind::kQueuesTold, worker->queues_question, told));
    peers.settle();
  }
  // The answer to the question of this sequence, and what came with it.
  records::Queues answer(uint32_t sequence, std::vector<records::VgpuQueue>& queues) {
    records::Record record{};
    DescriptorList descriptors;
    CHECK(receive_record(control.get(), record, descriptors) == SocketResult::kOk);
    CHECK(record.header.kind == Kind::kQueues && record.header.sequence == sequence);
    const auto told = payload_of<records::Queues>(record);
    queues.resize(told.queue_count);
    CHECK(descriptors.count == (told.queue_count == 0 ? 0u : 1u));
    if (descriptors.count != 0) {
      const auto bytes = static_cast<ssize_t>(queues.size() * sizeof queues[0]);
      CHECK(::pread(descriptors.items[0].get(), queues.data(), static_cast<size_t>(bytes), 0) ==
            bytes);
    }
    return told;
  }
  size_t questions() const {
    size_t count = 0;
    for (const Kind kind : worker->sent) count += kind == Kind::kAskQueues ? 1 : 0;
    return count;
  }
};

}  // namespace

void test_claims_of_queues() {
  QueueInquiry inquiry(UINT32_MAX);
  CHECK(!inquiry.open());
  CHECK(inquiry.take(UINT32_MAX, told_of(0, 0, 0)) == Verdict::kIgnored);
  const uint32_t question = inquiry.begin();
  CHECK(question == 1 && inquiry.open());
  CHECK(inquiry.take(question + 1, told_of(1, 1, 1)) == Verdict::kIgnored);
  records::QueuesTold told = told_of(1, 1, 5);
  told.left_out = 3;
  CHECK(inquiry.take(question, told) == Verdict::kMore);
  told = told_of(1, 6, 1);
  told.left_out = 3;
  CHECK(inquiry.take(question, told) == Verdict::kMore);
  CHECK(inquiry.take(question, told_of(4, 1, 1)) == Verdict::kMore);
  told = told_of(0, 0, 0);
  told.left_out = 2;
  CHECK(inquiry.take(question, told) == Verdict::kComplete);
  CHECK(!inquiry.open() && inquiry.left_out() == 5);
  const auto queues = inquiry.queues({1'000, 1'000});
  CHECK(queues.size() == 7 && queues[5].claim.queue == 6 && queues[5].left_out == 3);
  CHECK(queues[6].connection == 4 && queues[6].left_out == 0);
  CHECK(inquiry.take(question, told_of(5, 1, 1)) == Verdict::kIgnored);
  inquiry.begin();
  CHECK(inquiry.queues({}).empty() && inquiry.left_out() == 0);
}

void test_claims_of_queues_that_can_t_be() {
  CHECK(verdict_of([](records::QueuesTold&) {}) == Verdict::kMore);
  const std::function<void(records::QueuesTold&)> impossible[] = {
      [](auto& told) { told.count = 0; },
      [](auto& told) { told.count = records::kMostQueuesOfARecord + 1; },
      [](auto& told) { told.count = UINT32_MAX; },
      [](auto& told) { told.connection = 0; },                          // an end that goes on
      [](auto& told) { told.connection = 1; },                          // backwards
      [](auto& told) { told.queues[0].queue = 11; },                    // twice
      [](auto& told) { told.queues[1].queue = told.queues[0].queue; },  // twice in a record
      [](auto& told) { told.queues[1].queue = 0; },
      [](auto& told) { told.queues[1].queue = layout::kQueueSlots + 1; },
      [](auto& told) { told.queues[0].flags = 2; },
      [](auto& told) { told.left_out = 1; },  // it was 0 before, of the same connection
      [](auto& told) { told.left_out = UINT32_MAX; },
  };
  for (const auto& change : impossible) CHECK(verdict_of(change) == Verdict::kImpossible);
  // More than are told of one connection, and of all.
  QueueInquiry inquiry(0);
  uint32_t question = inquiry.begin();
  for (uint32_t queue = 1; queue <= records::kMostQueuesOfAConnection; ++queue)
    CHECK(inquiry.take(question, told_of(1, queue, 1)) == Verdict::kMore);
  CHECK(inquiry.take(question, told_of(1, records::kMostQueuesOfAConnection + 1, 1)) ==
        Verdict::kImpossible);
  question = inquiry.begin();
  for (uint32_t connection = 1; connection <= records::kMostQueuesTold; ++connection)
    CHECK(inquiry.take(question, told_of(connection, 1, 1)) == Verdict::kMore);
  CHECK(inquiry.take(question, told_of(records::kMostQueuesTold + 1, 1, 1)) ==
        Verdict::kImpossible);
}

void test_claims_of_queues_have_bounds() {
  QueueInquiry inquiry(0);
  const uint32_t question = inquiry.begin();
  records::QueuesTold told = told_of(1, 1, 2);
  told.queues[0] = {1, records::kInOrder, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
  told.queues[1] = {2, 0, 0, 5, 70, 90};  // nothing is outstanding, so nothing is old
  CHECK(inquiry.take(question, told) == Verdict::kMore);
  CHECK(inquiry.take(question, told_of(0, 0, 0)) == Verdict::kComplete);
  const auto queues = inquiry.queues({1'000, 2'000});
  constexpr uint64_t kMost = (uint64_t{1} << 53) - 1;
  CHECK(queues[0].claim.outstanding == kMost && queues[0].claim.completed == kMost);
  CHECK(queues[0].claim.device_ns == 1'000 && queues[0].claim.oldest_ns == 2'000);
  CHECK(queues[1].claim.device_ns == 70 && queues[1].claim.oldest_ns == 0);
}

void test_queues_are_asked_for() {
  Asked asked;
  asked.ask(7);
  asked.ask(8);
  CHECK(asked.questions() == 1);  // one answer serves both
  asked.say(told_of(1, 1, 2));
  asked.say(told_of(9, 1, 1));  // who has left, or never was
  asked.say(told_of(0, 0, 0));
  std::vector<records::VgpuQueue> queues;
  for (const uint32_t sequence : {7u, 8u}) {
    const records::Queues told = asked.answer(sequence, queues);
    CHECK(told.vgpu == 1 && told.answer == records::QueuesAnswer::kTold && told.at_ns != 0);
    CHECK(queues.size() == 2 && queues[1].connection == 1 && queues[1].claim.queue == 2);
    CHECK(queues[1].claim.outstanding == 2);
  }
  // What comes unasked is nobody's answer, whatever it is.
  asked.say(told_of(1, 5'000, 5));
  CHECK(asked.worker->why_killed.empty());
  asked.ask(9);
  CHECK(asked.questions() == 2);
  asked.say(told_of(1, 0, 1));
  CHECK(asked.worker->why_killed == "it told of queues in a way that can't be");
  asked.worker->die();
  asked.peers.settle();
  CHECK(asked.answer(9, queues).answer == records::QueuesAnswer::kNoWorker);
  const auto told =
      asked.peers.ask_all(asked.control, Kind::kQueuesGet, records::VgpuReference{2});
  CHECK(told.front().header.sequence == 0);  // the worker's end, unasked
  CHECK(payload_of<records::Error>(told.back()).code == records::ErrorCode::kNoSuchVgpu);
}

void test_a_worker_that_tells_of_no_queues() {
  Asked asked;
  asked.ask(7);
  const uint32_t question = asked.worker->queues_question;
  asked.say(told_of(1, 1, 2));  // and no end
  std::vector<records::VgpuQueue> queues;
  for (int wait = 0; wait < 100 && !wait_readable(asked.control.get(), 10); ++wait)
    asked.peers.settle();
  CHECK(asked.answer(7, queues).answer == records::QueuesAnswer::kSilent);
  CHECK(queues.empty());
  // It lives on, and its late answer is nobody's.
  asked.ask(8);
  CHECK(asked.worker->queues_question == question + 1);
  asked.worker->say(make_record(Kind::kQueuesTold, question, told_of(0, 0, 0)));
  asked.say(told_of(1, 3, 1));
  asked.say(told_of(0, 0, 0));
  CHECK(asked.answer(8, queues).answer == records::QueuesAnswer::kTold);
  CHECK(queues.size() == 1 && queues[0].claim.queue == 3);
  CHECK(asked.worker->why_killed.empty());
}

void test_who_asks_for_queues_is_answered_at_the_end() {
  Asked asked;
  asked.ask(7);
  CHECK(asked.peers.ask(asked.control, Kind::kVgpuDestroy, records::VgpuReference{1}).header.kind ==
        Kind::kQueues);
}
