// Kernels: creation, arguments, counts. Queries are in kernel_info.cpp, launches in launch.cpp.
#include "generated/opencl_functions.h"
#include "guest/opencl/info_cache.h"
#include "guest/opencl/kernel_info.h"
#include "guest/opencl/kernel_reply.h"
#include "guest/opencl/program.h"

namespace aliquot::guest::opencl {

namespace {

constexpr size_t kMostNameBytes = 4096;

/// An empty kernel object of the program, which is then held and can't be rebuilt.
Kernel* make_kernel(Program& program, const char* name, size_t name_bytes) {
  Kernel* kernel = make<Kernel>(program.connection);
  if (kernel == nullptr) return nullptr;
  kernel->program = &program;
  kernel->context = program.context;
  hold(program);
  program.kernels.fetch_add(1, std::memory_order_acq_rel);
  kernel->name = strndup(name, name_bytes);
  if (kernel->name != nullptr) return kernel;
  release(*kernel);
  return nullptr;
}

/// Has the worker create the kernel and fetches the description of its arguments. Not ask_long:
/// asking twice would create it twice. An answer too long for the slot (some 200 arguments) comes
/// with a second kernel, the first having been released.
cl_int create_remotely(Kernel& kernel, LongAnswer* answer) {
  Connection& connection = *kernel.connection;
  Staged staged(connection);
  cl_int status = CL_OUT_OF_RESOURCES;
  for (int attempt = 0; attempt < 2; ++attempt) {
    const Block& block = staged.block();
    CreateKernelCommand command;
    command.kernel = take_id(connection, Kind::kKernel);
    if (command.kernel == 0) break;
    command.program = kernel.program->id;
    command.name = {reinterpret_cast<const uint8_t*>(kernel.name), strlen(kernel.name)};
    ReplyWait reply(connection);
    if (!ask(connection, reply, command, block.arena_id, block.offset, block.bytes)) break;
    kernel.id = command.kernel;
    status = reply.status();
    if (status != CL_SUCCESS) break;
    const size_t total = reply.total_bytes();
    if (total <= reply.bytes() || total <= block.bytes) {
      const unsigned char* from = total <= reply.bytes() ? reply.data() : block.pointer;
      if (!answer->copy(from, total)) status = CL_OUT_OF_HOST_MEMORY;
      break;
    }
    release_remote(connection, Kind::kKernel, kernel.id);
    kernel.id = 0;
    status = CL_OUT_OF_RESOURCES;
    if (block || !staged.take(total)) break;
  }
  return status;
}

cl_int create(Program& program, const char* name, size_t name_bytes, Kernel** made) {
  if (program.connection->dead()) return CL_OUT_OF_RESOURCES;
  if (program.id == 0 || program.status.load(std::memory_order_relaxed) != CL_BUILD_SUCCESS) {
    return CL_INVALID_PROGRAM_EXECUTABLE;
  }
  if (name_bytes == 0 || name_bytes > kMostNameBytes) return CL_INVALID_KERNEL_NAME;
  Kernel* kernel = make_kernel(program, name, name_bytes);
  if (kernel == nullptr) return CL_OUT_OF_HOST_MEMORY;
  LongAnswer answer;
  cl_int status = create_remotely(*kernel, &answer);
  if (status == CL_SUCCESS) status = read_arguments(*kernel, answer.data, answer.bytes);
  if (status != CL_SUCCESS) {
    release(*kernel);
    return status;
  }
  *made = kernel;
  return CL_SUCCESS;
}

}  // namespace

cl_kernel CreateKernel(cl_program handle, const char* kernel_name, cl_int* errcode_ret) {
  cl_int ignored;
  cl_int& status = errcode_ret != nullptr ? *errcode_ret : ignored;
  Program* program = from_handle<Program>(handle);
  Kernel* kernel = nullptr;
  if (program == nullptr) {
    status = CL_INVALID_PROGRAM;
  } else if (kernel_name == nullptr) {
    status = CL_INVALID_VALUE;
  } else {
    status = create(*program, kernel_name, strlen(kernel_name), &kernel);
  }
  return kernel == nullptr ? nullptr : to_handle(kernel);
}

cl_int CreateKernelsInProgram(cl_program handle, cl_uint num_kernels, cl_kernel* kernels,
                              cl_uint* num_kernels_ret) {
  Program* program = from_handle<Program>(handle);
  if (program == nullptr) return CL_INVALID_PROGRAM;
  size_t bytes = 0;
  cl_int status = GetProgramInfo(handle, CL_PROGRAM_KERNEL_NAMES, 0, nullptr, &bytes);
  if (status != CL_SUCCESS) return status;
  char* names = static_cast<char*>(malloc(bytes + 1));
  if (names == nullptr) return CL_OUT_OF_HOST_MEMORY;
  status = GetProgramInfo(handle, CL_PROGRAM_KERNEL_NAMES, bytes, names, nullptr);
  names[bytes] = 0;
  cl_uint count = 0;
  for (const char* at = names; status == CL_SUCCESS && *at != 0;) {
    at += strspn(at, ";");
    const size_t length = strcspn(at, ";");
    count += length != 0 ? 1 : 0;
    at += length;
  }
  if (status == CL_SUCCESS && kernels != nullptr && num_kernels < count) {
    status = CL_INVALID_VALUE;
  }
  cl_uint made = 0;
  for (const char* at = names; status == CL_SUCCESS && kernels != nullptr && made < count;) {
    at += strspn(at, ";");
    const size_t length = strcspn(at, ";");
    Kernel* kernel = nullptr;
    status = create(*program, at, length, &kernel);
    if (status == CL_SUCCESS) kernels[made++] = to_handle(kernel);
    at += length;
  }
  free(names);
  if (status != CL_SUCCESS) {
    while (made > 0) release(*from_handle<Kernel>(kernels[--made]));
    return status;
  }
  if (num_kernels_ret != nullptr) *num_kernels_ret = count;
  return CL_SUCCESS;
}

cl_int RetainKernel(cl_kernel handle) {
  Kernel* kernel = from_handle<Kernel>(handle);
  if (kernel == nullptr) return CL_INVALID_KERNEL;
  retain(*kernel);
  return CL_SUCCESS;
}

cl_int ReleaseKernel(cl_kernel handle) {
  Kernel* kernel = from_handle<Kernel>(handle);
  return kernel != nullptr && release(*kernel) ? CL_SUCCESS : CL_INVALID_KERNEL;
}

void finalize(Kernel& kernel) {
  if (kernel.id != 0) release_remote(*kernel.connection, Kind::kKernel, kernel.id);
  kernel.program->kernels.fetch_sub(1, std::memory_order_acq_rel);
  unhold(*kernel.program);
}

void free_memory(Kernel& kernel) {
  for (uint32_t i = 0; i < kernel.argument_count; ++i) {
    KernelArgument& argument = kernel.arguments[i];
    if (argument.buffer != nullptr) unpin(*argument.buffer);
    free(argument.value);
  }
  drop_infos(&kernel.infos);
  free_limits(kernel);
  free(kernel.arguments);
  free(kernel.strings);
  free(kernel.name);
  kernel.~Kernel();
  free(&kernel);
}

cl_kernel CloneKernel(cl_kernel handle, cl_int* errcode_ret) {
  cl_int ignored;
  cl_int& status = errcode_ret != nullptr ? *errcode_ret : ignored;
  Kernel* source = from_handle<Kernel>(handle);
  if (source == nullptr) {
    status = CL_INVALID_KERNEL;
    return nullptr;
  }
  // A fresh kernel that is given the source's arguments is the same thing to a program, and needs
  // nothing of the driver's own cloning, which older drivers lack.
  Kernel* clone = nullptr;
  status = create(*source->program, source->name, strlen(source->name), &clone);
  if (status == CL_SUCCESS) {
    status = copy_arguments(*source, *clone);
    if (status != CL_SUCCESS) release(*clone);
  }
  return status == CL_SUCCESS ? to_handle(clone) : nullptr;
}

}  // namespace aliquot::guest::opencl
