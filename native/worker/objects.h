// What the ids of one connection stand for. Only the decode thread touches these, save where a
// member says otherwise.
#pragma once

#include <CL/cl.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "worker/blocked_work.h"
#include "worker/completion.h"
#include "worker/kernel_arguments.h"
#include "worker/program_origin.h"
#include "worker/queue_progress.h"
#include "worker/split_safety.h"
#include "worker/turn_window.h"

namespace aliquot::worker {

// The command that made sub-devices, for making them again.
struct Partition {
  uint64_t serial = 0;
  std::vector<unsigned char> frame;
};

struct DeviceObject {
  cl_device_id device = nullptr;
  bool sub_device = false;
  std::shared_ptr<const Partition> partition;
};

// Devices of a build that goes on while the guest process may release them.
class KeptDevices {
 public:
  KeptDevices(const cl_icd_dispatch& calls, std::vector<cl_device_id> devices)
      : calls_(calls), devices_(std::move(devices)) {
    for (const cl_device_id device : devices_) {
      if (calls_.clRetainDevice != nullptr) calls_.clRetainDevice(device);
    }
  }
  ~KeptDevices() {
    for (const cl_device_id device : devices_) {
      if (calls_.clRetainDevice != nullptr) calls_.clReleaseDevice(device);
    }
  }
  KeptDevices(const KeptDevices&) = delete;
  KeptDevices& operator=(const KeptDevices&) = delete;

  cl_uint count() const { return static_cast<cl_uint>(devices_.size()); }
  const cl_device_id* data() const { return devices_.empty() ? nullptr : devices_.data(); }

 private:
  const cl_icd_dispatch& calls_;
  std::vector<cl_device_id> devices_;
};

struct ContextObject {
  cl_context context = nullptr;
  std::vector<uint32_t> devices;
};

struct QueueObject {
  cl_command_queue queue = nullptr;
  cl_context context = nullptr;
  uint32_t context_id = 0, device_id = 0;
  bool in_order = true;
  bool profiled = false;
  uint64_t commands = 0;                             // enqueued so far
  uint64_t evented = 0;                              // number of the last command that has an event
  uint64_t waiting = 0;                              // number of the last one with a wait list
  cl_int last_status = CL_SUCCESS;                   // return code of the last command
  std::shared_ptr<const std::string> hidden_kernel;  // name of the last launch without an event
  std::shared_ptr<QueueProgress> progress;
  std::shared_ptr<TurnWindow::Lane> lane;  // null: no turns are taken
  uint64_t hidden_ns = 0;       // what the launches without an event are expected to take
  BlockedWork::Handle block;    // all in it that waits for user events
  BlockedWork::Handle barrier;  // out of order: the last barrier that does
};

// Follows a buffer of the driver until the driver has really freed it.
struct BufferCharge;

struct BufferObject {
  cl_mem memory = nullptr;
  cl_int error = CL_SUCCESS;  // why each use of it fails
  cl_context context = nullptr;
  uint64_t size = 0;
  uint64_t serial = 0;  // tells a buffer from an earlier one of the same id
  BufferCharge* charge = nullptr;
  bool sub_buffer = false;
  // As the command said that made it.
  uint32_t of = 0;  // its context, or of a sub-buffer its parent
  uint32_t arena = 0;
  uint64_t flags = 0;
  uint64_t offset = 0;  // in the arena or in the parent
};

// Builds run on another thread, which keeps the program by this pointer, maybe longer than the
// connection lives.
struct Program {
  Program(const Driver& driver_of, cl_context context_of);
  ~Program();
  const Driver& driver;
  const cl_context context;
  std::atomic<cl_program> program{nullptr};  // null while a link has not ended, or failed
  // Builds that have not ended. A driver may keep who asks about the program waiting as long.
  std::atomic<uint32_t> builds{0};
  std::atomic<bool> pending{false};          // a link is under way
  std::atomic<bool> prints{false};           // its kernels may print
  // Why its kernels can't be launched in pieces: what its source says of this, and the whole answer.
  UnsplitReason unsplit_by_source = UnsplitReason::kNoSource;
  std::atomic<UnsplitReason> unsplit{UnsplitReason::kNoSource};
  std::shared_ptr<const ProgramOrigin> origin;  // the decode thread's
};

struct ProgramObject {
  std::shared_ptr<Program> program;
  uint32_t context_id = 0;
};

struct KernelObject {
  cl_kernel kernel = nullptr;
  std::shared_ptr<Program> program;
  std::shared_ptr<const std::string> name;
  std::vector<ArgumentInfo> arguments;
  struct Setting {
    bool set = false;
    uint32_t buffer = 0;  // the id of a buffer argument
    uint64_t serial = 0;
    uint32_t bytes = 0;
    std::vector<uint8_t> value;  // of one that is passed by value
  };
  std::vector<Setting> settings;
  std::shared_ptr<WorkCost> cost = std::make_shared<WorkCost>(WorkCost::of_kernel());
  uint32_t unset = 0;            // arguments that no launch has set yet
  uint64_t checked_release = 0;  // buffers of the connection released when settings were checked
};

struct EventObject {
  cl_event event = nullptr;
  cl_int error = CL_SUCCESS;  // the command failed and never had an event
  bool user = false;
  bool resolved = false;  // of a user event: its status was set
  bool profiled = false;
  uint32_t queue = 0;  // where the command lies
  uint32_t context_id = 0;
  std::optional<PastEvent> past;  // it ended in another worker; `event` stands for it in wait lists
  BlockedWork::Handle block;  // while it waits for a user event, or is one without a status
  std::shared_ptr<EventWatch> watch;
};

}  // namespace aliquot::worker
