#include "test_guest.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

namespace aliquot::test {

using namespace opencl;

namespace {

constexpr size_t kReplyArea = 4 << 20;  // the upper half of the staging arena is for answers

uint64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

template <class Word>
void sleep_on(std::atomic<Word>& word, Word expected) {
  const timespec limit{0, 20'000'000};
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAIT,
          static_cast<uint32_t>(expected), &limit, nullptr, 0);
}

template <class Word>
void wake(std::atomic<Word>& word) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

// Spins a little, then sleeps in slices, until `ready` or the time is over.
template <class Ready, class Sleep>
bool wait_until(int milliseconds, Ready ready, Sleep sleep) {
  const uint64_t begin = now_ns();
  while (now_ns() - begin < 50'000) {
    for (int i = 0; i < 16; ++i) {
      if (ready()) return true;
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
  }
  while (!ready()) {
    if (now_ns() - begin > static_cast<uint64_t>(milliseconds) * 1'000'000u) return false;
    sleep();
  }
  return true;
}

}  // namespace

Arguments& Arguments::add(uint32_t index, uint32_t argument_class, uint32_t bytes,
                          uint32_t buffer) {
  for (const uint32_t word : {index, argument_class, bytes, buffer}) {
    const auto* data = reinterpret_cast<const uint8_t*>(&word);
    bytes_.insert(bytes_.end(), data, data + sizeof word);
  }
  return *this;
}

TestGuest::TestGuest(TestHost& host, uint32_t connection)
    : host_(host),
      connection_(connection),
      pages_(layout::kConnectionBytes),
      memory_(reinterpret_cast<layout::ConnectionMemory*>(pages_.data())) {
  records::Connect payload;
  payload.connection = connection;
  host_.send(make_record(records::Kind::kConnect, 0, payload), pages_.descriptor());
  staging_ = nullptr;
  add_arena(1, kStagingBytes);
  staging_ = std::move(arenas_.back());
  arenas_.clear();
}

SharedPages& TestGuest::add_arena(uint32_t id, size_t bytes) {
  arenas_.push_back(std::make_unique<SharedPages>(bytes));
  records::Arena payload;
  payload.connection = connection_;
  payload.arena = id;
  payload.bytes = bytes;
  host_.send(make_record(records::Kind::kArena, 0, payload), arenas_.back()->descriptor());
  return *arenas_.back();
}

void TestGuest::send_bytes(const unsigned char* bytes, size_t size) {
  layout::Control& control = memory_->control;
  while (layout::kCommandRingBytes - (tail_ - control.command_head.load()) < size) {
    publish();
    control.space_wanted.store(1);
    if (layout::kCommandRingBytes - (tail_ - control.command_head.load()) >= size) break;
    sleep_on(control.space_wanted, 1u);
  }
  const size_t start = tail_ % layout::kCommandRingBytes;
  const size_t first = std::min(size, layout::kCommandRingBytes - start);
  std::memcpy(memory_->commands + start, bytes, first);
  if (first < size) std::memcpy(memory_->commands, bytes + first, size - first);
  tail_ += size;
  if (!burst_) publish();
}

void TestGuest::publish() { publish_tail(tail_); }

void TestGuest::publish_tail(uint64_t tail) {
  layout::Control& control = memory_->control;
  control.command_tail.store(tail);
  if (control.worker_sleeps.load() != 0) {
    control.worker_sleeps.store(0);
    wake(control.worker_sleeps);
  }
}

void TestGuest::begin_call(ReplyTarget& target) {
  target.slot = 0;
  target.arena = 1;
  target.offset = kStagingBytes - kReplyArea;
  target.capacity = kReplyArea;
  memory_->replies[0].state.store(layout::kReplyEmpty);
}

Reply TestGuest::end_call() {
  publish();
  layout::ReplySlot& slot = memory_->replies[0];
  Reply reply;
  const bool came = wait_until(
      60'000, [&] { return slot.state.load() == layout::kReplyReady; },
      [&] {
        uint32_t empty = layout::kReplyEmpty;
        slot.state.compare_exchange_strong(empty, layout::kReplyWaited);
        sleep_on(slot.state, uint32_t{layout::kReplyWaited});
      });
  if (!came) return reply;
  reply.status = slot.status;
  reply.total = slot.total_bytes;
  const unsigned char* data =
      slot.inline_bytes != 0 ? slot.data : staging() + kStagingBytes - kReplyArea;
  reply.bytes.assign(data, data + std::min<size_t>(reply.total, kReplyArea));
  return reply;
}

bool TestGuest::finish(uint32_t queue, int milliseconds) {
  SyncCommand sync;
  sync.queue = queue;
  sync.sequence = next_sequence();
  send(sync);
  return await_sequence(queue, sync.sequence, milliseconds);
}

bool TestGuest::await_sequence(uint32_t queue, uint64_t sequence, int milliseconds) {
  publish();
  layout::QueueSlot& slot = memory_->queues[queue - 1];
  return wait_until(
      milliseconds, [&] { return slot.completed.load() >= sequence; },
      [&] {
        const uint32_t changed = slot.changed.load();
        slot.waiters.store(1);
        if (slot.completed.load() < sequence) sleep_on(slot.changed, changed);
      });
}

void TestGuest::watch(uint32_t event, uint32_t notify, uint32_t levels) {
  memory_->events[event - 1].status.store(layout::kEventPending);
  WatchEventCommand command;
  command.event = event;
  command.notify = notify;
  command.levels = levels;
  send(command);
}

cl_int TestGuest::wait_event(uint32_t event, int milliseconds) {
  watch(event);
  publish();
  layout::EventSlot& slot = memory_->events[event - 1];
  wait_until(
      milliseconds, [&] { return slot.status.load() <= 0; },
      [&] {
        slot.waiters.store(1);
        const int32_t status = slot.status.load();
        if (status > 0) sleep_on(slot.status, status);
      });
  return slot.status.load();
}

std::string TestGuest::take_print() {
  layout::Control& control = memory_->control;
  const uint64_t tail = control.print_tail.load();
  std::string text;
  for (; print_head_ != tail; ++print_head_) {
    text += static_cast<char>(memory_->print[print_head_ % layout::kPrintBytes]);
  }
  control.print_head.store(print_head_);
  return text;
}

bool TestGuest::take_notification(uint64_t& entry, int milliseconds) {
  layout::Control& control = memory_->control;
  const bool came = wait_until(
      milliseconds, [&] { return control.notify_tail.load() != notify_head_; },
      [&] {
        const uint32_t count = control.notify_count.load();
        if (control.notify_tail.load() == notify_head_) sleep_on(control.notify_count, count);
      });
  if (!came) return false;
  entry = memory_->notifications[notify_head_ % layout::kNotifyEntries].load();
  control.notify_head.store(++notify_head_);
  return true;
}

void TestGuest::open(uint32_t context, uint32_t queue, uint64_t properties) {
  const uint32_t device = 1;
  CreateContextCommand create_context;
  create_context.context = context;
  create_context.devices = {&device, 1};
  call(create_context);
  CreateQueueCommand create_queue;
  create_queue.queue = queue;
  create_queue.context = context;
  create_queue.device = device;
  create_queue.properties = properties;
  call(create_queue);
}

cl_int TestGuest::build(uint32_t program, uint32_t context, const std::string& source,
                        const std::string& options) {
  std::memcpy(staging(), source.data(), source.size());
  CreateProgramWithSourceCommand create;
  create.program = program;
  create.context = context;
  create.arena = 1;
  create.size = source.size();
  const Reply created = call(create);
  if (created.status != CL_SUCCESS) return created.status;
  BuildProgramCommand build;
  build.program = program;
  build.options = {reinterpret_cast<const uint8_t*>(options.data()), options.size()};
  return call(build).status;
}

Reply TestGuest::kernel(uint32_t id, uint32_t program, const std::string& name) {
  CreateKernelCommand command;
  command.kernel = id;
  command.program = program;
  command.name = {reinterpret_cast<const uint8_t*>(name.data()), name.size()};
  return call(command);
}

void TestGuest::buffer(uint32_t id, uint32_t context, uint64_t size, uint32_t arena,
                       uint64_t offset) {
  CreateBufferCommand command;
  command.buffer = id;
  command.context = context;
  command.flags = CL_MEM_READ_WRITE;
  command.size = size;
  command.arena = arena;
  command.offset = offset;
  send(command);
}

void TestGuest::write(uint32_t queue, uint32_t buffer, const void* data, size_t size,
                      uint64_t offset) {
  std::memcpy(staging(), data, size);
  WriteBufferCommand command;
  command.queue = queue;
  command.buffer = buffer;
  command.arena = 1;
  command.offset = offset;
  command.size = size;
  send(command);
  finish(queue);  // the staging arena is free again
}

bool TestGuest::read(uint32_t queue, uint32_t buffer, void* data, size_t size, uint64_t offset) {
  ReadBufferCommand command;
  command.queue = queue;
  command.buffer = buffer;
  command.arena = 1;
  command.offset = offset;
  command.size = size;
  send(command);
  if (!finish(queue)) return false;
  std::memcpy(data, staging(), size);
  return true;
}

void TestGuest::launch(uint32_t queue, uint32_t kernel, size_t global, const Arguments& arguments,
                       uint32_t event, std::span<const uint32_t> wait) {
  const uint64_t shape = global;
  LaunchCommand command;
  command.queue = queue;
  command.kernel = kernel;
  command.event = event;
  command.dimensions = 1;
  command.shape = {&shape, 1};
  command.wait = wait;
  command.arguments = arguments.bytes();
  send(command);
}

void TestGuest::release(ObjectKind kind, uint32_t id) {
  ReleaseCommand command;
  command.kind = static_cast<uint32_t>(kind);
  command.object = id;
  send(command);
}

bool TestGuest::disconnect(int milliseconds) {
  records::ConnectionReference payload;
  payload.connection = connection_;
  host_.send(make_record(records::Kind::kDisconnect, 0, payload));
  records::Record record;
  return host_.expect(records::Kind::kGone, record, milliseconds) &&
         payload_of<records::ConnectionReference>(record).connection == connection_;
}

}  // namespace aliquot::test
