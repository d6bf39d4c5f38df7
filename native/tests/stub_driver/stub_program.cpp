// Programs of the stub driver.
#include <algorithm>
#include <cstring>

#include "stub_objects.h"

namespace aliquot::stub {

cl_int release_program(cl_program program) {
  check(program);
  if (program->references.fetch_sub(1) != 1) return CL_SUCCESS;
  program->magic = kDead;
  delete program;
  return CL_SUCCESS;
}

namespace {

cl_program new_program(cl_context context, std::string source, bool built, cl_int* error) {
  check(context);
  auto* program = new _cl_program;
  program->context = context;
  program->source = std::move(source);
  program->built = built;
  set_error(error, CL_SUCCESS);
  return program;
}

cl_program CreateProgramWithSource(cl_context context, cl_uint count, const char** strings,
                                   const size_t* lengths, cl_int* error) {
  std::string source;
  for (cl_uint i = 0; i < count; ++i) {
    if (lengths != nullptr && lengths[i] != 0) {
      source.append(strings[i], lengths[i]);
    } else {
      source += strings[i];
    }
  }
  return new_program(context, std::move(source), false, error);
}

cl_program CreateProgramWithBinary(cl_context context, cl_uint count, const cl_device_id* devices,
                                   const size_t* lengths, const unsigned char** binaries,
                                   cl_int* status, cl_int* error) {
  for (cl_uint i = 0; i < count; ++i) {
    check(devices[i]);
    if (status != nullptr) status[i] = CL_SUCCESS;
  }
  std::string source(reinterpret_cast<const char*>(binaries[0]), lengths[0]);
  if (source.compare(0, 5, "STUB:") != 0) {
    if (status != nullptr) status[0] = CL_INVALID_BINARY;
    set_error(error, CL_INVALID_BINARY);
    return nullptr;
  }
  return new_program(context, source.substr(5), false, error);
}

cl_int build(cl_program program) {
  check(program);
  program->built = program->source.find("#error") == std::string::npos;
  return program->built ? CL_SUCCESS : CL_BUILD_PROGRAM_FAILURE;
}

cl_int BuildProgram(cl_program program, cl_uint, const cl_device_id*, const char*,
                    void(CL_CALLBACK* notify)(cl_program, void*), void* user) {
  const cl_int code = build(program);
  if (notify != nullptr) notify(program, user);
  return code;
}

cl_int CompileProgram(cl_program program, cl_uint, const cl_device_id*, const char*, cl_uint count,
                      const cl_program* headers, const char** names,
                      void(CL_CALLBACK* notify)(cl_program, void*), void* user) {
  for (cl_uint i = 0; i < count; ++i) {
    check(headers[i]);
    if (names[i] == nullptr) std::abort();
  }
  const cl_int code = build(program);
  if (notify != nullptr) notify(program, user);
  return code == CL_SUCCESS ? code : CL_COMPILE_PROGRAM_FAILURE;
}

cl_program LinkProgram(cl_context context, cl_uint, const cl_device_id*, const char*, cl_uint count,
                       const cl_program* inputs, void(CL_CALLBACK* notify)(cl_program, void*),
                       void* user, cl_int* error) {
  std::string source;
  for (cl_uint i = 0; i < count; ++i) {
    check(inputs[i]);
    source += inputs[i]->source;
  }
  cl_program program = new_program(context, std::move(source), true, error);
  if (notify != nullptr) notify(program, user);
  return program;
}

cl_int GetProgramInfo(cl_program program, cl_program_info name, size_t capacity, void* out,
                      size_t* size) {
  check(program);
  switch (name) {
    case CL_PROGRAM_NUM_DEVICES: return answer<cl_uint>(1, capacity, out, size);
    case CL_PROGRAM_DEVICES: return answer<cl_device_id>(&root_device, capacity, out, size);
    case CL_PROGRAM_SOURCE: return answer_text(program->source.c_str(), capacity, out, size);
    case CL_PROGRAM_BINARY_SIZES:
      return answer<size_t>(program->source.size() + 5, capacity, out, size);
    case CL_PROGRAM_BINARIES: {
      if (size != nullptr) *size = sizeof(void*);
      if (out == nullptr) return CL_SUCCESS;
      auto* target = static_cast<unsigned char**>(out)[0];
      if (target != nullptr) {
        std::memcpy(target, "STUB:", 5);
        std::memcpy(target + 5, program->source.data(), program->source.size());
      }
      return CL_SUCCESS;
    }
    case CL_PROGRAM_NUM_KERNELS:
      return answer<size_t>(kernel_names(program->source).size(), capacity, out, size);
    case CL_PROGRAM_KERNEL_NAMES: {
      std::string joined;
      for (const auto& entry : kernel_names(program->source)) {
        joined += (joined.empty() ? "" : ";") + entry;
      }
      return answer_text(joined.c_str(), capacity, out, size);
    }
    default: return CL_INVALID_VALUE;
  }
}

cl_int GetProgramBuildInfo(cl_program program, cl_device_id id, cl_program_build_info name,
                           size_t capacity, void* out, size_t* size) {
  check(program);
  check(id);
  switch (name) {
    case CL_PROGRAM_BUILD_STATUS:
      return answer<cl_build_status>(program->built ? CL_BUILD_SUCCESS : CL_BUILD_ERROR, capacity,
                                     out, size);
    case CL_PROGRAM_BUILD_LOG: return answer_text("stub log", capacity, out, size);
    case CL_PROGRAM_BUILD_OPTIONS: return answer_text("", capacity, out, size);
    case CL_PROGRAM_BINARY_TYPE:
      return answer<cl_program_binary_type>(CL_PROGRAM_BINARY_TYPE_EXECUTABLE, capacity, out, size);
    default: return CL_INVALID_VALUE;
  }
}

}  // namespace

void add_program_functions(cl_icd_dispatch* table) {
  table->clCreateProgramWithSource = CreateProgramWithSource;
  table->clCreateProgramWithBinary = CreateProgramWithBinary;
  table->clRetainProgram = retain_object<cl_program>;
  table->clReleaseProgram = release_program;
  table->clBuildProgram = BuildProgram;
  table->clCompileProgram = CompileProgram;
  table->clLinkProgram = LinkProgram;
  table->clGetProgramInfo = GetProgramInfo;
  table->clGetProgramBuildInfo = GetProgramBuildInfo;
}

}  // namespace aliquot::stub
