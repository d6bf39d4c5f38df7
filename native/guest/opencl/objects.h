// The OpenCL objects of the guest driver, and how they live.
//
// LOCKS, in the order in which they may be taken. Whoever holds one may take those below it only.
//   1. Program::lock    state of builds and its caches. May be held while a reply is awaited. So
//      may Kernel::lock, which guards cached answers only.
//   2. Context::lock, Event locks (event.cpp), Buffer::lock   short; never held while waiting.
//   3. Connection::lock()  the ring. It also guards, because they must change in the order in which
//      commands enter the ring: Queue::submitted/sync_sent/flush_sent, Buffer::uses, the `sent`
//      marks of kernel arguments, and the id pools. Never held while waiting (a full ring apart).
// Kernel arguments have no lock: the specification makes clSetKernelArg on one kernel the program's
// own affair; a program that races gets wrong values, not a crash (all storage has a fixed place).
// The socket lock inside Connection is taken only when no other lock is held, except 1.
//
// COUNTS. Every object has three:
//   references  the program's (clRetain/clRelease); what CL_*_REFERENCE_COUNT reports.
//   holds       what keeps the object working: 1 while references > 0, and one for each child
//               (a queue holds its context, a kernel its program, a sub-buffer its parent, …).
//               At 0 `finalize` runs: tells the worker `release`, gives credit and blocks back,
//               lets go of what it holds itself.
//   pins        what keeps only the struct's memory: 1 while holds > 0, and one for each pointer
//               that may outlive the object (kernel arguments, the helper thread's lists). At 0
//               the memory is freed. A pinned object that was finalized has magic 0.
// Platform and root device are never counted nor freed; they survive fork(), because loaders and
// programs remember them. Everything else belongs to one connection and dies with it: then calls
// return CL_OUT_OF_RESOURCES (creation: CL_DEVICE_NOT_AVAILABLE), and releases just count.
//
// LAST RELEASE WHILE ENQUEUED. Commands and releases travel in one ring in order, and the driver
// below keeps its objects while they are enqueued; so `release` is sent at once. Two things must
// wait for the end of the last use, and those who own them see to it: a block in an arena that
// both ends map (buffer.cpp), and the id of a queue, which is also an index of shared memory:
// queue.cpp sends `sync` before `release` and hands the id out again when the slot says completed,
// so QueueSlot::completed never goes back and (queue id, sequence) names a point in time for ever.
//
// SEQUENCES. Every command for a queue takes the next number of Queue::submitted when it enters
// the ring (submit() in internal.h). Completed <=> QueueSlot::completed >= number, which the worker
// publishes only when `sync` asked for it.
#pragma once

#define CL_TARGET_OPENCL_VERSION 300
#define CL_USE_DEPRECATED_OPENCL_1_0_APIS
#define CL_USE_DEPRECATED_OPENCL_1_1_APIS
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#define CL_USE_DEPRECATED_OPENCL_2_0_APIS
#define CL_USE_DEPRECATED_OPENCL_2_1_APIS
#define CL_USE_DEPRECATED_OPENCL_2_2_APIS
#include <CL/cl.h>
#include <CL/cl_ext.h>
#include <CL/cl_icd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "guest/arena.h"
#include "guest/array.h"
#include "guest/connection.h"

namespace aliquot::guest::opencl {

/// As numbered by `kinds` in commands.toml; platforms have no ids.
enum class Kind : uint32_t {
  kDevice = 0,
  kContext = 1,
  kQueue = 2,
  kBuffer = 3,
  kProgram = 4,
  kKernel = 5,
  kEvent = 6,
  kPlatform = 7,
};

constexpr uint32_t kRootDevice = 1;  // its id on every connection

struct Object {
  // Read by the ICD loader: the table of functions, and (cl_khr_icd 2) the loader's own data.
  const void* dispatch;
  void* dispatch_data;

  std::atomic<uint32_t> magic;  // magic_of(kind); 0 once finalized
  uint32_t id = 0;              // the worker's; 0: the worker doesn't know it (yet)
  Kind kind;
  std::atomic<uint32_t> references{1};
  std::atomic<uint32_t> holds{1};
  std::atomic<uint32_t> pins{1};
  Connection* connection;  // nullptr: platform and root device only

  Object(Kind object_kind, Connection* of);
};

constexpr uint32_t magic_of(Kind kind) { return 0xA110'7000u + static_cast<uint32_t>(kind); }

struct Device;
struct Context;
struct Queue;
struct Buffer;
struct Program;

template <class T>
struct HandleOf;

/// One answer to an information query, from the snapshot.
struct Answer {
  const void* data = nullptr;
  uint32_t size = 0;
  bool known = false;
};

struct RareAnswer {
  uint32_t parameter;
  Answer answer;
};

struct Platform : Object {
  static constexpr Kind kKind = Kind::kPlatform;
  Platform() : Object(kKind, nullptr) {}
};

struct Device : Object {
  static constexpr Kind kKind = Kind::kDevice;
  static constexpr uint32_t kFirstParameter = 0x1000;  // CL_DEVICE_TYPE
  static constexpr uint32_t kParameters = 0x100;
  explicit Device(Connection* of) : Object(kKind, of) {}

  Answer answers[kParameters];  // CL_DEVICE_* from 0x1000; constant once made
  Array<RareAnswer> rare;       // those of extensions, outside that range
  void* storage = nullptr;      // what `data` points into; freed with a sub-device

  // What checks need at every call, decoded once.
  size_t max_work_group_size = 0;
  size_t max_work_item_sizes[3] = {};
  uint32_t dimensions = 3;
  uint32_t base_address_align_bits = 0;
  uint64_t max_mem_alloc_size = 0;
  uint64_t global_mem_size = 0;
  uint64_t queue_properties = 0;
  uint32_t version = 0;  // 102, 120, 200, 300: OpenCL's major * 100 + minor * 10
  bool non_uniform_work_groups = false;
  bool available = true;
  bool little_endian = true;

  Device* parent = nullptr;  // of a sub-device; held
  Array<cl_device_partition_property> partition;  // as given, 0 included
};

/// Runs at the end of a context or buffer, last registered first, on the thread that lets go of it
/// last: so a program that releases and ends gets its calls.
struct DestructorCallback {
  void (*function)(void* object, void* user_data);  // cast from the API's type: same C signature
  void* user_data;
};

struct Context : Object {
  static constexpr Kind kKind = Kind::kContext;
  explicit Context(Connection* of) : Object(kKind, of) {}

  Array<Device*, 4> devices;                 // held
  Array<cl_context_properties> properties;  // as given, 0 included
  Lock lock;                                 // guards what follows
  Array<DestructorCallback> destructors;
  // Carries initial contents to buffers that the driver allocates (staged mode). Made at first
  // need, in order, never seen by the program; holds nothing (upload_queue.cpp).
  Queue* upload_queue = nullptr;
  uint32_t ended_event = 0;  // id of an event that has always been complete (enqueue.cpp)

  bool has(const Device* device) const {
    for (const Device* own : devices) {
      if (own == device) return true;
    }
    return false;
  }
};

struct QueueTransfers;  // transfer.h: what the staged transfers of a queue still owe

struct Queue : Object {
  static constexpr Kind kKind = Kind::kQueue;
  explicit Queue(Connection* of) : Object(kKind, of) {}

  Context* context = nullptr;  // held
  Device* device = nullptr;    // held
  cl_command_queue_properties properties = 0;
  Array<cl_queue_properties> property_list;  // as given, 0 included; empty when not given
  bool has_property_list = false;
  layout::QueueSlot* slot = nullptr;

  // Changed under the connection lock only; may be read without.
  std::atomic<uint64_t> submitted{0};   // sequence of the last command in the ring
  std::atomic<uint64_t> sync_sent{0};   // highest sequence asked for by `sync`
  std::atomic<uint64_t> flush_sent{0};  // submitted at the last flush
  std::atomic<uint64_t> launched{0};    // sequence of the last kernel
  std::atomic<uint64_t> gated{0};       // the last command that may wait for a user event
  std::atomic<bool> waits_elsewhere{false};  // some command's wait list was not empty

  std::atomic<QueueTransfers*> transfers{nullptr};  // made at the first staged transfer

  bool in_order() const { return (properties & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE) == 0; }
  bool profiling() const { return (properties & CL_QUEUE_PROFILING_ENABLE) != 0; }
  /// Everything that was submitted is known to have ended. Costs no message.
  bool idle() const {
    return slot->completed.load(std::memory_order_acquire) >=
           submitted.load(std::memory_order_relaxed);
  }
};

/// "The queue with this id has used it, the last time with this sequence."
struct LastUse {
  uint32_t queue;
  uint64_t sequence;
};

struct MapRecord;  // map.cpp

struct Buffer : Object {
  static constexpr Kind kKind = Kind::kBuffer;
  explicit Buffer(Connection* of) : Object(kKind, of) {}

  Context* context = nullptr;  // held
  cl_mem_flags flags = 0;      // as reported: inherited ones included
  size_t size = 0;
  void* host_ptr = nullptr;    // CL_MEM_HOST_PTR
  Buffer* parent = nullptr;    // of a sub-buffer; held
  size_t origin = 0;           // in the parent
  Array<cl_mem_properties> properties;  // as given, 0 included
  bool has_properties = false;

  Lock lock;  // guards maps, destructors, materializing
  Array<DestructorCallback> destructors;
  MapRecord* maps = nullptr;
  std::atomic<uint32_t> map_count{0};

  std::atomic<bool> materialized{false};  // the worker has been told
  uint64_t credit_bytes = 0;              // given back at the end
  // Root only from here on.
  std::atomic<bool> block_tried{false};   // `block` is final
  Block block;                            // pages that both ends map, if any
  Array<LastUse, 2> uses;                 // guarded by the connection lock
  std::atomic<bool> uploading{false};     // initial contents are under way in `upload`
  LastUse upload{};

  Buffer& root() { return parent != nullptr ? *parent : *this; }
};

enum class ArgumentClass : uint32_t {  // as in the reply of create_kernel
  kValue = 0,
  kBuffer = 1,
  kLocal = 2,
  kSampler = 3,
  kImage = 4,
  kOther = 5,
};

struct KernelArgument {
  ArgumentClass type = ArgumentClass::kOther;
  uint32_t declared_bytes = 0;  // of a value; 0: unknown
  uint32_t address_qualifier = 0;
  uint32_t access_qualifier = 0;
  uint64_t type_qualifier = 0;
  const char* type_name = nullptr;  // into Kernel::strings
  const char* name = nullptr;

  bool set = false;
  bool sent = false;            // the worker's kernel has this value
  uint32_t bytes = 0;           // of `value`, or of local memory
  uint64_t local_bytes = 0;     // class kLocal
  Buffer* buffer = nullptr;     // class kBuffer; pinned; nullptr: a null argument
  unsigned char* value = nullptr;  // class kValue; `capacity` bytes
  uint32_t capacity = 0;
};

struct CachedInfo;   // info_cache.h
struct GroupLimits;  // kernel_info.h

struct Kernel : Object {
  static constexpr Kind kKind = Kind::kKernel;
  explicit Kernel(Connection* of) : Object(kKind, of) {}

  Program* program = nullptr;  // held
  Context* context = nullptr;  // the program's
  char* name = nullptr;
  KernelArgument* arguments = nullptr;
  uint32_t argument_count = 0;
  uint32_t buffer_argument_count = 0;
  char* strings = nullptr;
  bool has_argument_info = false;
  Lock lock;  // guards infos, and additions to limits
  CachedInfo* infos = nullptr;
  std::atomic<GroupLimits*> limits{nullptr};  // kernel_info.h
};

struct Program : Object {
  static constexpr Kind kKind = Kind::kProgram;
  explicit Program(Connection* of) : Object(kKind, of) {}

  Context* context = nullptr;  // held
  Array<Device*, 4> devices;   // held by the context; constant
  char* source = nullptr;      // nullptr: made from binaries or linked
  size_t source_bytes = 0;     // without the terminating 0
  std::atomic<uint32_t> kernels{0};  // attached: no build while there are any
  std::atomic<cl_build_status> status{CL_BUILD_NONE};  // of all devices together

  Lock lock;                // guards what follows, and lets one build run at a time
  uint64_t created_from = 0;  // fingerprint of the text that the worker's program was made from
  char* options = nullptr;    // of the last build, compile or link
  CachedInfo* infos = nullptr;  // dropped at each build
};

/// See event.cpp, which owns the meaning of everything here.
struct EventCallback;

struct Event : Object {
  static constexpr Kind kKind = Kind::kEvent;
  explicit Event(Connection* of) : Object(kKind, of) {}

  Context* context = nullptr;  // held
  Queue* queue = nullptr;      // held; nullptr: a user event
  cl_command_type command_type = 0;
  uint64_t sequence = 0;  // of its command in the queue; 0: never reached the ring
  bool gated = false;     // its command may wait for a user event that was not set yet

  Lock lock;
  std::atomic<int32_t> local_status{CL_QUEUED};  // final once <= CL_COMPLETE
  std::atomic<bool> watched{false};    // `watch_event` was sent: the slot speaks
  uint32_t watch_levels = 0;           // asked for so far; guarded by `lock`
  std::atomic<uint32_t> sleepers{0};   // on local_status (user events only)
  std::atomic<uint32_t> probed_at{0};  // EventState::ends_seen when the worker was last asked
  bool has_times = false;
  uint64_t times[4] = {};  // queued, submitted, started, ended
  EventCallback* callbacks = nullptr;  // guarded by `lock`, as is:
  bool notifies = false;               // the helper thread awaits word from the worker
  // A staged read belongs to this event: complete only once its bytes are copied out.
  std::atomic<bool> copies_out{false};
};

template <> struct HandleOf<Platform> { using Type = cl_platform_id; };
template <> struct HandleOf<Device> { using Type = cl_device_id; };
template <> struct HandleOf<Context> { using Type = cl_context; };
template <> struct HandleOf<Queue> { using Type = cl_command_queue; };
template <> struct HandleOf<Buffer> { using Type = cl_mem; };
template <> struct HandleOf<Program> { using Type = cl_program; };
template <> struct HandleOf<Kernel> { using Type = cl_kernel; };
template <> struct HandleOf<Event> { using Type = cl_event; };

/// The object behind a handle of the API; nullptr when it isn't one of this kind, or is gone.
template <class T>
inline T* from_handle(typename HandleOf<T>::Type handle) {
  if (handle == nullptr) return nullptr;
  Object* object = reinterpret_cast<Object*>(handle);
  if (object->magic.load(std::memory_order_relaxed) != magic_of(T::kKind)) return nullptr;
  return static_cast<T*>(object);
}

template <class T>
inline typename HandleOf<T>::Type to_handle(T* object) {
  return reinterpret_cast<typename HandleOf<T>::Type>(static_cast<Object*>(object));
}

/// A new object with one reference; nullptr: no memory.
template <class T>
T* make(Connection* connection) {
  void* memory = malloc(sizeof(T));
  return memory == nullptr ? nullptr : new (memory) T(connection);
}

// ---- counts (objects.cpp)
inline void hold(Object& object) { object.holds.fetch_add(1, std::memory_order_relaxed); }
/// One more reference. An object that the program has released already, but that a child still
/// holds (the context of a queue, the program of a kernel), can be had again by an information
/// query: its first reference brings its hold back.
inline void retain(Object& object) {
  if (object.references.fetch_add(1, std::memory_order_acq_rel) == 0) hold(object);
}
/// Drops one reference; at the last the hold that it stood for. False: there was none.
bool release(Object& object);
void unhold(Object& object);
inline void pin(Object& object) { object.pins.fetch_add(1, std::memory_order_relaxed); }
void unpin(Object& object);

// Run when the last hold goes; each in the file that owns the kind. They tell the worker and let
// go of held objects. `free_memory` afterwards, when the last pin goes: only frees.
void finalize(Device& device);
void finalize(Context& context);
void finalize(Queue& queue);
void finalize(Buffer& buffer);
void finalize(Program& program);
void finalize(Kernel& kernel);
void finalize(Event& event);
void free_memory(Device& device);
void free_memory(Kernel& kernel);
void free_memory(Program& program);
void free_memory(Buffer& buffer);
void free_memory(Event& event);

}  // namespace aliquot::guest::opencl
