// How far a queue has come, over a driver that does what the test says: commands that fail before
// those in front of them have ended, markers that can't be made, kernels that nobody sees running.
#include <memory>

#include "check.h"
#include "direct_connection.h"
#include "scripted_driver.h"
#include "worker/completion_poll.h"
#include "worker/queue_report.h"
#include "worker/raise_to.h"

namespace aliquot::worker {

namespace {

using test::Host;
using test::ScriptedDriver;
using test::send;

/// A queue whose commands the test makes by hand, and the watchdog that looks at it.
class Queue {
 public:
  Queue(ScriptedDriver& script, Watchdog& watchdog, uint32_t id = 1, QueueNature nature = {})
      : script_(script),
        memory_(std::make_shared<layout::ConnectionMemory>()),
        publisher_(std::make_shared<Publisher>(memory_, script.driver(), nullptr)),
        progress_(std::make_shared<QueueProgress>(publisher_, watchdog.alarm(), id,
                                                  std::move(nature))) {
    watchdog.add(1, progress_);
  }
  /// Its event's number.
  size_t add(uint32_t hidden_before = 0, const char* hidden_kernel = nullptr,
             const char* kernel = nullptr) {
    OutstandingCommand command;
    const size_t event = script_.events();
    command.event = script_.make_event();
    if (kernel != nullptr) command.kernel = std::make_shared<const std::string>(kernel);
    command.number = number_ += hidden_before + 1;
    command.hidden_before = hidden_before;
    if (hidden_kernel != nullptr) {
      command.hidden_kernel = std::make_shared<const std::string>(hidden_kernel);
    }
    progress_->add(std::move(command));
    return event;
  }
  void sync(uint64_t sequence) { progress_->publish_after(number_, sequence); }
  bool sync_inside(uint64_t sequence) {
    return progress_->publish_inside(nullptr, number_, sequence);
  }
  void expect(CompletionPoll& poll, uint64_t sequence) {
    progress_->expect(poll, number_, sequence);
  }
  uint64_t published() const { return memory_->queues[0].completed.load(); }
  /// Commands without events up to now, or one that waits for the device.
  void hide(uint32_t count) { progress_->begin_busy(number_ + count); }
  void expect_command() { progress_->expect_command(number_ + 1); }
  std::optional<records::QueueClaim> tell(uint64_t now) { return progress_->tell(now); }
  void set_gone() { progress_->set_gone(); }
  bool publishes(uint64_t sequence) const {
    return test::comes([&] { return published() == sequence; });
  }

 private:
  ScriptedDriver& script_;
  std::shared_ptr<layout::ConnectionMemory> memory_;
  std::shared_ptr<Publisher> publisher_;
  std::shared_ptr<QueueProgress> progress_;
  uint64_t number_ = 0;
};

void test_early_failure() {
  ScriptedDriver script;
  Host host;
  Watchdog watchdog(0, host);
  CHECK(watchdog.start({}));
  Queue queue(script, watchdog);
  const size_t first = queue.add();
  const size_t second = queue.add();
  const size_t third = queue.add();
  queue.sync(7);
  script.set(third, -5);
  CHECK_SAME(queue.published(), 0);
  script.set(second, -5);
  CHECK(!watchdog.look(1) || queue.published() == 0);
  script.set(first, CL_COMPLETE);
  CHECK(queue.publishes(7));
  // A sync that comes when the failed one is forgotten already.
  const size_t long_one = queue.add();
  const size_t failed = queue.add();
  script.set(failed, -5);
  watchdog.look(2);
  queue.sync(8);
  CHECK_SAME(queue.published(), 7);
  script.set(long_one, CL_COMPLETE);
  CHECK(queue.publishes(8));
  // Nothing failed: published by whoever ends the last one.
  const size_t last = queue.add();
  queue.sync(9);
  script.set(last, CL_COMPLETE);
  CHECK_SAME(queue.published(), 9);
}

// A sync that the queue itself publishes, and what becomes of it where the driver loses the call.
void test_publishing_inside() {
  ScriptedDriver script;
  Host host;
  Watchdog watchdog(0, host);
  Queue queue(script, watchdog);
  const size_t first = queue.add();
  CHECK(queue.sync_inside(1));
  CHECK_SAME(queue.published(), 0);
  script.set(first, CL_COMPLETE);
  script.run_native_kernels();
  CHECK_SAME(queue.published(), 1);
  // Two syncs after one command: whichever is made first speaks for both.
  const size_t second = queue.add();
  queue.sync(0);
  CHECK(queue.sync_inside(2));
  script.set(second, CL_COMPLETE);
  CHECK_SAME(queue.published(), 2);
  script.run_native_kernels();
  // The command failed, and the queue never comes to the call: the watchdog publishes.
  const size_t failed = queue.add();
  CHECK(queue.sync_inside(4));
  watchdog.look(1);
  CHECK_SAME(queue.published(), 2);
  script.set(failed, -5);
  watchdog.look(2);
  CHECK_SAME(queue.published(), 4);
  // It comes to it later all the same: there is nothing left to do.
  script.run_native_kernels();
  CHECK_SAME(queue.published(), 4);
  // A driver that takes none.
  script.refuse_native_kernels();
  const size_t last = queue.add();
  CHECK(!queue.sync_inside(5));
  queue.sync(5);
  script.set(last, CL_COMPLETE);
  CHECK_SAME(queue.published(), 5);
}

// What the decode thread sees while it spins.
void test_poll() {
  ScriptedDriver script;
  Host host;
  Watchdog watchdog(0, host);
  CompletionPoll poll(script.driver().calls);
  Queue queue(script, watchdog);
  CHECK(!poll.look());
  const size_t first = queue.add();
  queue.expect(poll, 1);
  CHECK(!poll.look());
  script.set(first, CL_COMPLETE);
  CHECK(poll.look() && queue.published() == 1);
  CHECK(!poll.look());
  // A failed command may have ended before those in front of it: not the poll's affair.
  queue.add();
  const size_t failed = queue.add();
  queue.expect(poll, 2);
  script.set(failed, -5);
  CHECK(!poll.look() && queue.published() == 1);
  // Of two that are awaited the later counts; one that is forgotten does not.
  const size_t third = queue.add();
  queue.expect(poll, 3);
  const size_t fourth = queue.add();
  queue.expect(poll, 4);
  script.set(third, CL_COMPLETE);
  CHECK(!poll.look() && queue.published() == 1);
  poll.forget();
  script.set(fourth, CL_COMPLETE);
  CHECK(!poll.look() && queue.published() == 1);
}

// A hidden launch that doesn't end is found, though something else is seen running at every look.
void test_hidden_beside_running() {
  constexpr uint64_t kLook = 100'000'000;
  ScriptedDriver script;
  Host host;
  Watchdog watchdog(500, host);
  Queue busy(script, watchdog);
  Queue suspect(script, watchdog);
  uint64_t now = 1'000'000'000;
  size_t running = busy.add();
  script.set(running, CL_RUNNING);
  suspect.add(3, "endless");
  // What was there before it may be what it waits for.
  for (int i = 0; i < 50; ++i) watchdog.look(now += kLook);
  CHECK_SAME(host.overruns, 0);
  for (int i = 0; i < 14; ++i) {  // three launches may take 1.5 s
    const size_t next = busy.add();
    script.set(next, CL_RUNNING);
    script.set(running, CL_COMPLETE);
    running = next;
    watchdog.look(now += kLook);
  }
  CHECK_SAME(host.overruns, 0);
  for (int i = 0; i < 4; ++i) {
    const size_t next = busy.add();
    script.set(next, CL_RUNNING);
    script.set(running, CL_COMPLETE);
    running = next;
    watchdog.look(now += kLook);
  }
  CHECK_SAME(host.overruns, 1);
}

// What passes while the watchdog doesn't run, in a process that is stopped, is no kernel's time.
void test_a_watchdog_that_was_stopped() {
  constexpr uint64_t kLook = 100'000'000;
  ScriptedDriver script;
  Host host;
  Watchdog watchdog(500, host);
  Queue queue(script, watchdog);
  uint64_t now = 1'000'000'000;
  script.set(queue.add(0, nullptr, "endless"), CL_RUNNING);
  watchdog.look(now);
  watchdog.look(now += 60'000'000'000);
  for (int i = 0; i < 3; ++i) watchdog.look(now += kLook);
  CHECK_SAME(host.overruns, 0);
  for (int i = 0; i < 3; ++i) watchdog.look(now += kLook);
  CHECK_SAME(host.overruns, 1);
}

// A queue that takes no marker: all of it has ended before a sync is answered.
void test_refused_marker() {
  ScriptedDriver script;
  Host host;
  Watchdog watchdog(0, host);
  const WorkerContext context{script.driver(), std::make_shared<MemoryQuota>(1 << 20), host,
                              watchdog};
  const auto memory = std::make_shared<layout::ConnectionMemory>();
  Connection connection(context, 1, memory);
  test::open_context(connection);
  opencl::CreateQueueCommand make_queue;
  make_queue.queue = make_queue.context = make_queue.device = 1;
  make_queue.properties = CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE;
  send(connection, make_queue);
  opencl::BarrierCommand command;
  command.queue = 1;
  send(connection, command);
  send(connection, command);
  script.refuse_markers();
  opencl::SyncCommand sync;
  sync.queue = 1;
  sync.sequence = 3;
  send(connection, sync);
  const std::atomic<uint64_t>& completed = memory->queues[0].completed;
  script.set(1, CL_COMPLETE);
  CHECK_SAME(completed.load(), 0);
  script.set(0, CL_COMPLETE);
  CHECK(test::comes([&] { return completed.load() == 3; }));
  CHECK_SAME(memory->queues[0].error.load(), 0);
}

// The other side writes whenever we do.
class ContestedWord {
 public:
  uint64_t load() const { return value_; }
  void store(uint64_t value) { value_ = value; }
  bool compare_exchange_strong(uint64_t& seen, uint64_t) {
    CHECK(++tries_ < 1000);
    seen = value_ = tries_ % 2;
    return tries_ >= 1000;
  }
  bool compare_exchange_weak(uint64_t& seen, uint64_t value) {
    return compare_exchange_strong(seen, value);
  }

 private:
  uint64_t value_ = 0;
  int tries_ = 0;
};

void test_contested_word() {
  ContestedWord contested;
  raise_to(contested, 9);
  CHECK_SAME(contested.load(), 9);
  std::atomic<uint64_t> word{5};
  raise_to(word, 4);
  CHECK_SAME(word.load(), 5);
  raise_to(word, 6);
  CHECK_SAME(word.load(), 6);
}

void test_what_is_told() {
  ScriptedDriver script;
  Host host;
  Watchdog watchdog(0, host);
  const auto took = std::make_shared<std::atomic<uint64_t>>(70);
  Queue queue(script, watchdog, 3, {false, took});
  CHECK_SAME(queue.tell(1'000)->outstanding, 0);
  const size_t first = queue.add(2);
  const size_t second = queue.add();
  auto told = *queue.tell(1'000);
  CHECK_SAME(told.queue, 3);
  CHECK_SAME(told.flags, 0);
  CHECK_SAME(told.outstanding, 4);
  CHECK_SAME(told.completed, 0);
  CHECK_SAME(told.device_ns, 70);
  CHECK_SAME(told.oldest_ns, 0);
  // It is as old as has been seen: by who asked, or by the watchdog before.
  CHECK_SAME(queue.tell(3'000)->oldest_ns, 2'000);
  watchdog.look(4'000);
  CHECK_SAME(queue.tell(9'000)->oldest_ns, 8'000);
  script.set(first, CL_COMPLETE);
  told = *queue.tell(10'000);
  CHECK_SAME(told.outstanding, 1);
  CHECK_SAME(told.completed, 3);
  CHECK_SAME(told.oldest_ns, 6'000);
  // What has no event yet is outstanding, and so is what waits for the device.
  queue.hide(2);
  CHECK_SAME(queue.tell(10'000)->outstanding, 3);
  script.set(second, CL_COMPLETE);
  CHECK_SAME(queue.tell(10'000)->outstanding, 2);
  queue.set_gone();
  CHECK(!queue.tell(10'000));
}

void test_what_is_told_of_waiting() {
  ScriptedDriver script;
  Host host;
  Watchdog watchdog(0, host);
  Queue queue(script, watchdog, 1, {true, nullptr});
  queue.expect_command();
  auto told = *queue.tell(1'000);
  CHECK_SAME(told.flags, records::kInOrder);
  CHECK_SAME(told.outstanding, 1);
  CHECK_SAME(queue.tell(2'500)->oldest_ns, 1'500);
  const size_t first = queue.add();
  CHECK_SAME(queue.tell(3'000)->outstanding, 1);
  script.set(first, CL_COMPLETE);
  told = *queue.tell(3'000);
  CHECK_SAME(told.outstanding, 0);
  CHECK_SAME(told.completed, 1);
  CHECK_SAME(told.oldest_ns, 0);
}

void test_all_queues_are_told() {
  ScriptedDriver script;
  Host host;
  Watchdog watchdog(0, host);
  const auto publisher = std::make_shared<Publisher>(
      std::make_shared<layout::ConnectionMemory>(), script.driver(), nullptr);
  std::vector<std::shared_ptr<QueueProgress>> queues;
  for (uint32_t id = records::kMostQueuesOfAConnection + 3; id > 0; --id) {
    queues.push_back(std::make_shared<QueueProgress>(publisher, watchdog.alarm(), id));
    watchdog.add(1, queues.back());
  }
  const auto told = tell_queues(watchdog, 1'000);
  uint32_t next = 1;
  for (const records::QueuesTold& part : told) {
    CHECK_SAME(part.left_out, part.connection == 0 ? 0 : 3);
    for (uint32_t i = 0; i < part.count; ++i) CHECK_SAME(part.queues[i].queue, next++);
  }
  CHECK_SAME(next, records::kMostQueuesOfAConnection + 1);
  CHECK_SAME(told.back().connection, 0);
  CHECK_SAME(told.back().count, 0);
}

}  // namespace

}  // namespace aliquot::worker

int main() {
  using namespace aliquot::worker;
  test_early_failure();
  test_publishing_inside();
  test_poll();
  test_hidden_beside_running();
  test_a_watchdog_that_was_stopped();
  test_refused_marker();
  test_contested_word();
  test_what_is_told();
  test_what_is_told_of_waiting();
  test_all_queues_are_told();
  return aliquot::test::g_failures == 0 ? 0 : 1;
}
