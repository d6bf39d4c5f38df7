// The image of a connection: the commands that would make its objects anew. Where it stands still, all
// of it; else the programs alone, which take long to build.
#include <algorithm>
#include <map>

#include "worker/connection.h"
#include "worker/contents.h"
#include "worker/report_match.h"

namespace aliquot::worker {

using namespace opencl;

namespace {

constexpr uint32_t kMostPrograms = 1u << 16;
constexpr size_t kMostArguments = 32768;  // bytes of a launch's, see commands.toml

std::span<const uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

// Writes one draft.
class Connection::Drafter {
 public:
  Drafter(Connection& connection, ImageDraft& draft) : connection_(connection), draft_(draft) {}

  /// A sentence, where something can't be made again.
  std::string problem;

  void add_devices();
  void add_contexts();
  void add_programs();
  void drop_helpers();
  void add_queues();
  void add_buffers();
  void add_kernels();
  void add_events();

 private:
  using Origin = std::shared_ptr<const ProgramOrigin>;
  uint32_t id_of(const Origin& origin);
  void add_program(const Origin& origin, uint32_t context);
  void add_arguments(uint32_t id, const KernelObject& kernel);
  void add_group_size(uint32_t id, const KernelObject& kernel);

  Connection& connection_;
  ImageDraft& draft_;
  std::map<const ProgramOrigin*, uint32_t> ids_;
  std::map<const ProgramOrigin*, bool> added_;
  std::vector<uint32_t> helpers_;  // programs that no id stands for any more
  uint32_t next_helper_ = kMostPrograms;
};

void Connection::Drafter::add_devices() {
  std::map<uint64_t, std::shared_ptr<const Partition>> partitions;
  connection_.devices_.for_each([&](uint32_t, const DeviceObject& object) {
    if (object.partition != nullptr) partitions[object.partition->serial] = object.partition;
  });
  for (const auto& [serial, partition] : partitions) {
    draft_.add_frame(partition->frame);
    CreateSubDevicesCommand command;
    decode(partition->frame, command);
    // Those that were released since.
    for (const uint32_t id : command.sub_devices) {
      const DeviceObject* object = connection_.devices_.find(id);
      if (object != nullptr && object->partition == partition) continue;
      draft_.add(ReleaseCommand{static_cast<uint32_t>(ObjectKind::kDevice), id});
    }
  }
}

void Connection::Drafter::add_contexts() {
  connection_.contexts_.for_each([&](uint32_t id, const ContextObject& object) {
    draft_.add(CreateContextCommand{{}, id, object.devices});
  });
}

uint32_t Connection::Drafter::id_of(const Origin& origin) {
  uint32_t& id = ids_[origin.get()];
  while (id == 0 && next_helper_ != 0) {
    const uint32_t candidate = next_helper_--;
    if (connection_.programs_.find(candidate) != nullptr) continue;
    id = candidate;
    helpers_.push_back(id);
  }
  return id;
}

// After all that it is made of.
void Connection::Drafter::add_program(const Origin& origin, uint32_t context) {
  if (std::exchange(added_[origin.get()], true)) return;
  const uint32_t id = id_of(origin);
  std::vector<uint32_t> inputs;
  for (const Origin& input : origin->inputs) {
    add_program(input, context);
    inputs.push_back(id_of(input));
  }
  switch (origin->made) {
    case ProgramOrigin::Made::kSource:
      draft_.add(CreateProgramWithSourceCommand{{}, id, context, kImageArena,
                                                draft_.add_text(origin->text),
                                                origin->text->size()});
      break;
    case ProgramOrigin::Made::kBinary:
      draft_.add(CreateProgramWithBinaryCommand{{}, id, context, origin->binary_devices,
                                                origin->sizes, kImageArena,
                                                draft_.add_text(origin->text)});
      break;
    case ProgramOrigin::Made::kLink:
      draft_.add(LinkProgramCommand{{}, id, context, origin->devices, bytes_of(origin->options),
                                    inputs});
      return;
  }
  if (origin->built == ProgramOrigin::Built::kBuilt) {
    draft_.add(BuildProgramCommand{{}, id, origin->devices, bytes_of(origin->options)});
  } else if (origin->built == ProgramOrigin::Built::kCompiled) {
    draft_.add(CompileProgramCommand{{}, id, origin->devices, bytes_of(origin->options), inputs,
                                     bytes_of(origin->header_names)});
  }
}

void Connection::Drafter::add_programs() {
  const auto for_each_live = [&](auto visit) {
    connection_.programs_.for_each([&](uint32_t id, const ProgramObject& object) {
      // A link that failed made no program.
      if (object.program->program.load() != nullptr || object.program->pending.load())
        visit(id, object);
    });
  };
  for_each_live([&](uint32_t id, const ProgramObject& object) {
    ids_[object.program->origin.get()] = id;
    if (!object.program->origin->whole())
      problem = "A program is too long, or linked of too many, to be made again.";
  });
  if (!problem.empty()) return;
  for_each_live([&](uint32_t, const ProgramObject& object) {
    add_program(object.program->origin, object.context_id);
  });
}

void Connection::Drafter::drop_helpers() {
  for (const uint32_t id : helpers_) {
    draft_.add(ReleaseCommand{static_cast<uint32_t>(ObjectKind::kProgram), id});
  }
}

void Connection::Drafter::add_queues() {
  connection_.queues_.for_each([&](uint32_t id, const QueueObject& object) {
    const uint64_t properties =
        (object.in_order ? 0 : CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE) |
        (object.profiled ? CL_QUEUE_PROFILING_ENABLE : 0);
    draft_.add(CreateQueueCommand{{}, id, object.context_id, object.device_id, properties});
  });
  for (uint32_t id = 1; id < connection_.queue_slots_.size(); ++id) {
    const auto& progress = connection_.queue_slots_[id];
    if (progress == nullptr) continue;
    const QueueObject* queue = connection_.queues_.find(id);
    ImageState state;
    state.kind = queue != nullptr ? ImageState::Kind::kQueue : ImageState::Kind::kEndedQueue;
    state.id = id;
    state.status = queue != nullptr ? queue->last_status : CL_SUCCESS;
    state.numbers[0] = progress->published();
    draft_.add(state);
  }
}

void Connection::Drafter::add_buffers() {
  const auto add = [&](uint32_t id, const BufferObject& object) {
    if (object.error != CL_SUCCESS) {
      ImageState state;
      state.kind = ImageState::Kind::kFailedBuffer;
      state.id = id;
      state.status = object.error;
      return draft_.add(state);
    }
    if (object.sub_buffer) {
      return draft_.add(
          CreateSubBufferCommand{id, object.of, object.flags, object.offset, object.size});
    }
    draft_.add(CreateBufferCommand{id, object.of, object.flags, object.size, object.arena,
                                   object.offset});
    if (object.arena != 0) return;  // its contents lie in pages that stay where they are
    ImageState state;
    state.kind = ImageState::Kind::kContents;
    state.id = id;
    state.numbers[0] = draft_.add_room(object.size);
    state.numbers[1] = object.size;
    draft_.add(state);
  };
  for (const bool sub_buffers : {false, true}) {
    connection_.buffers_.for_each([&](uint32_t id, const BufferObject& object) {
      if (object.sub_buffer == sub_buffers) add(id, object);
    });
  }
}

// In launches for no queue, which set the arguments and do no more.
void Connection::Drafter::add_arguments(uint32_t id, const KernelObject& kernel) {
  std::vector<uint8_t> bytes;
  const auto flush = [&] {
    LaunchCommand command;
    command.kernel = id;
    command.arguments = bytes;
    if (!bytes.empty()) draft_.add(command);
    bytes.clear();
  };
  for (uint32_t index = 0; index < kernel.settings.size(); ++index) {
    const KernelObject::Setting& setting = kernel.settings[index];
    if (!setting.set) continue;
    if (setting.buffer != 0) {
      const BufferObject* buffer = connection_.buffers_.find(setting.buffer);
      if (buffer == nullptr || buffer->serial != setting.serial) continue;
    }
    const auto argument_class = kernel.arguments[index].argument_class;
    const uint32_t header[] = {index, static_cast<uint32_t>(argument_class), setting.bytes,
                               setting.buffer};
    const bool is_value = argument_class == ArgumentClass::kValue;
    const size_t value = is_value ? protocol::padded(setting.value.size()) : 0;
    if (bytes.size() + sizeof header + value > kMostArguments) flush();
    const auto* words = reinterpret_cast<const uint8_t*>(header);
    bytes.insert(bytes.end(), words, words + sizeof header);
    if (!is_value) continue;
    bytes.insert(bytes.end(), setting.value.begin(), setting.value.end());
    bytes.resize(protocol::padded(bytes.size()));
  }
  flush();
}

void Connection::Drafter::add_group_size(uint32_t id, const KernelObject& kernel) {
  ImageState state;
  state.kind = ImageState::Kind::kGroupSize;
  state.id = id;
  state.numbers[0] = connection_.group_size(kernel);
  draft_.add(state);
}

void Connection::Drafter::add_kernels() {
  connection_.kernels_table_.for_each([&](uint32_t id, const KernelObject& object) {
    const auto program = ids_.find(object.program->origin.get());
    if (program == ids_.end()) {
      problem = "A kernel's program was released.";
      return;
    }
    draft_.add(CreateKernelCommand{{}, id, program->second, bytes_of(*object.name)});
    add_arguments(id, object);
    add_group_size(id, object);
  });
}

void Connection::Drafter::add_events() {
  const Driver& driver = connection_.context_.driver;
  connection_.events_.for_each([&](uint32_t id, const EventObject& object) {
    if (object.user && !object.resolved) {
      draft_.add(CreateUserEventCommand{id, object.context_id});
      if (object.watch != nullptr) {
        const uint32_t levels = object.watch->levels();
        draft_.add(WatchEventCommand{id, levels != 0 ? 1u : 0u, levels});
      }
      return;
    }
    ImageState state;
    state.kind = ImageState::Kind::kEvent;
    state.id = id;
    state.other = object.context_id;
    state.queue = object.queue;
    state.status = object.error;
    if (object.user) state.flags |= ImageState::kUser;
    if (object.profiled) state.flags |= ImageState::kProfiled;
    PastEvent past;
    if (object.past) {
      past = *object.past;
    } else if (object.event != nullptr) {
      driver.calls.clGetEventInfo(object.event, CL_EVENT_COMMAND_EXECUTION_STATUS,
                                  sizeof past.status, &past.status, nullptr);
      if (past.status > CL_COMPLETE) problem = "A command has not ended.";
      if (object.profiled && past.status == CL_COMPLETE) {
        past.has_times = times_of(driver, object.event).has_times;
        std::ranges::copy(times_of(driver, object.event).times, past.times);
      }
    } else {
      past.status = object.error;
    }
    state.status = past.status;
    if (past.has_times) state.flags |= ImageState::kHasTimes;
    std::ranges::copy(past.times, state.numbers);
    draft_.add(state);
  });
}

bool Connection::draft(bool sketch, ImageDraft& draft, std::string& obstacle) {
  Drafter drafter(*this, draft);
  const std::vector<unsigned char> told = report(context_.driver.device);
  draft.header.report_bytes = told.size();
  draft.header.report_at =
      draft.add_text(std::make_shared<const std::string>(told.begin(), told.end()));
  draft.header.sketch = sketch ? 1 : 0;
  draft.header.shared_pages = context_.shared_pages ? 1 : 0;
  drafter.add_devices();
  drafter.add_contexts();
  drafter.add_programs();
  if (!sketch && drafter.problem.empty()) {
    draft.header.ring_head = ring_.head();
    draft.header.notify_tail = publisher_->notify_tail();
    draft.header.print_tail = publisher_->print_tail();
    drafter.add_queues();
    drafter.add_buffers();
    drafter.add_kernels();
    drafter.add_events();
    drafter.drop_helpers();
  }
  draft.finish();
  obstacle = drafter.problem;
  return obstacle.empty();
}

// As guest processes see the device.
std::vector<unsigned char> Connection::report(cl_device_id device) const {
  const ReportLimits limits{context_.quota->limit(), context_.device_type};
  static const OtherReports kNone;
  return common_device_report(context_.driver, device, limits,
                              context_.other_reports != nullptr ? *context_.other_reports : kNone);
}

// No kernel of a movable vGPU claims larger work-groups than the vGPU does.
uint64_t Connection::at_most_told(uint64_t group_size) const {
  if (context_.other_reports == nullptr) return group_size;
  const uint64_t told =
      report_number(report(context_.driver.device), CL_DEVICE_MAX_WORK_GROUP_SIZE);
  return std::min(group_size, told);
}

uint64_t Connection::group_size(const KernelObject& kernel) {
  size_t size = 0;
  size_t bytes = 0;
  cl_device_id device = nullptr;
  // Of the first device that it was built for; all of a vGPU are parts of one.
  if (calls_.clGetProgramInfo(kernel.program->program.load(), CL_PROGRAM_DEVICES, 0, nullptr,
                              &bytes) != CL_SUCCESS ||
      bytes < sizeof device) {
    return 0;
  }
  std::vector<cl_device_id> devices(bytes / sizeof device);
  calls_.clGetProgramInfo(kernel.program->program.load(), CL_PROGRAM_DEVICES, bytes, devices.data(),
                          nullptr);
  calls_.clGetKernelWorkGroupInfo(kernel.kernel, devices.front(), CL_KERNEL_WORK_GROUP_SIZE,
                                  sizeof size, &size, nullptr);
  return at_most_told(size);
}

std::string Connection::save(const ImageDraft& draft, unsigned char* image) {
  Contents contents(calls_);
  for (const ImageState& state : draft.states()) {
    if (state.kind != ImageState::Kind::kContents) continue;
    const BufferObject* buffer = buffers_.find(state.id);
    const ContextObject* context = buffer != nullptr ? contexts_.find(buffer->of) : nullptr;
    const cl_device_id device = context != nullptr && !context->devices.empty()
                                    ? find_device(context->devices.front())
                                    : nullptr;
    if (device == nullptr || !contents.read(buffer->context, device, buffer->memory, buffer->size,
                                            image + state.numbers[0])) {
      return "The contents of buffer " + std::to_string(state.id) + " can't be read.";
    }
  }
  return {};
}

}  // namespace aliquot::worker
