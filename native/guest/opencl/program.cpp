// Programs: creation from source and binary, counts. Builds are in build.cpp, queries in
// program_info.cpp.
//
// A program from source is only noted here at first. The worker gets the text with the first build
// or compilation, when it is known which headers the text needs (see includes.h).
#include "guest/opencl/program.h"

#include "generated/opencl_functions.h"
#include "guest/opencl/answer.h"
#include "guest/opencl/info_cache.h"

namespace aliquot::guest::opencl {

namespace {

constexpr size_t kMostDevices = 256;

/// FNV-1a, never 0. Tells apart the texts of one tenant's own program; not a defence.
uint64_t fingerprint(const char* text, size_t bytes) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (size_t i = 0; i < bytes; ++i) {
    hash = (hash ^ static_cast<unsigned char>(text[i])) * 0x100000001b3u;
  }
  return hash == 0 ? 1 : hash;
}

/// Adds up the pieces of a source. False: too long for this machine.
bool measure(cl_uint count, const char** strings, const size_t* lengths, size_t* total) {
  *total = 0;
  for (cl_uint i = 0; i < count; ++i) {
    const size_t length =
        lengths != nullptr && lengths[i] != 0 ? lengths[i] : strlen(strings[i]);
    if (length > SIZE_MAX / 2 - *total) return false;
    *total += length;
  }
  return true;
}

}  // namespace

bool copy_string(char** target, const char* source) {
  char* copy = source == nullptr ? nullptr : strdup(source);
  if (source != nullptr && copy == nullptr) return false;
  free(*target);
  *target = copy;
  return true;
}

Program* make_program(Context& context, cl_uint count, const cl_device_id* devices,
                      cl_int* status) {
  if (context.connection->dead()) {
    *status = CL_OUT_OF_RESOURCES;
    return nullptr;
  }
  Program* program = make<Program>(context.connection);
  *status = program == nullptr ? CL_OUT_OF_HOST_MEMORY : CL_SUCCESS;
  if (program == nullptr) return nullptr;
  program->context = &context;
  hold(context);
  const size_t wanted = count == 0 ? context.devices.size() : count;
  if (wanted > kMostDevices) *status = CL_INVALID_VALUE;
  for (size_t i = 0; i < wanted && *status == CL_SUCCESS; ++i) {
    Device* device = count == 0 ? context.devices[i] : from_handle<Device>(devices[i]);
    if (device == nullptr || !context.has(device)) *status = CL_INVALID_DEVICE;
    else if (!program->devices.push_back(device)) *status = CL_OUT_OF_HOST_MEMORY;
  }
  if (*status == CL_SUCCESS) return program;
  release(*program);
  return nullptr;
}

cl_int create_remotely(Program& program, const char* text, size_t bytes) {
  if (program.id != 0 && program.source == nullptr) return CL_SUCCESS;  // binaries, or linked
  const uint64_t print = fingerprint(text, bytes);
  if (program.id != 0 && program.created_from == print) return CL_SUCCESS;
  Connection& connection = *program.connection;
  if (program.id != 0) {
    release_remote(connection, Kind::kProgram, program.id);
    program.id = 0;
  }
  Staged staged(connection);
  if (!staged.take(bytes)) return CL_OUT_OF_RESOURCES;
  if (bytes != 0) memcpy(staged.block().pointer, text, bytes);
  CreateProgramWithSourceCommand command;
  command.program = take_id(connection, Kind::kProgram);
  if (command.program == 0) return CL_OUT_OF_RESOURCES;
  command.context = program.context->id;
  command.arena = staged.block().arena_id;
  command.offset = staged.block().offset;
  command.size = bytes;
  ReplyWait reply(connection);
  if (!ask(connection, reply, command)) return CL_OUT_OF_RESOURCES;
  program.id = command.program;
  program.created_from = reply.status() == CL_SUCCESS ? print : 0;
  return reply.status();
}

cl_program CreateProgramWithSource(cl_context handle, cl_uint count, const char** strings,
                                   const size_t* lengths, cl_int* errcode_ret) {
  cl_int ignored;
  cl_int& status = errcode_ret != nullptr ? *errcode_ret : ignored;
  Context* context = from_handle<Context>(handle);
  status = context == nullptr ? CL_INVALID_CONTEXT : CL_SUCCESS;
  if (status == CL_SUCCESS && (count == 0 || strings == nullptr)) status = CL_INVALID_VALUE;
  for (cl_uint i = 0; i < count && status == CL_SUCCESS; ++i) {
    if (strings[i] == nullptr) status = CL_INVALID_VALUE;
  }
  size_t total = 0;
  if (status == CL_SUCCESS && !measure(count, strings, lengths, &total)) {
    status = CL_OUT_OF_HOST_MEMORY;
  }
  if (status != CL_SUCCESS) return nullptr;
  Program* program = make_program(*context, 0, nullptr, &status);
  if (program == nullptr) return nullptr;
  program->source = static_cast<char*>(malloc(total + 1));
  if (program->source == nullptr) {
    status = CL_OUT_OF_HOST_MEMORY;
    release(*program);
    return nullptr;
  }
  for (cl_uint i = 0; i < count; ++i) {
    const size_t length =
        lengths != nullptr && lengths[i] != 0 ? lengths[i] : strlen(strings[i]);
    // Another thread may have changed an unterminated piece since it was measured.
    const size_t fits = total - program->source_bytes;
    const size_t taken = length < fits ? length : fits;
    memcpy(program->source + program->source_bytes, strings[i], taken);
    program->source_bytes += taken;
  }
  program->source[program->source_bytes] = 0;
  return to_handle(program);
}

namespace {

/// Sends binaries and notes the status of each.
cl_int send_binaries(Program& program, const size_t* lengths, const unsigned char** binaries,
                     cl_int* binary_status) {
  Connection& connection = *program.connection;
  const size_t count = program.devices.size();
  uint64_t total = 0;
  uint64_t sizes[kMostDevices];
  uint32_t devices[kMostDevices];
  for (size_t i = 0; i < count; ++i) {
    sizes[i] = lengths[i];
    devices[i] = program.devices[i]->id;
    total += lengths[i];
  }
  Staged staged(connection);
  if (!staged.take(total)) return CL_OUT_OF_RESOURCES;
  unsigned char* at = staged.block().pointer;
  for (size_t i = 0; i < count; ++i) {
    memcpy(at, binaries[i], lengths[i]);
    at += lengths[i];
  }
  CreateProgramWithBinaryCommand command;
  command.program = take_id(connection, Kind::kProgram);
  if (command.program == 0) return CL_OUT_OF_RESOURCES;
  command.context = program.context->id;
  command.devices = {devices, count};
  command.sizes = {sizes, count};
  command.arena = staged.block().arena_id;
  command.offset = staged.block().offset;
  ReplyWait reply(connection);
  if (!ask(connection, reply, command)) return CL_OUT_OF_RESOURCES;
  program.id = command.program;
  if (binary_status != nullptr && reply.bytes() >= count * sizeof(cl_int)) {
    memcpy(binary_status, reply.data(), count * sizeof(cl_int));
  }
  return reply.status();
}

}  // namespace

cl_program CreateProgramWithBinary(cl_context handle, cl_uint num_devices,
                                   const cl_device_id* device_list, const size_t* lengths,
                                   const unsigned char** binaries, cl_int* binary_status,
                                   cl_int* errcode_ret) {
  cl_int ignored;
  cl_int& status = errcode_ret != nullptr ? *errcode_ret : ignored;
  Context* context = from_handle<Context>(handle);
  status = context == nullptr ? CL_INVALID_CONTEXT : CL_SUCCESS;
  if (status == CL_SUCCESS && (num_devices == 0 || num_devices > kMostDevices ||
                               device_list == nullptr || lengths == nullptr ||
                               binaries == nullptr)) {
    status = CL_INVALID_VALUE;
  }
  if (status != CL_SUCCESS) return nullptr;
  for (cl_uint i = 0; i < num_devices; ++i) {
    const bool bad = lengths[i] == 0 || binaries[i] == nullptr || lengths[i] > (1ull << 40);
    if (binary_status != nullptr) binary_status[i] = bad ? CL_INVALID_VALUE : CL_SUCCESS;
    if (bad) status = CL_INVALID_VALUE;
  }
  if (status != CL_SUCCESS) return nullptr;
  Program* program = make_program(*context, num_devices, device_list, &status);
  if (program == nullptr) return nullptr;
  status = send_binaries(*program, lengths, binaries, binary_status);
  if (status == CL_SUCCESS) return to_handle(program);
  release(*program);
  return nullptr;
}

cl_int RetainProgram(cl_program handle) {
  Program* program = from_handle<Program>(handle);
  if (program == nullptr) return CL_INVALID_PROGRAM;
  retain(*program);
  return CL_SUCCESS;
}

cl_int ReleaseProgram(cl_program handle) {
  Program* program = from_handle<Program>(handle);
  return program != nullptr && release(*program) ? CL_SUCCESS : CL_INVALID_PROGRAM;
}

void finalize(Program& program) {
  if (program.id != 0) release_remote(*program.connection, Kind::kProgram, program.id);
  unhold(*program.context);
}

void free_memory(Program& program) {
  drop_infos(&program.infos);
  free(program.source);
  free(program.options);
  program.~Program();
  free(&program);
}

}  // namespace aliquot::guest::opencl
