#include "worker/connection.h"

#include <algorithm>

namespace aliquot::worker {

Connection::Connection(WorkerContext context, uint32_t id,
                       std::shared_ptr<layout::ConnectionMemory> memory)
    : context_(std::move(context)),
      id_(id),
      calls_(context_.driver.calls),
      memory_(std::move(memory)),
      publisher_(std::make_shared<Publisher>(memory_, context_.driver, context_.prints)),
      poll_(calls_),
      ring_(*memory_, stop_, publisher_->awaited(), poll_),
      replies_(*memory_, arenas_),
      queue_slots_(layout::kQueueSlots + 1),
      bytes_held_(std::make_shared<std::atomic<uint64_t>>(0)) {
  devices_.insert(1)->device = context_.driver.device;
  largest_buffer_ = std::min<uint64_t>(
      device_number<cl_ulong>(calls_, context_.driver.device, CL_DEVICE_MAX_MEM_ALLOC_SIZE, 0),
      context_.quota->limit());
  if (context_.gate != nullptr) ring_.watch_idle(*context_.gate, id_);
}

Connection::~Connection() {
  stop();
  thread_.join();
  tear_down();
}

bool Connection::start(bool parked) {
  parked_.store(parked);
  return thread_.start(run, this, "decode");
}

void Connection::order(Order order) {
  orders_.add(std::move(order));
  ring_.attend();
}

void Connection::stop() {
  stop_.store(true);
  arenas_.abandon();
  orders_.wake();
  ring_.wake();
}

void* Connection::run(void* argument) {
  auto* self = static_cast<Connection*>(argument);
  if (self->parked_.load()) self->attend();
  self->decode_loop();
  self->tear_down();
  self->finished_.store(true);
  return nullptr;
}

void Connection::decode_loop() {
  for (;;) {
    std::span<const unsigned char> frame;
    switch (ring_.next(frame)) {
      case RingState::kStopped:
        return;
      case RingState::kBroken:
        broke_protocol("The command ring holds no whole frame where one must begin.");
        break;
      case RingState::kFrame:
        handle(frame);
        break;
      case RingState::kCall:
        release_paced(now_ns());
        attend();
        break;
    }
    if (!broken_.empty()) {
      publisher_->close();
      context_.host.violation(id_, broken_.c_str());
      return;
    }
  }
}

bool Connection::handle(std::span<const unsigned char> frame) {
  QueueObject* const hidden = hidden_;
  const uint64_t hidden_number = hidden_number_;
  publisher_->observe();
  switch (opencl::dispatch(*this, frame)) {
    case protocol::Outcome::kHandled:
      break;
    case protocol::Outcome::kMalformed:
      broke_protocol("A command is malformed.");
      break;
    case protocol::Outcome::kUnknownOpcode:
      broke_protocol("A command has an unknown code.");
      break;
  }
  // The launch that was to follow the hidden one did not come about.
  if (hidden != nullptr && hidden_ == hidden && hidden_number_ == hidden_number) {
    cover_hidden(*hidden);
  }
  return broken_.empty();
}

void Connection::broke_protocol(const char* text) {
  if (broken_.empty()) broken_ = text;
}

bool Connection::check_reply(const opencl::ReplyTarget& target) {
  if (ReplyWriter::valid(target)) return true;
  broke_protocol("A command names a reply slot that doesn't exist.");
  return false;
}

cl_device_id Connection::find_device(uint32_t id) {
  const DeviceObject* object = devices_.find(id);
  return object != nullptr ? object->device : nullptr;
}

cl_context Connection::find_context(uint32_t id) {
  const ContextObject* object = contexts_.find(id);
  return object != nullptr ? object->context : nullptr;
}

cl_int Connection::find_buffer(uint32_t id, BufferObject*& buffer) {
  buffer = buffers_.find(id);
  if (buffer == nullptr) return CL_INVALID_MEM_OBJECT;
  return buffer->error;
}

cl_program Connection::find_program(uint32_t id, std::shared_ptr<Program>* keep) {
  const ProgramObject* object = programs_.find(id);
  if (object == nullptr) return nullptr;
  if (keep != nullptr) *keep = object->program;
  return object->program->program.load();
}

cl_int Connection::find_devices(std::span<const uint32_t> ids,
                                std::vector<cl_device_id>& devices) {
  devices.clear();
  for (const uint32_t id : ids) {
    const cl_device_id device = find_device(id);
    if (device == nullptr) return CL_INVALID_DEVICE;
    devices.push_back(device);
  }
  return CL_SUCCESS;
}

}  // namespace aliquot::worker
