// The program in the guest driver's fuzzer: makes OpenCL calls as the input says, all of them legal
// enough that only the worker's answers can do harm, and gives everything back at the end.
#pragma once

#include <CL/cl_icd.h>

#include <array>
#include <atomic>
#include <cstdint>

#include "protocol/frame_builder.h"

namespace aliquot::fuzz {

/// How often callbacks were promised in an input, may come beside them, and came.
struct CallbackCount {
  std::atomic<uint32_t> promised{0};
  std::atomic<uint32_t> possible{0};  // of refused builds
  std::atomic<uint32_t> called{0};
};
CallbackCount& callbacks();

class GuestProgram {
 public:
  GuestProgram(const cl_icd_dispatch& calls, cl_device_id device)
      : calls_(calls), device_(device) {}

  /// One call, or a few that belong together.
  void step(protocol::ByteSource& source);
  /// Ends user events, unmaps and releases everything.
  void release_all();

 private:
  static constexpr size_t kEach = 4;  // objects of a kind at a time
  template <class Handle>
  using Objects = std::array<Handle, kEach>;

  // guest_program.cpp
  void make_object(protocol::ByteSource& source);
  void make_program(protocol::ByteSource& source);
  void release_one(protocol::ByteSource& source);
  // guest_commands.cpp
  void enqueue(protocol::ByteSource& source);
  void transfer(protocol::ByteSource& source);
  void map(protocol::ByteSource& source);
  void launch(protocol::ByteSource& source);
  void unmap(size_t index);
  // guest_queries.cpp
  void query(protocol::ByteSource& source);
  void query_events(protocol::ByteSource& source);

  /// Where the event of the next command goes, or nullptr for none.
  cl_event* event_place(protocol::ByteSource& source);
  /// A wait list of living events; fills `list`.
  cl_uint wait_list(protocol::ByteSource& source, cl_event (&list)[kEach]);

  template <class Handle>
  static Handle pick(const Objects<Handle>& objects, uint8_t choice) {
    return objects[choice % kEach];
  }

  const cl_icd_dispatch& calls_;
  const cl_device_id device_;
  Objects<cl_context> contexts_{};
  Objects<cl_command_queue> queues_{};
  Objects<cl_mem> buffers_{};
  Objects<cl_program> programs_{};
  Objects<cl_kernel> kernels_{};
  Objects<cl_event> events_{};
  Objects<bool> user_{};  // whether the event is a user event whose status is open
  struct Map {
    void* pointer = nullptr;
    cl_mem buffer = nullptr;
    cl_command_queue queue = nullptr;
  };
  Objects<Map> maps_{};
};

}  // namespace aliquot::fuzz
