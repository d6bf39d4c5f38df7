// Made by `python -m tools.generate` from spec/opencl/commands.toml; do not edit. The commands that
// a guest driver sends to its worker, as plain structs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace aliquot::opencl {

enum class Opcode : uint16_t {
  kSnapshot = 1,
  kCreateSubDevices = 2,
  kDeviceTimer = 3,
  kCreateContext = 8,
  kCreateQueue = 9,
  kRelease = 10,
  kCreateBuffer = 16,
  kCreateSubBuffer = 17,
  kDropArena = 18,
  kCreateProgramWithSource = 24,
  kCreateProgramWithBinary = 25,
  kBuildProgram = 26,
  kCompileProgram = 27,
  kLinkProgram = 28,
  kProgramInfo = 29,
  kProgramBuildInfo = 30,
  kCreateKernel = 31,
  kKernelInfo = 33,
  kKernelWorkGroupInfo = 34,
  kKernelSubGroupInfo = 35,
  kLaunch = 48,
  kWriteBuffer = 49,
  kReadBuffer = 50,
  kWriteBufferRect = 51,
  kReadBufferRect = 52,
  kCopyBuffer = 53,
  kCopyBufferRect = 54,
  kFillBuffer = 55,
  kMigrateBuffers = 56,
  kMarker = 57,
  kBarrier = 58,
  kFlush = 59,
  kSync = 60,
  kLastError = 61,
  kCreateUserEvent = 72,
  kSetUserEventStatus = 73,
  kWatchEvent = 74,
};

constexpr size_t kCommandCount = 37;

// All opcodes, ascending.
constexpr Opcode kOpcodes[kCommandCount] = {
    Opcode::kSnapshot,
    Opcode::kCreateSubDevices,
    Opcode::kDeviceTimer,
    Opcode::kCreateContext,
    Opcode::kCreateQueue,
    Opcode::kRelease,
    Opcode::kCreateBuffer,
    Opcode::kCreateSubBuffer,
    Opcode::kDropArena,
    Opcode::kCreateProgramWithSource,
    Opcode::kCreateProgramWithBinary,
    Opcode::kBuildProgram,
    Opcode::kCompileProgram,
    Opcode::kLinkProgram,
    Opcode::kProgramInfo,
    Opcode::kProgramBuildInfo,
    Opcode::kCreateKernel,
    Opcode::kKernelInfo,
    Opcode::kKernelWorkGroupInfo,
    Opcode::kKernelSubGroupInfo,
    Opcode::kLaunch,
    Opcode::kWriteBuffer,
    Opcode::kReadBuffer,
    Opcode::kWriteBufferRect,
    Opcode::kReadBufferRect,
    Opcode::kCopyBuffer,
    Opcode::kCopyBufferRect,
    Opcode::kFillBuffer,
    Opcode::kMigrateBuffers,
    Opcode::kMarker,
    Opcode::kBarrier,
    Opcode::kFlush,
    Opcode::kSync,
    Opcode::kLastError,
    Opcode::kCreateUserEvent,
    Opcode::kSetUserEventStatus,
    Opcode::kWatchEvent,
};

// What an id names; each kind has its own table of ids.
enum class ObjectKind : uint32_t {
  kDevice = 0,
  kContext = 1,
  kQueue = 2,
  kBuffer = 3,
  kProgram = 4,
  kKernel = 5,
  kEvent = 6,
};
constexpr size_t kObjectKinds = 7;

// What the worker does for a command at most.
enum class Cost : uint8_t {
  kLight,
  kDriver,
  kDevice,
  kCompiler,
};

// What a later replay must know of a command.
enum class Record : uint8_t {
  kNone,
  kCreates,
  kDestroys,
  kMutates,
  kDepends,
};

// Where the worker puts the answer.
struct ReplyTarget {
  uint32_t slot = 0;
  uint32_t arena = 0;
  uint64_t offset = 0;
  uint64_t capacity = 0;
};

// Reply: list of (u32 scope: 0 platform, 1 device; u32 parameter; u32 bytes; the bytes, padded to
// 4): every information query of platform and device. Cost: light.
struct SnapshotCommand {
  static constexpr Opcode kOpcode = Opcode::kSnapshot;
  ReplyTarget reply;
  uint32_t device = 0;  // device
};

// Reply: u32 number of sub-devices that the driver made; they take ids in the given order. Cost:
// driver. Record: creates.
struct CreateSubDevicesCommand {
  static constexpr Opcode kOpcode = Opcode::kCreateSubDevices;
  ReplyTarget reply;
  uint32_t device = 0;  // device
  std::span<const uint64_t> properties;  // at most 64
  std::span<const uint32_t> sub_devices;  // new devices, at most 256
};

// Reply: u64 device ns, u64 host ns. Cost: driver.
struct DeviceTimerCommand {
  static constexpr Opcode kOpcode = Opcode::kDeviceTimer;
  ReplyTarget reply;
  uint32_t device = 0;  // device
};

// Reply: nothing. Cost: driver. Record: creates.
struct CreateContextCommand {
  static constexpr Opcode kOpcode = Opcode::kCreateContext;
  ReplyTarget reply;
  uint32_t context = 0;  // new context
  std::span<const uint32_t> devices;  // devices, at most 256
};

// Reply: nothing. Cost: driver. Record: creates.
struct CreateQueueCommand {
  static constexpr Opcode kOpcode = Opcode::kCreateQueue;
  ReplyTarget reply;
  uint32_t queue = 0;  // new queue
  uint32_t context = 0;  // context
  uint32_t device = 0;  // device
  uint64_t properties = 0;
};

// Asynchronous. Cost: driver. Record: destroys.
struct ReleaseCommand {
  static constexpr Opcode kOpcode = Opcode::kRelease;
  uint32_t kind = 0;
  uint32_t object = 0;
};

// Asynchronous. Cost: driver. Record: creates.
struct CreateBufferCommand {
  static constexpr Opcode kOpcode = Opcode::kCreateBuffer;
  uint32_t buffer = 0;  // new buffer
  uint32_t context = 0;  // context
  uint64_t flags = 0;
  uint64_t size = 0;
  uint32_t arena = 0;
  uint64_t offset = 0;
};

// Asynchronous. Cost: driver. Record: creates.
struct CreateSubBufferCommand {
  static constexpr Opcode kOpcode = Opcode::kCreateSubBuffer;
  uint32_t buffer = 0;  // new buffer
  uint32_t parent = 0;  // buffer
  uint64_t flags = 0;
  uint64_t origin = 0;
  uint64_t size = 0;
};

// Asynchronous. Cost: light.
struct DropArenaCommand {
  static constexpr Opcode kOpcode = Opcode::kDropArena;
  uint32_t arena = 0;
};

// Reply: nothing. Cost: driver. Record: creates.
struct CreateProgramWithSourceCommand {
  static constexpr Opcode kOpcode = Opcode::kCreateProgramWithSource;
  ReplyTarget reply;
  uint32_t program = 0;  // new program
  uint32_t context = 0;  // context
  uint32_t arena = 0;
  uint64_t offset = 0;
  uint64_t size = 0;
};

// Reply: i32 status of each device. Cost: driver. Record: creates.
struct CreateProgramWithBinaryCommand {
  static constexpr Opcode kOpcode = Opcode::kCreateProgramWithBinary;
  ReplyTarget reply;
  uint32_t program = 0;  // new program
  uint32_t context = 0;  // context
  std::span<const uint32_t> devices;  // devices, at most 256
  std::span<const uint64_t> sizes;  // at most 256
  uint32_t arena = 0;
  uint64_t offset = 0;
};

// Reply: nothing; status is the driver's return code. Cost: compiler. Record: mutates.
struct BuildProgramCommand {
  static constexpr Opcode kOpcode = Opcode::kBuildProgram;
  ReplyTarget reply;
  uint32_t program = 0;  // program
  std::span<const uint32_t> devices;  // devices, at most 256
  std::span<const uint8_t> options;  // at most 16384
};

// Reply: nothing; status is the driver's return code. Cost: compiler. Record: mutates.
struct CompileProgramCommand {
  static constexpr Opcode kOpcode = Opcode::kCompileProgram;
  ReplyTarget reply;
  uint32_t program = 0;  // program
  std::span<const uint32_t> devices;  // devices, at most 256
  std::span<const uint8_t> options;  // at most 16384
  std::span<const uint32_t> headers;  // programs, at most 256
  std::span<const uint8_t> header_names;  // at most 16384
};

// Reply: u32 1 when a program was made, else 0; status is the driver's return code. Cost: compiler.
// Record: creates.
struct LinkProgramCommand {
  static constexpr Opcode kOpcode = Opcode::kLinkProgram;
  ReplyTarget reply;
  uint32_t program = 0;  // new program
  uint32_t context = 0;  // context
  std::span<const uint32_t> devices;  // devices, at most 256
  std::span<const uint8_t> options;  // at most 16384
  std::span<const uint32_t> inputs;  // programs, at most 256
};

// Reply: the driver's bytes; for CL_PROGRAM_BINARIES the binaries one after another. Cost: driver.
struct ProgramInfoCommand {
  static constexpr Opcode kOpcode = Opcode::kProgramInfo;
  ReplyTarget reply;
  uint32_t program = 0;  // program
  uint32_t parameter = 0;
};

// Reply: the driver's bytes. Cost: driver.
struct ProgramBuildInfoCommand {
  static constexpr Opcode kOpcode = Opcode::kProgramBuildInfo;
  ReplyTarget reply;
  uint32_t program = 0;  // program
  uint32_t device = 0;  // device
  uint32_t parameter = 0;
};

// Reply: u32 number of arguments, then for each: u32 class (0 value, 1 buffer, 2 local, 3 sampler,
// 4 image, 5 other), u32 bytes of a value (0: unknown), u32 address qualifier, u32 access
// qualifier, u64 type qualifier, u32 bytes of the type name, u32 bytes of the name, both strings
// padded to 8 together; strings are empty when the driver keeps none. Cost: driver. Record:
// creates.
struct CreateKernelCommand {
  static constexpr Opcode kOpcode = Opcode::kCreateKernel;
  ReplyTarget reply;
  uint32_t kernel = 0;  // new kernel
  uint32_t program = 0;  // program
  std::span<const uint8_t> name;  // at most 4096
};

// Reply: the driver's bytes. Cost: driver.
struct KernelInfoCommand {
  static constexpr Opcode kOpcode = Opcode::kKernelInfo;
  ReplyTarget reply;
  uint32_t kernel = 0;  // kernel
  uint32_t parameter = 0;
};

// Reply: the driver's bytes. Cost: driver.
struct KernelWorkGroupInfoCommand {
  static constexpr Opcode kOpcode = Opcode::kKernelWorkGroupInfo;
  ReplyTarget reply;
  uint32_t kernel = 0;  // kernel
  uint32_t device = 0;  // device
  uint32_t parameter = 0;
};

// Reply: the driver's bytes. Cost: driver.
struct KernelSubGroupInfoCommand {
  static constexpr Opcode kOpcode = Opcode::kKernelSubGroupInfo;
  ReplyTarget reply;
  uint32_t kernel = 0;  // kernel
  uint32_t device = 0;  // device
  uint32_t parameter = 0;
  std::span<const uint8_t> input;  // at most 64
};

// Asynchronous. Cost: device. Record: depends.
struct LaunchCommand {
  static constexpr Opcode kOpcode = Opcode::kLaunch;
  uint32_t queue = 0;  // queue
  uint32_t kernel = 0;  // kernel
  uint32_t event = 0;  // new event or 0
  uint32_t dimensions = 0;
  std::span<const uint64_t> shape;  // at most 9
  uint32_t flags = 0;
  std::span<const uint32_t> wait;  // events, at most 4096
  std::span<const uint8_t> arguments;  // at most 32768
};

// Asynchronous. Cost: device. Record: mutates.
struct WriteBufferCommand {
  static constexpr Opcode kOpcode = Opcode::kWriteBuffer;
  uint32_t queue = 0;  // queue
  uint32_t buffer = 0;  // buffer
  uint32_t event = 0;  // new event or 0
  uint32_t arena = 0;
  uint64_t offset = 0;
  uint64_t size = 0;
  uint64_t arena_offset = 0;
  std::span<const uint32_t> wait;  // events, at most 4096
};

// Asynchronous. Cost: device.
struct ReadBufferCommand {
  static constexpr Opcode kOpcode = Opcode::kReadBuffer;
  uint32_t queue = 0;  // queue
  uint32_t buffer = 0;  // buffer
  uint32_t event = 0;  // new event or 0
  uint32_t arena = 0;
  uint64_t offset = 0;
  uint64_t size = 0;
  uint64_t arena_offset = 0;
  std::span<const uint32_t> wait;  // events, at most 4096
};

// Asynchronous. Cost: device. Record: mutates.
struct WriteBufferRectCommand {
  static constexpr Opcode kOpcode = Opcode::kWriteBufferRect;
  uint32_t queue = 0;  // queue
  uint32_t buffer = 0;  // buffer
  uint32_t event = 0;  // new event or 0
  uint32_t arena = 0;
  uint64_t arena_offset = 0;
  std::span<const uint64_t> geometry;  // at most 8
  std::span<const uint32_t> wait;  // events, at most 4096
};

// Asynchronous. Cost: device.
struct ReadBufferRectCommand {
  static constexpr Opcode kOpcode = Opcode::kReadBufferRect;
  uint32_t queue = 0;  // queue
  uint32_t buffer = 0;  // buffer
  uint32_t event = 0;  // new event or 0
  uint32_t arena = 0;
  uint64_t arena_offset = 0;
  std::span<const uint64_t> geometry;  // at most 8
  std::span<const uint32_t> wait;  // events, at most 4096
};

// Asynchronous. Cost: device. Record: mutates.
struct CopyBufferCommand {
  static constexpr Opcode kOpcode = Opcode::kCopyBuffer;
  uint32_t queue = 0;  // queue
  uint32_t source = 0;  // buffer
  uint32_t target = 0;  // buffer
  uint32_t event = 0;  // new event or 0
  uint64_t source_offset = 0;
  uint64_t target_offset = 0;
  uint64_t size = 0;
  std::span<const uint32_t> wait;  // events, at most 4096
};

// Asynchronous. Cost: device. Record: mutates.
struct CopyBufferRectCommand {
  static constexpr Opcode kOpcode = Opcode::kCopyBufferRect;
  uint32_t queue = 0;  // queue
  uint32_t source = 0;  // buffer
  uint32_t target = 0;  // buffer
  uint32_t event = 0;  // new event or 0
  std::span<const uint64_t> geometry;  // at most 13
  std::span<const uint32_t> wait;  // events, at most 4096
};

// Asynchronous. Cost: device. Record: mutates.
struct FillBufferCommand {
  static constexpr Opcode kOpcode = Opcode::kFillBuffer;
  uint32_t queue = 0;  // queue
  uint32_t buffer = 0;  // buffer
  uint32_t event = 0;  // new event or 0
  uint64_t offset = 0;
  uint64_t size = 0;
  std::span<const uint8_t> pattern;  // at most 128
  std::span<const uint32_t> wait;  // events, at most 4096
};

// Asynchronous. Cost: device.
struct MigrateBuffersCommand {
  static constexpr Opcode kOpcode = Opcode::kMigrateBuffers;
  uint32_t queue = 0;  // queue
  uint32_t event = 0;  // new event or 0
  uint64_t flags = 0;
  std::span<const uint32_t> buffers;  // buffers, at most 4096
  std::span<const uint32_t> wait;  // events, at most 4096
};

// Asynchronous. Cost: device.
struct MarkerCommand {
  static constexpr Opcode kOpcode = Opcode::kMarker;
  uint32_t queue = 0;  // queue
  uint32_t event = 0;  // new event or 0
  std::span<const uint32_t> wait;  // events, at most 4096
};

// Asynchronous. Cost: device.
struct BarrierCommand {
  static constexpr Opcode kOpcode = Opcode::kBarrier;
  uint32_t queue = 0;  // queue
  uint32_t event = 0;  // new event or 0
  std::span<const uint32_t> wait;  // events, at most 4096
};

// Asynchronous. Cost: driver.
struct FlushCommand {
  static constexpr Opcode kOpcode = Opcode::kFlush;
  uint32_t queue = 0;  // queue
};

// Asynchronous. Cost: driver.
struct SyncCommand {
  static constexpr Opcode kOpcode = Opcode::kSync;
  uint32_t queue = 0;  // queue
  uint64_t sequence = 0;
};

// Reply: nothing; status is the return code of the last command on this queue. Cost: light.
struct LastErrorCommand {
  static constexpr Opcode kOpcode = Opcode::kLastError;
  ReplyTarget reply;
  uint32_t queue = 0;  // queue
};

// Asynchronous. Cost: driver. Record: creates.
struct CreateUserEventCommand {
  static constexpr Opcode kOpcode = Opcode::kCreateUserEvent;
  uint32_t event = 0;  // new event
  uint32_t context = 0;  // context
};

// Asynchronous. Cost: driver. Record: mutates.
struct SetUserEventStatusCommand {
  static constexpr Opcode kOpcode = Opcode::kSetUserEventStatus;
  uint32_t event = 0;  // event
  int32_t status = 0;
};

// Asynchronous. Cost: driver.
struct WatchEventCommand {
  static constexpr Opcode kOpcode = Opcode::kWatchEvent;
  uint32_t event = 0;  // event
  uint32_t notify = 0;
  uint32_t levels = 0;
};

// The command's name in the table; "unknown" for a number that is no opcode.
constexpr const char* name_of(Opcode opcode) {
  switch (opcode) {
    case Opcode::kSnapshot:
      return "snapshot";
    case Opcode::kCreateSubDevices:
      return "create_sub_devices";
    case Opcode::kDeviceTimer:
      return "device_timer";
    case Opcode::kCreateContext:
      return "create_context";
    case Opcode::kCreateQueue:
      return "create_queue";
    case Opcode::kRelease:
      return "release";
    case Opcode::kCreateBuffer:
      return "create_buffer";
    case Opcode::kCreateSubBuffer:
      return "create_sub_buffer";
    case Opcode::kDropArena:
      return "drop_arena";
    case Opcode::kCreateProgramWithSource:
      return "create_program_with_source";
    case Opcode::kCreateProgramWithBinary:
      return "create_program_with_binary";
    case Opcode::kBuildProgram:
      return "build_program";
    case Opcode::kCompileProgram:
      return "compile_program";
    case Opcode::kLinkProgram:
      return "link_program";
    case Opcode::kProgramInfo:
      return "program_info";
    case Opcode::kProgramBuildInfo:
      return "program_build_info";
    case Opcode::kCreateKernel:
      return "create_kernel";
    case Opcode::kKernelInfo:
      return "kernel_info";
    case Opcode::kKernelWorkGroupInfo:
      return "kernel_work_group_info";
    case Opcode::kKernelSubGroupInfo:
      return "kernel_sub_group_info";
    case Opcode::kLaunch:
      return "launch";
    case Opcode::kWriteBuffer:
      return "write_buffer";
    case Opcode::kReadBuffer:
      return "read_buffer";
    case Opcode::kWriteBufferRect:
      return "write_buffer_rect";
    case Opcode::kReadBufferRect:
      return "read_buffer_rect";
    case Opcode::kCopyBuffer:
      return "copy_buffer";
    case Opcode::kCopyBufferRect:
      return "copy_buffer_rect";
    case Opcode::kFillBuffer:
      return "fill_buffer";
    case Opcode::kMigrateBuffers:
      return "migrate_buffers";
    case Opcode::kMarker:
      return "marker";
    case Opcode::kBarrier:
      return "barrier";
    case Opcode::kFlush:
      return "flush";
    case Opcode::kSync:
      return "sync";
    case Opcode::kLastError:
      return "last_error";
    case Opcode::kCreateUserEvent:
      return "create_user_event";
    case Opcode::kSetUserEventStatus:
      return "set_user_event_status";
    case Opcode::kWatchEvent:
      return "watch_event";
  }
  return "unknown";
}

// True for commands without a reply slot.
constexpr bool is_asynchronous(Opcode opcode) {
  switch (opcode) {
    case Opcode::kRelease:
    case Opcode::kCreateBuffer:
    case Opcode::kCreateSubBuffer:
    case Opcode::kDropArena:
    case Opcode::kLaunch:
    case Opcode::kWriteBuffer:
    case Opcode::kReadBuffer:
    case Opcode::kWriteBufferRect:
    case Opcode::kReadBufferRect:
    case Opcode::kCopyBuffer:
    case Opcode::kCopyBufferRect:
    case Opcode::kFillBuffer:
    case Opcode::kMigrateBuffers:
    case Opcode::kMarker:
    case Opcode::kBarrier:
    case Opcode::kFlush:
    case Opcode::kSync:
    case Opcode::kCreateUserEvent:
    case Opcode::kSetUserEventStatus:
    case Opcode::kWatchEvent:
      return true;
    default:
      return false;
  }
}

constexpr Cost cost_of(Opcode opcode) {
  switch (opcode) {
    case Opcode::kCreateSubDevices:
    case Opcode::kDeviceTimer:
    case Opcode::kCreateContext:
    case Opcode::kCreateQueue:
    case Opcode::kRelease:
    case Opcode::kCreateBuffer:
    case Opcode::kCreateSubBuffer:
    case Opcode::kCreateProgramWithSource:
    case Opcode::kCreateProgramWithBinary:
    case Opcode::kProgramInfo:
    case Opcode::kProgramBuildInfo:
    case Opcode::kCreateKernel:
    case Opcode::kKernelInfo:
    case Opcode::kKernelWorkGroupInfo:
    case Opcode::kKernelSubGroupInfo:
    case Opcode::kFlush:
    case Opcode::kSync:
    case Opcode::kCreateUserEvent:
    case Opcode::kSetUserEventStatus:
    case Opcode::kWatchEvent:
      return Cost::kDriver;
    case Opcode::kLaunch:
    case Opcode::kWriteBuffer:
    case Opcode::kReadBuffer:
    case Opcode::kWriteBufferRect:
    case Opcode::kReadBufferRect:
    case Opcode::kCopyBuffer:
    case Opcode::kCopyBufferRect:
    case Opcode::kFillBuffer:
    case Opcode::kMigrateBuffers:
    case Opcode::kMarker:
    case Opcode::kBarrier:
      return Cost::kDevice;
    case Opcode::kBuildProgram:
    case Opcode::kCompileProgram:
    case Opcode::kLinkProgram:
      return Cost::kCompiler;
    default:
      return Cost::kLight;
  }
}

constexpr Record record_of(Opcode opcode) {
  switch (opcode) {
    case Opcode::kCreateSubDevices:
    case Opcode::kCreateContext:
    case Opcode::kCreateQueue:
    case Opcode::kCreateBuffer:
    case Opcode::kCreateSubBuffer:
    case Opcode::kCreateProgramWithSource:
    case Opcode::kCreateProgramWithBinary:
    case Opcode::kLinkProgram:
    case Opcode::kCreateKernel:
    case Opcode::kCreateUserEvent:
      return Record::kCreates;
    case Opcode::kRelease:
      return Record::kDestroys;
    case Opcode::kBuildProgram:
    case Opcode::kCompileProgram:
    case Opcode::kWriteBuffer:
    case Opcode::kWriteBufferRect:
    case Opcode::kCopyBuffer:
    case Opcode::kCopyBufferRect:
    case Opcode::kFillBuffer:
    case Opcode::kSetUserEventStatus:
      return Record::kMutates;
    case Opcode::kLaunch:
      return Record::kDepends;
    default:
      return Record::kNone;
  }
}

// The kind's name in the table; "unknown" for a number that is no kind.
constexpr const char* name_of(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kDevice:
      return "device";
    case ObjectKind::kContext:
      return "context";
    case ObjectKind::kQueue:
      return "queue";
    case ObjectKind::kBuffer:
      return "buffer";
    case ObjectKind::kProgram:
      return "program";
    case ObjectKind::kKernel:
      return "kernel";
    case ObjectKind::kEvent:
      return "event";
  }
  return "unknown";
}

}  // namespace aliquot::opencl
