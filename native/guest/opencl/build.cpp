// clBuildProgram, clCompileProgram, clLinkProgram.
//
// All three wait for the compiler, with or without a callback: the specification lets them, and a
// program that asked for a callback gets it from the helper thread afterwards.
#include <time.h>

#include "generated/opencl_functions.h"
#include "guest/opencl/includes.h"
#include "guest/opencl/info_cache.h"
#include "guest/opencl/program.h"

namespace aliquot::guest::opencl {

namespace {

constexpr size_t kMostPrograms = 256;      // headers or inputs, as in commands.toml
constexpr size_t kMostDevices = 256;
constexpr size_t kMostOptionBytes = 16384;
constexpr size_t kMostNameBytes = 16384;

/// The devices that a build is for, as ids.
struct DeviceIds {
  uint32_t ids[kMostDevices];
  size_t count = 0;

  std::span<const uint32_t> span() const { return {ids, count}; }
};

cl_int collect_devices(const Program& program, cl_uint count, const cl_device_id* handles,
                       DeviceIds* out) {
  if ((handles == nullptr) != (count == 0)) return CL_INVALID_VALUE;
  if (count > kMostDevices) return CL_INVALID_VALUE;
  if (handles == nullptr) {
    for (const Device* device : program.devices) out->ids[out->count++] = device->id;
    return CL_SUCCESS;
  }
  for (cl_uint i = 0; i < count; ++i) {
    const Device* device = from_handle<Device>(handles[i]);
    bool known = false;
    for (const Device* own : program.devices) known = known || own == device;
    if (device == nullptr || !known) return CL_INVALID_DEVICE;
    out->ids[out->count++] = device->id;
  }
  return CL_SUCCESS;
}

std::span<const uint8_t> option_bytes(const char* options) {
  if (options == nullptr) return {};
  return {reinterpret_cast<const uint8_t*>(options), strlen(options)};
}

bool options_too_long(const char* options) {
  return options != nullptr && strlen(options) > kMostOptionBytes;
}

/// What all builds check first; the rest is done with the program's lock held.
cl_int check_start(const Program& program, const char* options, bool callback,
                   const void* user_data, cl_int too_long) {
  if (!callback && user_data != nullptr) return CL_INVALID_VALUE;
  if (program.connection->dead()) return CL_OUT_OF_RESOURCES;
  if (options_too_long(options)) return too_long;
  if (program.kernels.load(std::memory_order_acquire) != 0) return CL_INVALID_OPERATION;
  return CL_SUCCESS;
}

/// Brings the program to the worker, with its headers; the lock must be held.
cl_int bring(Program& program, const char* options) {
  if (program.source == nullptr) return program.id != 0 ? CL_SUCCESS : CL_INVALID_PROGRAM;
  ExpandedText expanded = expand_includes(program.source, program.source_bytes, options);
  if (expanded.no_memory) return CL_OUT_OF_HOST_MEMORY;
  const cl_int status =
      expanded.data != nullptr
          ? create_remotely(program, expanded.data, expanded.bytes)
          : create_remotely(program, program.source, program.source_bytes);
  free(expanded.data);
  return status;
}

/// Sends a build or compilation and waits for its end. That no kernel is attached was checked here;
/// a driver may think otherwise for a moment, while the last launch of a released kernel, though
/// complete, still holds it.
template <class Command>
cl_int ask_compiler(Connection& connection, Command& command) {
  constexpr int kAttempts = 50;
  cl_int status = CL_INVALID_OPERATION;
  for (int attempt = 0; attempt < kAttempts && status == CL_INVALID_OPERATION; ++attempt) {
    if (attempt > 0) {
      const timespec pause = {0, 1'000'000};
      nanosleep(&pause, nullptr);
    }
    ReplyWait reply(connection, Reason::kCompiler);
    status = ask(connection, reply, command) ? reply.status() : CL_OUT_OF_RESOURCES;
  }
  return status;
}

/// Runs a build or compilation of the program and notes how it went; the lock must be held.
template <class Command>
cl_int run_compiler(Program& program, const char* options, Command& command) {
  drop_infos(&program.infos);
  if (!copy_string(&program.options, options == nullptr ? "" : options)) {
    return CL_OUT_OF_HOST_MEMORY;
  }
  program.status.store(CL_BUILD_IN_PROGRESS, std::memory_order_relaxed);
  command.options = option_bytes(options);
  const cl_int status = ask_compiler(*program.connection, command);
  program.status.store(status == CL_SUCCESS ? CL_BUILD_SUCCESS : CL_BUILD_ERROR,
                       std::memory_order_relaxed);
  return status;
}

void notify(ProgramNotify function, Program& program, void* user_data) {
  if (function == nullptr) return;
  run_on_helper(reinterpret_cast<void (*)(void*, void*)>(function), to_handle(&program),
                user_data);
}

}  // namespace

cl_int BuildProgram(cl_program handle, cl_uint num_devices, const cl_device_id* device_list,
                    const char* options, ProgramNotify pfn_notify, void* user_data) {
  Program* program = from_handle<Program>(handle);
  if (program == nullptr) return CL_INVALID_PROGRAM;
  cl_int status = check_start(*program, options, pfn_notify != nullptr, user_data,
                              CL_INVALID_BUILD_OPTIONS);
  DeviceIds devices;
  if (status == CL_SUCCESS) status = collect_devices(*program, num_devices, device_list, &devices);
  if (status != CL_SUCCESS) return status;
  {
    LockGuard guard(program->lock);
    status = bring(*program, options);
    if (status == CL_SUCCESS) {
      BuildProgramCommand command;
      command.program = program->id;
      command.devices = devices.span();
      status = run_compiler(*program, options, command);
    }
  }
  notify(pfn_notify, *program, user_data);
  return status;
}

namespace {

/// The headers of a compilation: programs whose source stands for a named file.
struct Headers {
  uint32_t ids[kMostPrograms];
  uint8_t names[kMostNameBytes];
  size_t count = 0;
  size_t name_bytes = 0;
};

cl_int collect_headers(const Program& program, cl_uint count, const cl_program* handles,
                       const char** names, Headers* out) {
  if ((count == 0) != (handles == nullptr) || (count == 0) != (names == nullptr)) {
    return CL_INVALID_VALUE;
  }
  if (count > kMostPrograms) return CL_OUT_OF_RESOURCES;
  for (cl_uint i = 0; i < count; ++i) {
    Program* header = from_handle<Program>(handles[i]);
    if (header == nullptr || header->source == nullptr || header == &program) {
      return CL_INVALID_PROGRAM;
    }
    if (header->context != program.context) return CL_INVALID_CONTEXT;
    if (names[i] == nullptr) return CL_INVALID_VALUE;
    const size_t bytes = strlen(names[i]) + 1;
    if (bytes > kMostNameBytes - out->name_bytes) return CL_OUT_OF_RESOURCES;
    cl_int status;
    {
      LockGuard guard(header->lock);
      status = header->id != 0 ? CL_SUCCESS
                               : create_remotely(*header, header->source, header->source_bytes);
    }
    if (status != CL_SUCCESS) return status;
    memcpy(out->names + out->name_bytes, names[i], bytes);
    out->name_bytes += bytes;
    out->ids[out->count++] = header->id;
  }
  return CL_SUCCESS;
}

}  // namespace

cl_int CompileProgram(cl_program handle, cl_uint num_devices, const cl_device_id* device_list,
                      const char* options, cl_uint num_input_headers,
                      const cl_program* input_headers, const char** header_include_names,
                      ProgramNotify pfn_notify, void* user_data) {
  Program* program = from_handle<Program>(handle);
  if (program == nullptr) return CL_INVALID_PROGRAM;
  cl_int status = check_start(*program, options, pfn_notify != nullptr, user_data,
                              CL_INVALID_COMPILER_OPTIONS);
  if (status == CL_SUCCESS && program->source == nullptr) status = CL_INVALID_OPERATION;
  DeviceIds devices;
  if (status == CL_SUCCESS) status = collect_devices(*program, num_devices, device_list, &devices);
  if (status != CL_SUCCESS) return status;
  Headers* headers = static_cast<Headers*>(malloc(sizeof(Headers)));
  if (headers == nullptr) return CL_OUT_OF_HOST_MEMORY;
  new (headers) Headers;
  status = collect_headers(*program, num_input_headers, input_headers, header_include_names,
                           headers);
  if (status == CL_SUCCESS) {
    LockGuard guard(program->lock);
    status = bring(*program, options);
    if (status == CL_SUCCESS) {
      CompileProgramCommand command;
      command.program = program->id;
      command.devices = devices.span();
      command.headers = {headers->ids, headers->count};
      command.header_names = {headers->names, headers->name_bytes};
      status = run_compiler(*program, options, command);
    }
  }
  free(headers);
  notify(pfn_notify, *program, user_data);
  return status;
}

namespace {

/// Links into `program`, which is fresh. The program counts as made when the driver made one, even
/// where the link failed.
cl_int link(Program& program, const char* options, const DeviceIds& devices,
            std::span<const uint32_t> inputs, bool* made) {
  Connection& connection = *program.connection;
  *made = false;
  LinkProgramCommand command;
  command.program = take_id(connection, Kind::kProgram);
  if (command.program == 0) return CL_OUT_OF_RESOURCES;
  command.context = program.context->id;
  command.devices = devices.span();
  command.inputs = inputs;
  command.options = option_bytes(options);
  if (!copy_string(&program.options, options == nullptr ? "" : options)) {
    return CL_OUT_OF_HOST_MEMORY;
  }
  ReplyWait reply(connection, Reason::kCompiler);
  if (!ask(connection, reply, command)) return CL_OUT_OF_RESOURCES;
  uint32_t exists = 0;
  if (reply.bytes() >= sizeof exists) memcpy(&exists, reply.data(), sizeof exists);
  if (exists != 0) {
    program.id = command.program;
    *made = true;
  } else {
    LockGuard guard(connection.lock());
    connection.ids[static_cast<uint32_t>(Kind::kProgram)].give_back(command.program);
  }
  program.status.store(reply.status() == CL_SUCCESS ? CL_BUILD_SUCCESS : CL_BUILD_ERROR,
                       std::memory_order_relaxed);
  return reply.status();
}

}  // namespace

cl_program LinkProgram(cl_context context_handle, cl_uint num_devices,
                       const cl_device_id* device_list, const char* options,
                       cl_uint num_input_programs, const cl_program* input_programs,
                       ProgramNotify pfn_notify, void* user_data, cl_int* errcode_ret) {
  cl_int ignored;
  cl_int& status = errcode_ret != nullptr ? *errcode_ret : ignored;
  Context* context = from_handle<Context>(context_handle);
  status = CL_SUCCESS;
  if (context == nullptr) {
    status = CL_INVALID_CONTEXT;
  } else if ((device_list == nullptr) != (num_devices == 0) || num_input_programs == 0 ||
             input_programs == nullptr || (pfn_notify == nullptr && user_data != nullptr)) {
    status = CL_INVALID_VALUE;
  } else if (options_too_long(options)) {
    status = CL_INVALID_LINKER_OPTIONS;
  } else if (num_input_programs > kMostPrograms) {
    status = CL_OUT_OF_RESOURCES;
  }
  uint32_t inputs[kMostPrograms];
  for (cl_uint i = 0; i < num_input_programs && status == CL_SUCCESS; ++i) {
    const Program* input = from_handle<Program>(input_programs[i]);
    if (input == nullptr) {
      status = CL_INVALID_PROGRAM;
    } else if (input->context != context) {
      status = CL_INVALID_CONTEXT;
    } else if (input->id == 0) {
      status = CL_INVALID_OPERATION;  // never compiled
    } else {
      inputs[i] = input->id;
    }
  }
  if (status != CL_SUCCESS) return nullptr;
  Program* program = make_program(*context, num_devices, device_list, &status);
  if (program == nullptr) return nullptr;
  DeviceIds devices;
  (void)collect_devices(*program, 0, nullptr, &devices);
  bool made = false;
  status = link(*program, options, devices, {inputs, num_input_programs}, &made);
  if (made) {
    notify(pfn_notify, *program, user_data);
    return to_handle(program);
  }
  // Whoever waits for the callback gets it, with no program to look at.
  if (pfn_notify != nullptr) {
    run_on_helper(reinterpret_cast<void (*)(void*, void*)>(pfn_notify), nullptr, user_data);
  }
  release(*program);
  return nullptr;
}

// The compiler belongs to the worker, and is shared: it stays loaded.
cl_int UnloadCompiler() { return CL_SUCCESS; }

}  // namespace aliquot::guest::opencl
