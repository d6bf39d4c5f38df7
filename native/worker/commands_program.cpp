// Programs: from source or binary, built off the decode thread.
#include <string.h>

#include <algorithm>
#include <numeric>

#include "worker/connection.h"
#include "worker/query.h"
#include "worker/report_filter.h"
#include "worker/split_safety.h"

namespace aliquot::worker {

using namespace opencl;

Program::Program(const Driver& driver_of, cl_context context_of)
    : driver(driver_of), context(context_of) {
  driver.calls.clRetainContext(context);
}

Program::~Program() {
  if (const cl_program held = program.load()) driver.calls.clReleaseProgram(held);
  driver.calls.clReleaseContext(context);
}

namespace {

constexpr uint64_t kLargestProgram = 256u << 20;  // bytes of source or of all binaries

bool contains(const void* data, size_t size, const char* word) {
  return memmem(data, size, word, std::strlen(word)) != nullptr;
}

// Whether kernels made of this text may print; an include may bring in anything.
bool may_print(const void* data, size_t size) {
  return contains(data, size, "printf") || contains(data, size, "#include") ||
         contains(data, size, "# include");
}

std::string text_of(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// What the program was built for before is of no account.
template <class Command>
void note_build(ProgramOrigin& origin, ProgramOrigin::Built built, const Command& command) {
  origin.built = built;
  origin.options = text_of(command.options);
  origin.devices.assign(command.devices.begin(), command.devices.end());
  origin.header_names.clear();
  origin.inputs.clear();
  origin.depth = 0;
}

void add_input(ProgramOrigin& origin, const Program& input) {
  origin.inputs.push_back(input.origin);
  origin.depth = std::max(origin.depth, input.origin->depth + 1);
}

}  // namespace

void Connection::on(const CreateProgramWithSourceCommand& command) {
  if (!check_reply(command.reply)) return;
  const cl_context context = find_context(command.context);
  if (context == nullptr) return replies_.answer(command.reply, CL_INVALID_CONTEXT);
  if (command.size > kLargestProgram) return replies_.answer(command.reply, CL_OUT_OF_HOST_MEMORY);
  const auto arena = arenas_.find(command.arena);
  const unsigned char* shared = arena ? arena->range(command.offset, command.size) : nullptr;
  if (shared == nullptr) return replies_.answer(command.reply, CL_INVALID_VALUE);
  // The compiler must not see the source change under its eyes.
  std::string source(reinterpret_cast<const char*>(shared), command.size);
  ProgramObject* object = programs_.insert(command.program);
  if (object == nullptr) return replies_.answer(command.reply, CL_OUT_OF_RESOURCES);
  const char* texts[] = {source_preamble().data(), source.data()};
  const size_t lengths[] = {source_preamble().size(), source.size()};
  cl_int status = CL_SUCCESS;
  const cl_program made = calls_.clCreateProgramWithSource(context, 2, texts, lengths, &status);
  if (made == nullptr) {
    programs_.erase(command.program);
    return replies_.answer(command.reply, status != CL_SUCCESS ? status : CL_OUT_OF_RESOURCES);
  }
  object->program = std::make_shared<Program>(context_.driver, context);
  object->program->program.store(made);
  object->program->prints.store(may_print(source.data(), source.size()));
  object->program->unsplit_by_source = unsplit_by_source(source);
  auto origin = std::make_shared<ProgramOrigin>();
  origin->text = texts_.keep(std::move(source));
  object->program->origin = std::move(origin);
  object->context_id = command.context;
  replies_.answer(command.reply, CL_SUCCESS);
}

void Connection::on(const CreateProgramWithBinaryCommand& command) {
  if (!check_reply(command.reply)) return;
  const cl_context context = find_context(command.context);
  if (context == nullptr) return replies_.answer(command.reply, CL_INVALID_CONTEXT);
  std::vector<cl_device_id> devices;
  cl_int status = find_devices(command.devices, devices);
  if (status != CL_SUCCESS) return replies_.answer(command.reply, status);
  if (devices.empty() || devices.size() != command.sizes.size()) {
    return replies_.answer(command.reply, CL_INVALID_VALUE);
  }
  uint64_t total = 0;
  for (const uint64_t size : command.sizes) {
    if (size == 0) return replies_.answer(command.reply, CL_INVALID_VALUE);
    if (size > kLargestProgram - total) {
      return replies_.answer(command.reply, CL_OUT_OF_HOST_MEMORY);
    }
    total += size;
  }
  const auto arena = arenas_.find(command.arena);
  const unsigned char* shared = arena ? arena->range(command.offset, total) : nullptr;
  if (shared == nullptr) return replies_.answer(command.reply, CL_INVALID_VALUE);
  const std::vector<unsigned char> copy(shared, shared + total);
  std::vector<const unsigned char*> binaries;
  std::vector<size_t> sizes;
  uint64_t at = 0;
  for (const uint64_t size : command.sizes) {
    binaries.push_back(copy.data() + at);
    sizes.push_back(size);
    at += size;
  }
  ProgramObject* object = programs_.insert(command.program);
  if (object == nullptr) return replies_.answer(command.reply, CL_OUT_OF_RESOURCES);
  std::vector<cl_int> statuses(devices.size(), CL_SUCCESS);
  const cl_program made = calls_.clCreateProgramWithBinary(
      context, static_cast<cl_uint>(devices.size()), devices.data(), sizes.data(), binaries.data(),
      statuses.data(), &status);
  ReplyBytes answer;
  for (const cl_int each : statuses) answer.add(each);
  if (made == nullptr) {
    programs_.erase(command.program);
    if (status == CL_SUCCESS) status = CL_INVALID_BINARY;
    return replies_.answer(command.reply, status, answer.bytes());
  }
  object->program = std::make_shared<Program>(context_.driver, context);
  object->program->program.store(made);
  object->program->prints.store(true);  // nobody knows
  auto origin = std::make_shared<ProgramOrigin>();
  origin->made = ProgramOrigin::Made::kBinary;
  origin->text = texts_.keep({reinterpret_cast<const char*>(copy.data()), copy.size()});
  origin->sizes.assign(command.sizes.begin(), command.sizes.end());
  origin->binary_devices.assign(command.devices.begin(), command.devices.end());
  object->program->origin = std::move(origin);
  object->context_id = command.context;
  replies_.answer(command.reply, status, answer.bytes());
}

template <class Build>
void Connection::build_aside(const std::shared_ptr<Program>& program,
                             const opencl::ReplyTarget& target, Build build) {
  program->builds.fetch_add(1);
  const bool queued = builder_.add([program, target, build, replies = build_replies_,
                                    compilers = context_.compilers] {
    cl_int status = CL_SUCCESS;
    compilers->run([&] { status = build(); });
    program->builds.fetch_sub(1);
    replies->answer(target, status);
  });
  if (queued) return;
  program->builds.fetch_sub(1);
  replies_.answer(target, CL_OUT_OF_RESOURCES);
}

void Connection::on(const BuildProgramCommand& command) {
  if (!check_reply(command.reply)) return;
  std::shared_ptr<Program> program;
  std::vector<cl_device_id> devices;
  if (find_program(command.program, &program) == nullptr) {
    return replies_.answer(command.reply, CL_INVALID_PROGRAM);
  }
  const cl_int status = find_devices(command.devices, devices);
  if (status != CL_SUCCESS) return replies_.answer(command.reply, status);
  if (may_print(command.options.data(), command.options.size())) program->prints.store(true);
  program->unsplit.store(program->unsplit_by_source != UnsplitReason::kNone
                             ? program->unsplit_by_source
                             : unsplit_by_options(text_of(command.options)));
  auto origin = std::make_shared<ProgramOrigin>(*program->origin);
  note_build(*origin, ProgramOrigin::Built::kBuilt, command);
  if (origin->made != ProgramOrigin::Made::kLink) program->origin = std::move(origin);
  const auto kept = std::make_shared<KeptDevices>(calls_, std::move(devices));
  build_aside(program, command.reply,
              [&calls = calls_, program, kept, options = text_of(command.options)] {
                return calls.clBuildProgram(program->program.load(), kept->count(), kept->data(),
                                            options.c_str(), nullptr, nullptr);
              });
}

void Connection::on(const CompileProgramCommand& command) {
  if (!check_reply(command.reply)) return;
  std::shared_ptr<Program> program;
  std::vector<cl_device_id> devices;
  if (find_program(command.program, &program) == nullptr) {
    return replies_.answer(command.reply, CL_INVALID_PROGRAM);
  }
  if (calls_.clCompileProgram == nullptr) {
    return replies_.answer(command.reply, CL_INVALID_OPERATION);
  }
  const cl_int status = find_devices(command.devices, devices);
  if (status != CL_SUCCESS) return replies_.answer(command.reply, status);
  std::vector<std::shared_ptr<Program>> headers;
  for (const uint32_t id : command.headers) {
    std::shared_ptr<Program> header;
    if (find_program(id, &header) == nullptr) {
      return replies_.answer(command.reply, CL_INVALID_PROGRAM);
    }
    if (header->prints.load()) program->prints.store(true);
    headers.push_back(std::move(header));
  }
  std::vector<std::string> names;
  const std::string joined = text_of(command.header_names);
  for (size_t at = 0; at < joined.size(); at += names.back().size() + 1) {
    names.emplace_back(joined.c_str() + at);
  }
  if (names.size() != headers.size()) return replies_.answer(command.reply, CL_INVALID_VALUE);
  auto origin = std::make_shared<ProgramOrigin>(*program->origin);
  note_build(*origin, ProgramOrigin::Built::kCompiled, command);
  origin->header_names = joined;
  for (const auto& header : headers) add_input(*origin, *header);
  if (origin->made != ProgramOrigin::Made::kLink) program->origin = std::move(origin);
  if (may_print(command.options.data(), command.options.size())) program->prints.store(true);
  const auto kept = std::make_shared<KeptDevices>(calls_, std::move(devices));
  build_aside(program, command.reply,
              [&calls = calls_, program, kept, headers, names,
               options = text_of(command.options)] {
    std::vector<cl_program> header_programs;
    std::vector<const char*> header_names;
    for (size_t i = 0; i < headers.size(); ++i) {
      header_programs.push_back(headers[i]->program.load());
      header_names.push_back(names[i].c_str());
    }
    const bool any = !headers.empty();
    return calls.clCompileProgram(program->program.load(), kept->count(), kept->data(),
                                  options.c_str(), static_cast<cl_uint>(headers.size()),
                                  any ? header_programs.data() : nullptr,
                                  any ? header_names.data() : nullptr, nullptr, nullptr);
  });
}

void Connection::on(const LinkProgramCommand& command) {
  if (!check_reply(command.reply)) return;
  const cl_context context = find_context(command.context);
  if (context == nullptr) return replies_.answer(command.reply, CL_INVALID_CONTEXT);
  if (calls_.clLinkProgram == nullptr) return replies_.answer(command.reply, CL_INVALID_OPERATION);
  std::vector<cl_device_id> devices;
  const cl_int status = find_devices(command.devices, devices);
  if (status != CL_SUCCESS) return replies_.answer(command.reply, status);
  if (command.inputs.empty()) return replies_.answer(command.reply, CL_INVALID_VALUE);
  auto program = std::make_shared<Program>(context_.driver, context);
  std::vector<std::shared_ptr<Program>> inputs;
  for (const uint32_t id : command.inputs) {
    std::shared_ptr<Program> input;
    if (find_program(id, &input) == nullptr) {
      return replies_.answer(command.reply, CL_INVALID_PROGRAM);
    }
    if (input->context != context) return replies_.answer(command.reply, CL_INVALID_PROGRAM);
    if (input->prints.load()) program->prints.store(true);
    inputs.push_back(std::move(input));
  }
  // The id of a link that made no program is free again.
  const ProgramObject* earlier = programs_.find(command.program);
  if (earlier != nullptr && earlier->program->program.load() == nullptr &&
      !earlier->program->pending.load()) {
    programs_.erase(command.program);
  }
  ProgramObject* object = programs_.insert(command.program);
  if (object == nullptr) return replies_.answer(command.reply, CL_OUT_OF_RESOURCES);
  object->program = program;
  object->context_id = command.context;
  auto origin = std::make_shared<ProgramOrigin>();
  origin->made = ProgramOrigin::Made::kLink;
  note_build(*origin, ProgramOrigin::Built::kBuilt, command);
  for (const auto& input : inputs) add_input(*origin, *input);
  program->origin = std::move(origin);
  program->pending.store(true);
  const auto kept = std::make_shared<KeptDevices>(calls_, std::move(devices));
  const bool queued = builder_.add([&calls = calls_, program, kept, inputs,
                                    options = text_of(command.options), reply = command.reply,
                                    replies = build_replies_, compilers = context_.compilers] {
    std::vector<cl_program> input_programs;
    for (const auto& input : inputs) input_programs.push_back(input->program.load());
    cl_int link_status = CL_SUCCESS;
    cl_program made = nullptr;
    compilers->run([&] {
      made = calls.clLinkProgram(program->context, kept->count(), kept->data(), options.c_str(),
                                 static_cast<cl_uint>(inputs.size()), input_programs.data(),
                                 nullptr, nullptr, &link_status);
    });
    program->program.store(made);
    program->pending.store(false);
    ReplyBytes answer;
    answer.add<uint32_t>(made != nullptr ? 1 : 0);
    replies->answer(reply, link_status, answer.bytes());
  });
  if (queued) return;
  programs_.erase(command.program);
  replies_.answer(command.reply, CL_OUT_OF_RESOURCES);
}

namespace {

template <class Replies>
void answer_program_info(const cl_icd_dispatch& calls, cl_program program,
                         const ProgramInfoCommand& command, Replies& replies) {
  if (command.parameter != CL_PROGRAM_BINARIES) {
    return answer_query(replies, command.reply, [&](size_t capacity, void* out, size_t* size) {
      return calls.clGetProgramInfo(program, command.parameter, capacity, out, size);
    });
  }
  cl_uint count = 0;
  cl_int status =
      calls.clGetProgramInfo(program, CL_PROGRAM_NUM_DEVICES, sizeof count, &count, nullptr);
  if (status != CL_SUCCESS || count > 256) return replies.answer(command.reply, status);
  std::vector<size_t> sizes(count, 0);
  status = calls.clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, count * sizeof(size_t),
                                  sizes.data(), nullptr);
  if (status != CL_SUCCESS) return replies.answer(command.reply, status);
  uint64_t total = 0;
  for (const size_t size : sizes) {
    if (size > kLargestProgram - total) {
      return replies.answer(command.reply, CL_OUT_OF_HOST_MEMORY);
    }
    total += size;
  }
  std::vector<unsigned char> bytes(total);
  std::vector<unsigned char*> places(count, nullptr);
  uint64_t at = 0;
  for (cl_uint i = 0; i < count; ++i) {
    if (sizes[i] != 0) places[i] = bytes.data() + at;
    at += sizes[i];
  }
  status = calls.clGetProgramInfo(program, CL_PROGRAM_BINARIES, count * sizeof(unsigned char*),
                                  places.data(), nullptr);
  replies.answer(command.reply, status, bytes);
}

}  // namespace

// What a driver is asked of a program that it builds may take as long as the build: the builder
// asks it then.
void Connection::on(const ProgramInfoCommand& command) {
  if (!check_reply(command.reply)) return;
  std::shared_ptr<Program> program;
  const cl_program handle = find_program(command.program, &program);
  if (handle == nullptr) return replies_.answer(command.reply, CL_INVALID_PROGRAM);
  if (command.parameter == CL_PROGRAM_REFERENCE_COUNT || command.parameter == CL_PROGRAM_CONTEXT ||
      command.parameter == CL_PROGRAM_DEVICES) {  // handles; the guest driver knows its own
    return replies_.answer(command.reply, CL_INVALID_VALUE);
  }
  if (program->builds.load() == 0) {
    return answer_program_info(calls_, handle, command, replies_);
  }
  const bool queued = builder_.add([&calls = calls_, program, command, replies = build_replies_] {
    answer_program_info(calls, program->program.load(), command, *replies);
  });
  if (!queued) replies_.answer(command.reply, CL_OUT_OF_RESOURCES);
}

void Connection::on(const ProgramBuildInfoCommand& command) {
  if (!check_reply(command.reply)) return;
  std::shared_ptr<Program> program;
  const cl_program handle = find_program(command.program, &program);
  const cl_device_id device = find_device(command.device);
  if (handle == nullptr) return replies_.answer(command.reply, CL_INVALID_PROGRAM);
  if (device == nullptr) return replies_.answer(command.reply, CL_INVALID_DEVICE);
  const auto ask = [&calls = calls_, handle, command](auto& replies, cl_device_id of) {
    answer_query(replies, command.reply, [&](size_t capacity, void* out, size_t* size) {
      return calls.clGetProgramBuildInfo(handle, of, command.parameter, capacity, out, size);
    });
  };
  if (program->builds.load() == 0) return ask(replies_, device);
  if (command.parameter == CL_PROGRAM_BUILD_STATUS) {
    ReplyBytes answer;
    answer.add<cl_build_status>(CL_BUILD_IN_PROGRESS);
    return replies_.answer(command.reply, CL_SUCCESS, answer.bytes());
  }
  const auto kept = std::make_shared<KeptDevices>(calls_, std::vector<cl_device_id>{device});
  const bool queued = builder_.add([ask, program, kept, replies = build_replies_] {
    ask(*replies, *kept->data());
  });
  if (!queued) replies_.answer(command.reply, CL_OUT_OF_RESOURCES);
}

// A build under way keeps its program, and with some drivers (PoCL) all that are released meanwhile.
void Connection::release_program(uint32_t id) {
  ProgramObject* object = programs_.find(id);
  if (object == nullptr) return;
  drop_program(object->program);
  programs_.erase(id);
}

void Connection::drop_program(std::shared_ptr<Program>& program) {
  builder_.take(program);
  program.reset();
}

}  // namespace aliquot::worker
