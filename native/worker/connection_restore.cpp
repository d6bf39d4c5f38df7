// A connection's objects made anew from an image, which is the work of another worker and as little
// to be believed as a guest process: its frames are decoded as those of the ring are, and a program
// that it names must come about.
#include <time.h>

#include <algorithm>
#include <map>
#include <set>

#include "worker/connection.h"
#include "worker/contents.h"
#include "worker/device_report.h"
#include "worker/futex.h"
#include "worker/report_match.h"

namespace aliquot::worker {

using namespace opencl;

struct Restoration {
  explicit Restoration(const cl_icd_dispatch& calls) : contents(calls) {}
  std::shared_ptr<Arena> image;
  bool lacks = false;
  Contents contents;
  std::map<uint32_t, cl_event> ended;  // by context: an event that has ended well
  std::set<uint32_t> devices, contexts, programs;  // that the image has
};

namespace {

constexpr uint64_t kBuildPatienceNs = 120'000'000'000;

std::string failed(const char* what, uint32_t id) {
  return std::string("The ") + what + " of number " + std::to_string(id) + " can't be made.";
}

template <class Element, class Other>
bool equal(const std::vector<Element>& one, std::span<const Other> other) {
  return std::ranges::equal(one, other);
}

bool equal(const std::string& text, std::span<const uint8_t> bytes) {
  return text.size() == bytes.size() && std::memcmp(text.data(), bytes.data(), bytes.size()) == 0;
}

bool belongs_into_an_image(Opcode opcode) {
  switch (opcode) {
    case Opcode::kCreateSubDevices:
    case Opcode::kCreateContext:
    case Opcode::kCreateQueue:
    case Opcode::kRelease:
    case Opcode::kCreateBuffer:
    case Opcode::kCreateSubBuffer:
    case Opcode::kCreateProgramWithSource:
    case Opcode::kCreateProgramWithBinary:
    case Opcode::kBuildProgram:
    case Opcode::kCompileProgram:
    case Opcode::kLinkProgram:
    case Opcode::kCreateKernel:
    case Opcode::kLaunch:
    case Opcode::kCreateUserEvent:
    case Opcode::kWatchEvent:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string Connection::await_builds() {
  const uint64_t begin = now_ns();
  while (!builder_.idle()) {
    if (stop_.load()) return "The connection ends.";
    if (now_ns() - begin > kBuildPatienceNs) return "A program takes too long to be built.";
    const timespec pause{0, 200'000};
    nanosleep(&pause, nullptr);
  }
  return {};
}

// What a sketch has made already. What it made otherwise is released.
template <class Command>
bool Connection::has_already(const Command& command) {
  using Made = ProgramOrigin::Made;
  using Built = ProgramOrigin::Built;
  const auto same_inputs = [&](const ProgramOrigin& origin, std::span<const uint32_t> ids) {
    if (origin.inputs.size() != ids.size()) return false;
    for (size_t i = 0; i < ids.size(); ++i) {
      const ProgramObject* input = programs_.find(ids[i]);
      if (input == nullptr || !same(*origin.inputs[i], *input->program->origin)) return false;
    }
    return true;
  };
  if constexpr (std::is_same_v<Command, CreateSubDevicesCommand>) {
    std::vector<unsigned char> frame(encoded_size(command));
    encode(command, frame.data());
    bool all = true;
    for (const uint32_t id : command.sub_devices) {
      restoration_->devices.insert(id);
      const DeviceObject* device = devices_.find(id);
      all = all && device != nullptr && device->partition != nullptr &&
            device->partition->frame == frame;
    }
    if (!all)
      for (const uint32_t id : command.sub_devices) release_device(id);
    return all;
  } else if constexpr (std::is_same_v<Command, CreateContextCommand>) {
    restoration_->contexts.insert(command.context);
    const ContextObject* context = contexts_.find(command.context);
    if (context == nullptr) return false;
    std::vector<cl_device_id> devices;
    find_devices(command.devices, devices);
    std::vector<cl_device_id> had(context->devices.size());
    calls_.clGetContextInfo(context->context, CL_CONTEXT_DEVICES, had.size() * sizeof(cl_device_id),
                            had.data(), nullptr);
    if (equal(context->devices, command.devices) && had == devices) return true;
    std::vector<uint32_t> its;
    buffers_.for_each([&](uint32_t id, const BufferObject& buffer) {
      if (buffer.of == command.context) its.push_back(id);
    });
    for (const uint32_t id : its) release_buffer(id);
    release_context(command.context);
    return false;
  } else if constexpr (std::is_same_v<Command, CreateBufferCommand>) {
    // Those that differ were released before.
    const BufferObject* buffer = buffers_.find(command.buffer);
    return command.arena == 0 && buffer != nullptr;
  } else {
    restoration_->programs.insert(command.program);
    const ProgramObject* object = programs_.find(command.program);
    if (object == nullptr) return false;
    const ProgramOrigin& origin = *object->program->origin;
    bool is_there = false;
    if constexpr (std::is_same_v<Command, CreateProgramWithSourceCommand>) {
      const unsigned char* text = restoration_->image->range(command.offset, command.size);
      is_there = origin.made == Made::kSource && origin.text != nullptr && text != nullptr &&
                 object->program->context == find_context(command.context) &&
                 equal(*origin.text, {text, command.size});
    } else if constexpr (std::is_same_v<Command, CreateProgramWithBinaryCommand>) {
      const uint64_t size = origin.text != nullptr ? origin.text->size() : 0;
      const unsigned char* text = restoration_->image->range(command.offset, size);
      is_there = origin.made == Made::kBinary && origin.text != nullptr && text != nullptr &&
                 object->program->context == find_context(command.context) &&
                 equal(origin.sizes, command.sizes) &&
                 equal(origin.binary_devices, command.devices) && equal(*origin.text, {text, size});
    } else if constexpr (std::is_same_v<Command, BuildProgramCommand>) {
      return origin.built == Built::kBuilt && equal(origin.devices, command.devices) &&
             equal(origin.options, command.options);
    } else if constexpr (std::is_same_v<Command, CompileProgramCommand>) {
      return origin.built == Built::kCompiled && equal(origin.devices, command.devices) &&
             equal(origin.options, command.options) &&
             equal(origin.header_names, command.header_names) &&
             same_inputs(origin, command.headers);
    } else if constexpr (std::is_same_v<Command, LinkProgramCommand>) {
      is_there = origin.made == Made::kLink &&
                 object->program->context == find_context(command.context) &&
                 equal(origin.devices, command.devices) && equal(origin.options, command.options) &&
                 same_inputs(origin, command.inputs);
    }
    if (!is_there) release_program(command.program);
    return is_there;
  }
}

std::string Connection::replay(std::span<const unsigned char> frame) {
  protocol::FrameHeader header;
  protocol::read_header(frame, header);
  const auto opcode = static_cast<Opcode>(header.opcode);
  if (!belongs_into_an_image(opcode)) return "The image holds a command that has no place there.";
  // Decodes twice, which costs nothing beside what the driver does.
  const auto is_there = [&](auto command) { return decode(frame, command) && has_already(command); };
  const auto made = [&](auto command, auto& table, auto id, const char* what) -> std::string {
    if (!decode(frame, command)) return "The image holds a malformed command.";
    return table.find(command.*id) != nullptr ? std::string() : failed(what, command.*id);
  };
  switch (opcode) {
    case Opcode::kCreateSubDevices:
      if (is_there(CreateSubDevicesCommand{})) return {};
      break;
    case Opcode::kCreateContext:
      if (is_there(CreateContextCommand{})) return {};
      break;
    case Opcode::kCreateProgramWithSource:
      if (is_there(CreateProgramWithSourceCommand{})) return {};
      break;
    case Opcode::kCreateProgramWithBinary:
      if (is_there(CreateProgramWithBinaryCommand{})) return {};
      break;
    case Opcode::kBuildProgram:
      if (is_there(BuildProgramCommand{})) return {};
      break;
    case Opcode::kCompileProgram:
      if (is_there(CompileProgramCommand{})) return {};
      break;
    case Opcode::kLinkProgram:
      if (is_there(LinkProgramCommand{})) return {};
      // What it links must be there.
      if (std::string problem = await_builds(); !problem.empty()) return problem;
      break;
    case Opcode::kCreateKernel:
      if (std::string problem = await_builds(); !problem.empty()) return problem;
      break;
    case Opcode::kCreateBuffer: {
      // The image's own memory is the device host's to take back, and holds the contents besides.
      CreateBufferCommand command;
      if (decode(frame, command) && command.arena == kImageArena)
        return "The image holds a buffer that lies in the image.";
      if (is_there(CreateBufferCommand{})) return {};
      break;
    }
    case Opcode::kLaunch: {
      LaunchCommand command;
      if (decode(frame, command) && command.queue == 0 && command.event == 0) break;
      return "The image holds a launch.";
    }
    default:
      break;
  }
  if (dispatch(*this, frame) != protocol::Outcome::kHandled)
    return "The image holds a malformed command.";
  if (!broken_.empty()) return broken_;
  switch (opcode) {
    case Opcode::kCreateSubDevices: {
      CreateSubDevicesCommand command;
      decode(frame, command);
      for (const uint32_t id : command.sub_devices)
        if (devices_.find(id) == nullptr) return failed("sub-device", id);
      return {};
    }
    case Opcode::kCreateContext:
      return made(CreateContextCommand{}, contexts_, &CreateContextCommand::context, "context");
    case Opcode::kCreateQueue:
      return made(CreateQueueCommand{}, queues_, &CreateQueueCommand::queue, "queue");
    case Opcode::kCreateProgramWithSource:
      return made(CreateProgramWithSourceCommand{}, programs_,
                  &CreateProgramWithSourceCommand::program, "program");
    case Opcode::kCreateProgramWithBinary:
      return made(CreateProgramWithBinaryCommand{}, programs_,
                  &CreateProgramWithBinaryCommand::program,
                  "program, which was made from a binary of another driver,");
    case Opcode::kCreateKernel:
      return made(CreateKernelCommand{}, kernels_table_, &CreateKernelCommand::kernel, "kernel");
    case Opcode::kCreateBuffer:
    case Opcode::kCreateSubBuffer: {
      uint32_t id = 0;
      std::memcpy(&id, frame.data() + protocol::kFrameHeaderBytes, sizeof id);
      CreateBufferCommand buffer;
      CreateSubBufferCommand sub_buffer;
      if (decode(frame, buffer)) id = buffer.buffer;
      if (decode(frame, sub_buffer)) id = sub_buffer.buffer;
      const BufferObject* object = buffers_.find(id);
      return object != nullptr && object->error == CL_SUCCESS ? std::string()
                                                              : failed("buffer", id);
    }
    default:
      return {};
  }
}

void Connection::restore_event(const ImageState& state) {
  EventObject* object = events_.insert(state.id);
  if (object == nullptr) return;
  object->context_id = state.other;
  object->queue = state.queue;
  object->profiled = (state.flags & ImageState::kProfiled) != 0;
  object->user = object->resolved = (state.flags & ImageState::kUser) != 0;
  PastEvent past;
  past.status = std::min<cl_int>(state.status, CL_COMPLETE);
  past.has_times = (state.flags & ImageState::kHasTimes) != 0;
  std::ranges::copy(state.numbers, past.times);
  object->past = past;
  object->error = past.status;
  const cl_context context = find_context(state.other);
  if (past.status < 0 || context == nullptr) return;
  cl_event& ended = restoration_->ended[state.other];
  if (ended == nullptr) {
    cl_int status = CL_SUCCESS;
    ended = calls_.clCreateUserEvent(context, &status);
    if (ended == nullptr) return;
    calls_.clSetUserEventStatus(ended, CL_COMPLETE);
  }
  calls_.clRetainEvent(ended);
  object->event = ended;
}

std::string Connection::restore_contents(const ImageState& state) {
  const BufferObject* buffer = buffers_.find(state.id);
  const unsigned char* bytes = restoration_->image->range(state.numbers[0], state.numbers[1]);
  const ContextObject* context = buffer != nullptr ? contexts_.find(buffer->of) : nullptr;
  if (context == nullptr || context->devices.empty() || bytes == nullptr || buffer->sub_buffer ||
      buffer->memory == nullptr || buffer->size != state.numbers[1]) {
    return "The image has contents for no buffer.";
  }
  const cl_device_id device = find_device(context->devices.front());
  return restoration_->contents.write(buffer->context, device, buffer->memory, buffer->size, bytes)
             ? std::string()
             : "The contents of buffer " + std::to_string(state.id) + " can't be written.";
}

std::string Connection::apply(const ImageState& state) {
  switch (state.kind) {
    case ImageState::Kind::kQueue: {
      QueueObject* queue = queues_.find(state.id);
      if (queue == nullptr) return "The image tells of no queue.";
      queue->last_status = state.status;
      queue->progress->continue_from(state.numbers[0]);
      return {};
    }
    case ImageState::Kind::kEndedQueue: {
      if (state.id == 0 || state.id >= queue_slots_.size() || queue_slots_[state.id] != nullptr)
        return "The image tells of no queue.";
      auto& progress = queue_slots_[state.id];
      progress = std::make_shared<QueueProgress>(publisher_, context_.watchdog.alarm(), state.id);
      progress->continue_from(state.numbers[0]);
      return {};
    }
    case ImageState::Kind::kEvent:
      restore_event(state);
      return {};
    case ImageState::Kind::kFailedBuffer: {
      BufferObject* buffer = buffers_.insert(state.id);
      if (buffer == nullptr) return "The image has a buffer twice.";
      buffer->serial = next_serial_++;
      buffer->error = state.status < 0 ? state.status : CL_INVALID_MEM_OBJECT;
      return {};
    }
    case ImageState::Kind::kContents:
      return restore_contents(state);
    case ImageState::Kind::kGroupSize: {
      const KernelObject* kernel = kernels_table_.find(state.id);
      if (kernel == nullptr) return "The image tells of no kernel.";
      const uint64_t here = group_size(*kernel);
      if (here >= state.numbers[0]) return {};
      restoration_->lacks = true;
      return "Kernel " + *kernel->name + " can have " + std::to_string(here) +
             " work-items in a group here, and had " + std::to_string(state.numbers[0]) + ".";
    }
  }
  return "The image holds what nobody knows.";
}

// Of a sketch's buffers those that are not as the image has them: before any other is made, since all
// of them may be more than the vGPU has.
void Connection::release_unwanted_buffers(ImageReader reader) {
  std::set<uint32_t> wanted;
  for (auto frame = reader.next_frame(); !frame.empty(); frame = reader.next_frame()) {
    CreateBufferCommand command;
    if (!decode(frame, command)) continue;
    const BufferObject* buffer = buffers_.find(command.buffer);
    // None of a sketch lies in an arena.
    if (command.arena == 0 && buffer != nullptr && buffer->of == command.context &&
        buffer->size == command.size && buffer->flags == command.flags &&
        buffer->context == find_context(command.context))
      wanted.insert(command.buffer);
  }
  std::vector<uint32_t> unwanted;
  buffers_.for_each([&](uint32_t id, const BufferObject&) {
    if (!wanted.contains(id)) unwanted.push_back(id);
  });
  for (const uint32_t id : unwanted) release_buffer(id);
}

// What a sketch had and the program has released since.
void Connection::release_strangers() {
  const auto release = [](auto& table, const std::set<uint32_t>& known, auto free) {
    std::vector<uint32_t> strangers;
    table.for_each([&](uint32_t id, auto&) {
      if (!known.contains(id)) strangers.push_back(id);
    });
    for (const uint32_t id : strangers) free(id);
  };
  release(programs_, restoration_->programs, [&](uint32_t id) { release_program(id); });
  release(contexts_, restoration_->contexts, [&](uint32_t id) { release_context(id); });
  release(devices_, restoration_->devices, [&](uint32_t id) { release_device(id); });
}

std::string Connection::restore(int image, uint64_t bytes, bool& lacks) {
  if (!arenas_.add(kImageArena, image, bytes, {})) return "The image can't be mapped.";
  restoration_ = std::make_shared<Restoration>(calls_);
  restoration_->image = arenas_.find(kImageArena);
  ImageReader reader;
  std::string problem;
  if (!reader.open(restoration_->image->mapping)) problem = "The image is none.";
  const ImageHeader& header = reader.header();
  if (problem.empty()) {
    std::string lack = lacking(reader.report(), report(context_.driver.device));
    if (lack.empty() && header.shared_pages != 0 && !context_.shared_pages)
      lack = "buffers in pages that both ends map";
    if (!lack.empty()) problem = "Here is lacking: " + lack + ".";
    lacks = !lack.empty();
  }
  restoring_ = true;
  replies_.mute(true);
  if (problem.empty()) release_unwanted_buffers(reader);
  while (problem.empty()) {
    const auto frame = reader.next_frame();
    if (frame.empty()) break;
    problem = replay(frame);
  }
  if (problem.empty() && reader.broken()) problem = "The image holds a malformed command.";
  if (problem.empty()) problem = await_builds();
  if (problem.empty() && header.sketch != 0) {
    buffers_.for_each([&](uint32_t, const BufferObject& buffer) {
      const ContextObject* context = contexts_.find(buffer.of);
      if (context == nullptr || context->devices.empty() || buffer.memory == nullptr) return;
      restoration_->contents.touch(buffer.context, find_device(context->devices.front()),
                                   buffer.memory, buffer.size);
    });
  }
  if (problem.empty() && header.sketch == 0) {
    for (const ImageState& state : reader.states())
      if (problem.empty()) problem = apply(state);
    release_strangers();
    ring_.continue_from(header.ring_head);
    publisher_->continue_from(header.notify_tail, header.print_tail);
  }
  const std::string builds = await_builds();
  replies_.mute(false);
  restoring_ = false;
  lacks = lacks || restoration_->lacks;
  for (const auto& [context, event] : restoration_->ended)
    if (event != nullptr) calls_.clReleaseEvent(event);
  restoration_.reset();
  arenas_.take(kImageArena);
  return problem.empty() ? builds : problem;
}

}  // namespace aliquot::worker
