// Queries of the guest driver's fuzzer.
#include "guest_program.h"

namespace aliquot::fuzz {

namespace {

void CL_CALLBACK on_event(cl_event, cl_int, void*) { callbacks().called.fetch_add(1); }

}  // namespace

void GuestProgram::query(protocol::ByteSource& source) {
  const uint8_t what = source.byte();
  const cl_program program = pick(programs_, what / 16);
  const cl_kernel kernel = pick(kernels_, what / 16);
  const size_t room = source.byte() * size_t{2};
  const cl_uint parameter = source.byte() % 24;
  unsigned char answer[512];
  size_t size = 0;
  switch (what % 8) {
    case 0:
      if (program == nullptr) return;
      if (CL_PROGRAM_REFERENCE_COUNT + parameter == CL_PROGRAM_BINARIES) {
        unsigned char* none = nullptr;  // room for the pointers, and none for the bytes
        calls_.clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof none, &none, &size);
        if (calls_.clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size,
                                    nullptr) != CL_SUCCESS ||
            size > (size_t{1} << 20)) {
          return;
        }
        auto* binary = new unsigned char[size];
        calls_.clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary, nullptr);
        delete[] binary;
        return;
      }
      calls_.clGetProgramInfo(program, CL_PROGRAM_REFERENCE_COUNT + parameter, room, answer, &size);
      return;
    case 1:
      if (program == nullptr) return;
      calls_.clGetProgramBuildInfo(program, device_, CL_PROGRAM_BUILD_STATUS + parameter, room,
                                   answer, &size);
      return;
    case 2:
      if (kernel == nullptr) return;
      calls_.clGetKernelInfo(kernel, CL_KERNEL_FUNCTION_NAME + parameter, room, answer, &size);
      return;
    case 3:
      if (kernel == nullptr) return;
      calls_.clGetKernelArgInfo(kernel, source.byte() % 4,
                                CL_KERNEL_ARG_ADDRESS_QUALIFIER + parameter, room, answer, &size);
      return;
    case 4:
      if (kernel == nullptr) return;
      calls_.clGetKernelWorkGroupInfo(kernel, device_, CL_KERNEL_WORK_GROUP_SIZE + parameter, room,
                                      answer, &size);
      return;
    case 5: {
      if (kernel == nullptr) return;
      const size_t input[] = {4, 1, 1};
      calls_.clGetKernelSubGroupInfo(kernel, device_,
                                     CL_KERNEL_MAX_SUB_GROUP_SIZE_FOR_NDRANGE + parameter,
                                     sizeof input, input, room, answer, &size);
      return;
    }
    case 6: {
      const cl_device_partition_property equally[] = {CL_DEVICE_PARTITION_EQUALLY,
                                                      1 + source.byte() % 4, 0};
      cl_device_id parts[8] = {};
      cl_uint count = 0;
      if (calls_.clCreateSubDevices(device_, equally, 8, parts, &count) != CL_SUCCESS) return;
      for (cl_uint i = 0; i < count && i < 8; ++i) {
        calls_.clGetDeviceInfo(parts[i], CL_DEVICE_TYPE + parameter, room, answer, &size);
        calls_.clReleaseDevice(parts[i]);
      }
      return;
    }
    default: {
      cl_ulong times[2];
      calls_.clGetDeviceAndHostTimer(device_, &times[0], &times[1]);
      calls_.clGetDeviceInfo(device_, CL_DEVICE_TYPE + source.byte(), room, answer, &size);
    }
  }
}

void GuestProgram::query_events(protocol::ByteSource& source) {
  const uint8_t what = source.byte();
  const size_t place = what / 8 % kEach;
  const cl_event event = events_[place];
  if (event == nullptr) return;
  bool open = false;
  for (const bool user : user_) open = open || user;
  cl_ulong answer = 0;
  switch (what % 8) {
    case 0:
    case 1:
      if (!open) calls_.clWaitForEvents(1, &event);
      return;
    case 2:
    case 3:
      calls_.clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof(cl_int), &answer,
                            nullptr);
      return;
    case 4:
      calls_.clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_QUEUED + source.byte() % 5,
                                     sizeof answer, &answer, nullptr);
      return;
    default: {
      const cl_int level = what % 8 == 5 ? CL_COMPLETE : what % 8 == 6 ? CL_RUNNING : CL_SUBMITTED;
      callbacks().promised.fetch_add(1);
      if (calls_.clSetEventCallback(event, level, on_event, nullptr) != CL_SUCCESS) {
        callbacks().promised.fetch_sub(1);
      }
    }
  }
}

}  // namespace aliquot::fuzz
