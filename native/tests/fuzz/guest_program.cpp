#include "guest_program.h"

#include <cstring>

namespace aliquot::fuzz {

namespace {

constexpr const char* kSource =
    "kernel void add(global int* a, local int* b, int c) {}\n"
    "kernel void one(global int* a) {}\n";

alignas(4096) unsigned char g_host_memory[1 << 16];  // of buffers with CL_MEM_USE_HOST_PTR

void CL_CALLBACK on_program(cl_program, void*) { callbacks().called.fetch_add(1); }
void CL_CALLBACK on_buffer(cl_mem, void*) { callbacks().called.fetch_add(1); }

}  // namespace

CallbackCount& callbacks() {
  static auto& count = *new CallbackCount;
  return count;
}

void GuestProgram::step(protocol::ByteSource& source) {
  switch (source.byte() % 8) {
    case 0:
      return make_object(source);
    case 1:
      return make_program(source);
    case 2:
      return transfer(source);
    case 3:
      return launch(source);
    case 4:
      return enqueue(source);
    case 5:
      return query(source);
    case 6:
      return query_events(source);
    default:
      return source.byte() % 4 == 0 ? release_one(source) : map(source);
  }
}

void GuestProgram::make_object(protocol::ByteSource& source) {
  const uint8_t what = source.byte();
  const size_t place = what / 8 % kEach;
  if (contexts_[0] == nullptr) {
    contexts_[0] = calls_.clCreateContext(nullptr, 1, &device_, nullptr, nullptr, nullptr);
    if (contexts_[0] == nullptr) return;
  }
  const cl_context context = contexts_[0];
  switch (what % 8) {
    case 0:
      if (contexts_[place] == nullptr) {
        contexts_[place] = calls_.clCreateContext(nullptr, 1, &device_, nullptr, nullptr, nullptr);
      }
      return;
    case 1:
    case 2:
      if (queues_[place] == nullptr) {
        // The stub driver's device has no out-of-order queues; an honest answer refuses them.
        const cl_queue_properties list[] = {CL_QUEUE_PROPERTIES, source.byte() % 4u, 0};
        queues_[place] = calls_.clCreateCommandQueueWithProperties(context, device_, list, nullptr);
      }
      return;
    case 3:
      if (buffers_[place] == nullptr && buffers_[0] != nullptr) {
        const cl_buffer_region region{source.byte() * size_t{128}, 1 + source.byte() * size_t{16}};
        buffers_[place] = calls_.clCreateSubBuffer(buffers_[0], 0, CL_BUFFER_CREATE_TYPE_REGION,
                                                   &region, nullptr);
      }
      return;
    case 4:
      if (events_[place] == nullptr) {
        events_[place] = calls_.clCreateUserEvent(context, nullptr);
        user_[place] = events_[place] != nullptr;
      }
      return;
    default: {
      if (buffers_[place] != nullptr) return;
      static constexpr cl_mem_flags kFlags[] = {0, CL_MEM_READ_ONLY, CL_MEM_ALLOC_HOST_PTR,
                                                CL_MEM_USE_HOST_PTR, CL_MEM_COPY_HOST_PTR};
      const cl_mem_flags flags = kFlags[source.byte() % 5];
      const bool host = (flags & (CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR)) != 0;
      const size_t size = 1 + source.value<uint16_t>();
      buffers_[place] =
          calls_.clCreateBuffer(context, flags, size, host ? g_host_memory : nullptr, nullptr);
      if (buffers_[place] == nullptr || source.byte() % 4 != 0) return;
      callbacks().promised.fetch_add(1);
      if (calls_.clSetMemObjectDestructorCallback(buffers_[place], on_buffer, nullptr) !=
          CL_SUCCESS) {
        callbacks().promised.fetch_sub(1);
      }
    }
  }
}

void GuestProgram::make_program(protocol::ByteSource& source) {
  if (contexts_[0] == nullptr) return;
  const uint8_t what = source.byte();
  const size_t place = what / 8 % kEach;
  const cl_program program = programs_[place];
  const bool notify = source.byte() % 4 == 0;
  switch (what % 8) {
    case 0:
    case 1:
      if (program == nullptr) {
        const char* text = kSource;
        programs_[place] =
            calls_.clCreateProgramWithSource(contexts_[0], 1, &text, nullptr, nullptr);
      }
      return;
    case 2:
      if (program == nullptr) {
        unsigned char bytes[32];
        for (unsigned char& byte : bytes) byte = source.byte();
        const unsigned char* binary = bytes;
        const size_t size = sizeof bytes;
        programs_[place] = calls_.clCreateProgramWithBinary(contexts_[0], 1, &device_, &size,
                                                            &binary, nullptr, nullptr);
      }
      return;
    case 3:
      if (program == nullptr || kernels_[place] != nullptr) return;
      if (notify) callbacks().promised.fetch_add(1);
      // What the guest driver refuses itself gives no notice, what the worker refuses does.
      if (const cl_int status = calls_.clBuildProgram(program, 0, nullptr, "-I nowhere",
                                                      notify ? on_program : nullptr, nullptr);
          notify && (status == CL_INVALID_OPERATION || status == CL_INVALID_PROGRAM ||
                     status == CL_OUT_OF_RESOURCES)) {
        callbacks().promised.fetch_sub(1);
        callbacks().possible.fetch_add(1);
      }
      return;
    case 4:
      if (program != nullptr) {
        calls_.clCompileProgram(program, 0, nullptr, "", 0, nullptr, nullptr, nullptr, nullptr);
      }
      return;
    case 5: {
      const size_t target = source.byte() % kEach;
      if (program == nullptr || programs_[target] != nullptr) return;
      programs_[target] = calls_.clLinkProgram(contexts_[0], 0, nullptr, "", 1, &program, nullptr,
                                               nullptr, nullptr);
      return;
    }
    case 6: {
      cl_kernel made[kEach] = {};
      cl_uint count = 0;
      if (program == nullptr ||
          calls_.clCreateKernelsInProgram(program, kEach, made, &count) != CL_SUCCESS) {
        return;
      }
      for (cl_uint i = 0; i < count && i < kEach; ++i) calls_.clReleaseKernel(made[i]);
      return;
    }
    default:
      if (program == nullptr || kernels_[place] != nullptr) return;
      kernels_[place] = calls_.clCreateKernel(program, notify ? "add" : "one", nullptr);
  }
}

void GuestProgram::release_one(protocol::ByteSource& source) {
  const uint8_t what = source.byte();
  const size_t place = what / 8 % kEach;
  const auto give_back = [place](auto& objects, auto release) {
    if (objects[place] == nullptr) return;
    release(objects[place]);
    objects[place] = nullptr;
  };
  switch (what % 8) {
    case 0:
      if (user_[place]) calls_.clSetUserEventStatus(events_[place], -9);
      user_[place] = false;
      return give_back(events_, calls_.clReleaseEvent);
    case 1:
      return give_back(kernels_, calls_.clReleaseKernel);
    case 2:
      return give_back(programs_, calls_.clReleaseProgram);
    case 3:
      for (const Map& mapped : maps_) {
        if (mapped.pointer != nullptr && mapped.buffer == buffers_[place]) return;
      }
      return place != 0 ? give_back(buffers_, calls_.clReleaseMemObject) : void();
    case 4:
      for (const Map& mapped : maps_) {
        if (mapped.pointer != nullptr && mapped.queue == queues_[place]) return;
      }
      return give_back(queues_, calls_.clReleaseCommandQueue);
    case 5:
      return place != 0 ? give_back(contexts_, calls_.clReleaseContext) : void();
    default:
      if (user_[place]) {
        calls_.clSetUserEventStatus(events_[place], what % 8 == 6 ? CL_COMPLETE : -7);
        user_[place] = false;
      }
  }
}

void GuestProgram::release_all() {
  for (size_t i = 0; i < kEach; ++i) {
    if (user_[i]) calls_.clSetUserEventStatus(events_[i], CL_COMPLETE);
    user_[i] = false;
    unmap(i);
  }
  const auto give_back = [](auto& objects, auto release) {
    for (auto& object : objects) {
      if (object != nullptr) release(object);
      object = nullptr;
    }
  };
  give_back(events_, calls_.clReleaseEvent);
  give_back(kernels_, calls_.clReleaseKernel);
  give_back(programs_, calls_.clReleaseProgram);
  for (size_t i = kEach; i-- > 0;) {  // sub-buffers first
    if (buffers_[i] != nullptr) calls_.clReleaseMemObject(buffers_[i]);
    buffers_[i] = nullptr;
  }
  give_back(queues_, calls_.clReleaseCommandQueue);
  give_back(contexts_, calls_.clReleaseContext);
}

}  // namespace aliquot::fuzz
