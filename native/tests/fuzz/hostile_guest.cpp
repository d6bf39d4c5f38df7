#include "hostile_guest.h"

#include <cstring>
#include <string_view>

#include "generated/opencl_codec.h"
#include "generated/opencl_grammar.h"
#include "surroundings.h"
#include "worker/futex.h"

namespace aliquot::fuzz {

using namespace opencl;

namespace {

constexpr char kSource[] =
    "kernel void add(global int* a, local int* b, int c) {}\n"
    "kernel void one(global int* a) { printf(\"x\"); }\n";
constexpr std::string_view kWords[] = {"add", "one", "-cl-std=CL3.0", kSource, "header.h",
                                       std::string_view("a.h\0b.h\0", 8)};
constexpr size_t kPage = 4096;
constexpr size_t kArenaPages = kArenaBytes / kPage;
}  // namespace

HostileGuest::HostileGuest(uint8_t flags)
    : through_ring_((flags & kThroughRing) != 0), memory_(Surroundings::get().fresh_memory()) {
  std::shared_ptr<layout::ConnectionMemory> shared(memory_, [](layout::ConnectionMemory*) {});
  left_ = shared;
  connection_ = std::make_unique<worker::Connection>(Surroundings::get().context(), 1,
                                                     std::move(shared));
  connection_->arenas().set_patience(std::chrono::milliseconds(0));
  add_arena(1, kArenaPages);
  add_arena(2, kArenaPages);
  if (through_ring_ && !connection_->start()) fail("no thread");
  if ((flags & kFurnished) != 0) furnish();
}

// Ids that differ by a multiple of kArenas share their pages.
void HostileGuest::add_arena(uint32_t id, size_t pages) {
  const size_t index = id % kArenas;
  if (descriptors_[index] < 0) {
    descriptors_[index] = Surroundings::get().fresh_arena(index, &arenas_[index]);
  }
  mapped_->fetch_add(1);
  const bool taken = connection_->arenas().add(
      id, descriptors_[index], pages * kPage,
      [mapped = mapped_](const worker::Arena&) { mapped->fetch_sub(1); });
  if (!taken) mapped_->fetch_sub(1);
}

template <class Command>
void HostileGuest::send(const Command& command) {
  encode(command, frame_.data());
  send_frame({frame_.data(), encoded_size(command)});
}

// One object of each kind under id 1, a second queue and buffer of another sort under 2, and a
// command that waits for a user event, so that frames find something to spoil.
void HostileGuest::furnish() {
  const uint32_t device = 1;
  CreateContextCommand context;
  context.context = 1;
  context.devices = {&device, 1};
  send(context);
  CreateQueueCommand queue;
  queue.context = queue.device = 1;
  queue.queue = 1;
  send(queue);
  queue.queue = 2;
  queue.properties = CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE | CL_QUEUE_PROFILING_ENABLE;
  send(queue);
  CreateBufferCommand buffer;
  buffer.buffer = buffer.context = 1;
  buffer.size = 4096;
  buffer.flags = CL_MEM_READ_WRITE;
  send(buffer);
  buffer.buffer = 2;
  buffer.arena = 2;
  buffer.offset = 4096;
  send(buffer);
  std::memcpy(arenas_[1], kSource, sizeof kSource - 1);
  CreateProgramWithSourceCommand program;
  program.program = program.context = 1;
  program.arena = 1;
  program.size = sizeof kSource - 1;
  send(program);
  BuildProgramCommand build;
  build.reply.slot = 1;
  build.program = 1;
  send(build);
  wait_for_reply(1);
  CreateKernelCommand kernel;
  kernel.kernel = kernel.program = 1;
  kernel.name = {reinterpret_cast<const uint8_t*>("one"), 3};
  send(kernel);
  CreateUserEventCommand event;
  event.event = event.context = 1;
  send(event);
  const uint32_t wait = 1;
  MarkerCommand marker;
  marker.queue = 1;
  marker.event = 2;
  marker.wait = {&wait, 1};
  send(marker);
  wait_until_read();
}

void HostileGuest::run(protocol::ByteSource& source) {
  protocol::FrameBuilder builder(grammar::kCommands, kWords, source);
  while (!source.empty() && !ended_) step(source, builder);
  if (through_ring_ && !ended_) wait_until_read();
}

void HostileGuest::step(protocol::ByteSource& source, protocol::FrameBuilder& builder) {
  switch (static_cast<Item>(source.byte() % static_cast<uint8_t>(Item::kItemCount))) {
    case Item::kBuilt: {
      const size_t size = builder.next(frame_.data());
      if (size != 0) send_frame({frame_.data(), size});
      return;
    }
    case Item::kFrame:
      return send_given(source, true);
    case Item::kBytes:
      return send_given(source, false);
    case Item::kArena:
      return change_arena(source);
    case Item::kControl: {
      const uint8_t which = source.byte();
      return change_control(which, source.value<uint64_t>());
    }
    case Item::kReply: {
      const uint8_t slot = source.byte();
      memory_->replies[slot % layout::kReplySlots].state.store(source.value<uint32_t>());
      return;
    }
    case Item::kAddArena: {
      const uint8_t id = source.byte();
      return add_arena(id, source.byte() % (kArenaPages + 2));
    }
    case Item::kWait:
      return wait_until_read();
    case Item::kLook:
      Surroundings::get().watchdog().look(worker::now_ns() +
                                          source.byte() * uint64_t{1'000'000'000});
      return;
    case Item::kItemCount:
      return;
  }
}

void HostileGuest::change_arena(protocol::ByteSource& source) {
  unsigned char* data = arenas_[source.byte() % kArenas];
  const size_t offset = source.value<uint16_t>();
  const size_t length = source.byte();
  for (size_t i = 0; i < length; ++i) {
    const uint8_t value = source.byte();
    if (data != nullptr && offset + i < kArenaBytes) {
      reinterpret_cast<std::atomic<uint8_t>*>(data)[offset + i].store(value);
    }
  }
}

void HostileGuest::change_control(uint8_t which, uint64_t value) {
  layout::Control& control = memory_->control;
  switch (which % 10) {
    case 0:
      return publish(value);  // anywhere: backwards, beyond, misaligned
    case 1:
      return publish(tail_ + value % (2 * layout::kCommandRingBytes));
    case 2:
      return control.command_head.store(value);
    case 3:
      return control.worker_sleeps.store(static_cast<uint32_t>(value));
    case 4:
      return control.space_wanted.store(static_cast<uint32_t>(value));
    case 5:
      return control.notify_head.store(value);
    case 6:
      return control.notify_tail.store(value);
    case 7:
      return control.print_head.store(value);
    case 8:
      control.print_tail.store(value);
      return control.notify_overflow.store(static_cast<uint32_t>(value));
    default:
      memory_->queues[value % layout::kQueueSlots].completed.store(value);
      memory_->queues[value % layout::kQueueSlots].error.store(static_cast<int32_t>(value));
      memory_->events[value % 64].status.store(static_cast<int32_t>(value >> 32));
  }
}

}  // namespace aliquot::fuzz
