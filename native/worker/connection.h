// One guest process: its ring, its objects, and the thread that carries out its commands.
//
// `on(command)` is called by the generated dispatcher for each frame. Only the decode thread calls
// it (or a test that has not started one). Which file has it: commands_<group>.cpp.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>

#include "generated/opencl_dispatch.h"
#include "worker/arenas.h"
#include "worker/build_replies.h"
#include "worker/builder.h"
#include "worker/compilers.h"
#include "worker/completion.h"
#include "worker/device_report.h"
#include "worker/host_link.h"
#include "worker/launch_pieces.h"
#include "worker/memory_quota.h"
#include "worker/image.h"
#include "worker/object_table.h"
#include "worker/objects.h"
#include "worker/orders.h"
#include "worker/paced_copies.h"
#include "worker/print_capture.h"
#include "worker/reply.h"
#include "worker/ring_consumer.h"
#include "worker/turn_gate.h"
#include "worker/watchdog.h"

namespace aliquot::worker {

/// What all connections of a worker share. Everything here outlives them.
struct WorkerContext {
  const Driver& driver;
  std::shared_ptr<MemoryQuota> quota;
  HostLink& host;
  Watchdog& watchdog;
  PrintCapture* prints = nullptr;  // null: output of kernels is not captured
  uint64_t device_type = 0;        // what the device shall call itself; 0: the driver's own
  Builder::Count builds_left_behind = std::make_shared<std::atomic<uint32_t>>(0);
  TurnGate* gate = nullptr;  // null: the device may be used at any time
  bool splits = true;        // long kernels may be launched in pieces
  // Of those devices to which the vGPU may move; null: it needn't.
  std::shared_ptr<const OtherReports> other_reports = nullptr;
  bool shared_pages = false;  // buffers may lie in pages that guest processes map
  std::shared_ptr<Compilers> compilers =
      std::make_shared<Compilers>(builds_left_behind, driver.builds_together);
};

struct Restoration;

class Connection {
 public:
  Connection(WorkerContext context, uint32_t id, std::shared_ptr<layout::ConnectionMemory> memory);
  ~Connection();

  /// Starts the decode thread. False: none to be had. `parked`: it is to be restored, and carries
  /// out nothing before it is thawed.
  bool start(bool parked = false);
  /// What the device host wants of the decode thread, which answers for itself.
  void order(Order order);
  /// Asks the decode thread to end; to be repeated until `finished`.
  void stop();
  /// The decode thread has freed everything; `join` won't wait.
  bool finished() const { return finished_.load(); }
  void join() { thread_.join(); }
  /// Tells the guest process that nothing more will be answered, unless another worker may answer.
  void close_memory() {
    if (!parked_.load()) publisher_->close();
  }

  /// Carries out one frame (8-aligned, private memory). False: it broke the protocol.
  bool handle(std::span<const unsigned char> frame);
  /// Frees everything, after the last running kernel. The decode thread does so when it ends; a
  /// test without one calls it itself.
  void tear_down();
  /// Lets those copies begin that the vGPU's limit has held back. The decode thread does, when it is
  /// time; a test without one calls it itself.
  void release_paced(uint64_t now);

  Arenas& arenas() { return arenas_; }
  uint32_t id() const { return id_; }
  /// A claim for kWorkerStatus.
  uint64_t kernels() const { return kernels_.load(std::memory_order_relaxed); }

  // connection_draft.cpp
  /// The connection's image, of all or as a sketch; when that can't be made, `obstacle` says why.
  bool draft(bool sketch, ImageDraft& draft, std::string& obstacle);
  /// Writes what `draft` left out.
  std::string save(const ImageDraft& draft, unsigned char* image);
  // connection_restore.cpp
  /// Makes the objects of an image, but for those that are there already. Why that can't be done, or
  /// empty.
  /// `lacks`: it is something that the guest process was told of.
  std::string restore(int image, uint64_t bytes, bool& lacks);

  // commands_context.cpp
  void on(const opencl::SnapshotCommand& command);
  void on(const opencl::CreateSubDevicesCommand& command);
  void on(const opencl::DeviceTimerCommand& command);
  void on(const opencl::CreateContextCommand& command);
  void on(const opencl::CreateQueueCommand& command);
  void on(const opencl::ReleaseCommand& command);
  // commands_memory.cpp
  void on(const opencl::CreateBufferCommand& command);
  void on(const opencl::CreateSubBufferCommand& command);
  void on(const opencl::DropArenaCommand& command);
  // commands_program.cpp
  void on(const opencl::CreateProgramWithSourceCommand& command);
  void on(const opencl::CreateProgramWithBinaryCommand& command);
  void on(const opencl::BuildProgramCommand& command);
  void on(const opencl::CompileProgramCommand& command);
  void on(const opencl::LinkProgramCommand& command);
  void on(const opencl::ProgramInfoCommand& command);
  void on(const opencl::ProgramBuildInfoCommand& command);
  // commands_kernel.cpp
  void on(const opencl::CreateKernelCommand& command);
  void on(const opencl::KernelInfoCommand& command);
  void on(const opencl::KernelWorkGroupInfoCommand& command);
  void on(const opencl::KernelSubGroupInfoCommand& command);
  // commands_launch.cpp
  void on(const opencl::LaunchCommand& command);
  // commands_transfer.cpp
  void on(const opencl::WriteBufferCommand& command);
  void on(const opencl::ReadBufferCommand& command);
  void on(const opencl::WriteBufferRectCommand& command);
  void on(const opencl::ReadBufferRectCommand& command);
  void on(const opencl::CopyBufferCommand& command);
  void on(const opencl::CopyBufferRectCommand& command);
  void on(const opencl::FillBufferCommand& command);
  void on(const opencl::MigrateBuffersCommand& command);
  // commands_queue.cpp
  void on(const opencl::MarkerCommand& command);
  void on(const opencl::BarrierCommand& command);
  void on(const opencl::FlushCommand& command);
  void on(const opencl::SyncCommand& command);
  void on(const opencl::LastErrorCommand& command);
  // commands_event.cpp
  void on(const opencl::CreateUserEventCommand& command);
  void on(const opencl::SetUserEventStatusCommand& command);
  void on(const opencl::WatchEventCommand& command);

 private:
  // One command on its way into a queue (commands_queue.cpp).
  struct Enqueue {
    QueueObject* queue = nullptr;
    uint32_t queue_id = 0;
    uint32_t event_id = 0;
    cl_uint wait_count = 0;
    const cl_event* wait = nullptr;
    cl_event event = nullptr;  // the driver's answer
    bool passed = false;       // the gate, which waits to hear what became of it
    Work work;
    BlockedWork::Handles blocks;  // what it waits for
    BlockedWork::Handle block;    // and then itself
  };
  /// Looks up queue and wait list. CL_SUCCESS, or the error that `finish_enqueue` shall be given.
  cl_int begin_enqueue(Enqueue& enqueue, uint32_t queue, uint32_t event,
                       std::span<const uint32_t> wait);
  /// After the driver was called (or an error was found before): books event and queue, or latches
  /// the error on both. `kernel`: its name for the watchdog, null for other commands.
  void finish_enqueue(Enqueue& enqueue, cl_int status,
                      const std::shared_ptr<const std::string>& kernel = nullptr);
  void record_event(Enqueue& enqueue, cl_int status);
  void keep_event(QueueObject& queue, cl_event event,
                  const std::shared_ptr<const std::string>& kernel);
  /// Puts a marker with an event at the queue's end; false: the driver refused.
  bool add_marker(QueueObject& queue);
  bool can_publish_inside(const QueueObject& queue) const;
  /// Makes sure that the last command of the queue has an event: a marker where it hasn't.
  void cover_hidden(QueueObject& queue);
  /// Another thread waits for the queue, which no marker can be put into, and publishes `sequence`.
  void finish_aside(QueueObject& queue, uint64_t sequence);
  /// Publishes `sequence` when everything in the queue has ended.
  void sync(QueueObject& queue, uint64_t sequence);
  /// Calls `visit(QueueProgress&)` for every queue that may have commands under way, released ones
  /// too.
  template <class Visit>
  void for_each_progress(Visit visit) {
    queues_.for_each([&](uint32_t, QueueObject& queue) { visit(*queue.progress); });
    for (const QueueObject& queue : closing_queues_) visit(*queue.progress);
  }
  bool may_hide(const Enqueue& enqueue);
  void await_paced(QueueObject& queue);
  // commands_turn.cpp
  bool takes_turns() const { return context_.gate != nullptr && context_.gate->on(); }
  /// To be called right before a device command is handed to the driver: waits until it may be.
  /// False: the connection ends. `amount`: bytes or work-items.
  bool may_begin(Enqueue& enqueue, const std::shared_ptr<WorkCost>& cost, uint64_t amount);
  /// The same for what moves bytes, which may have a limit.
  bool may_copy(Enqueue& enqueue, const std::shared_ptr<WorkCost>& cost, uint64_t bytes);
  bool pace(Enqueue& enqueue, uint64_t bytes);
  /// Tells the gate what became of it; `finish_enqueue` does.
  void settle(Enqueue& enqueue, cl_int status);
  void note_block(Enqueue& enqueue);
  void set_user_event(EventObject& object, cl_int status);
  void open_block(const BlockedWork::Handle& block, cl_event event, cl_int status);
  void let_go(QueueObject& queue);

  // Lookups: null or an error where the id means nothing (any more).
  cl_device_id find_device(uint32_t id);
  cl_context find_context(uint32_t id);
  cl_int find_buffer(uint32_t id, BufferObject*& buffer);
  cl_program find_program(uint32_t id, std::shared_ptr<Program>* keep = nullptr);
  cl_int find_devices(std::span<const uint32_t> ids, std::vector<cl_device_id>& devices);
  /// Puts `build` into the builder's queue; it returns the build's status. Answers when done.
  template <class Build>
  void build_aside(const std::shared_ptr<Program>& program, const opencl::ReplyTarget& target,
                   Build build);

  bool check_reply(const opencl::ReplyTarget& target);
  void broke_protocol(const char* text);

  // commands_context.cpp
  void release_device(uint32_t id);
  void release_context(uint32_t id);
  void release_queue(uint32_t id);
  void release_ended_queues();
  void release_buffer(uint32_t id);
  void release_program(uint32_t id);
  void drop_program(std::shared_ptr<Program>& program);
  void release_kernel(uint32_t id);
  void release_event(uint32_t id);
  // commands_memory.cpp
  cl_int make_buffer(const opencl::CreateBufferCommand& command, BufferObject& buffer);
  void give_back_idle_events();
  // commands_launch.cpp
  cl_int set_arguments(KernelObject& kernel, cl_context context,
                       std::span<const uint8_t> arguments);
  cl_int check_settings(KernelObject& kernel);
  cl_int launch(Enqueue& enqueue, const opencl::LaunchCommand& command, KernelObject*& kernel);
  cl_int launch_range(Enqueue& enqueue, KernelObject& kernel, uint32_t dimensions,
                      const size_t* offset, const size_t* size, const size_t* local,
                      uint64_t items);
  UnsplitReason unsplit_reason(const Enqueue& enqueue, const KernelObject& kernel,
                               const LaunchRange& range, const size_t* local) const;
  uint64_t pieces_wanted(const Enqueue& enqueue, const KernelObject& kernel, uint64_t items);
  cl_int launch_in_pieces(Enqueue& enqueue, KernelObject& kernel,
                          const std::vector<LaunchRange>& pieces, const size_t* local);
  // commands_transfer.cpp
  template <class Command>
  cl_int transfer(Enqueue& enqueue, const Command& command, bool write);
  template <class Command>
  cl_int transfer_rect(Enqueue& enqueue, const Command& command, bool write);
  // teardown.cpp
  void give_up_user_events();
  void fail_paced();
  void finish_queues();
  void release_objects();

  // connection_standstill.cpp
  void attend();
  void carry_out(Order& order);
  std::string map_and_save(const Order& order);
  void try_to_freeze();
  const char* obstacle();
  bool drained();
  void freeze_failed(const std::string& reason);
  // connection_draft.cpp
  class Drafter;
  std::vector<unsigned char> report(cl_device_id device) const;
  uint64_t group_size(const KernelObject& kernel);
  uint64_t at_most_told(uint64_t group_size) const;
  // connection_restore.cpp
  std::string replay(std::span<const unsigned char> frame);
  template <class Command>
  bool has_already(const Command& command);
  std::string await_builds();
  std::string apply(const ImageState& state);
  std::string restore_contents(const ImageState& state);
  void restore_event(const ImageState& state);
  void release_strangers();
  void release_unwanted_buffers(ImageReader reader);

  static void* run(void* self);
  void decode_loop();

  WorkerContext context_;
  const uint32_t id_;
  const cl_icd_dispatch& calls_;
  std::shared_ptr<layout::ConnectionMemory> memory_;
  std::shared_ptr<Publisher> publisher_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> finished_{false};
  std::string broken_;  // why the protocol was broken; empty: it wasn't
  bool torn_down_ = false;

  CompletionPoll poll_;
  RingConsumer ring_;
  Arenas arenas_;
  ReplyWriter replies_;
  std::shared_ptr<BuildReplies> build_replies_ = std::make_shared<BuildReplies>(replies_);

  ObjectTable<DeviceObject> devices_{1024};
  ObjectTable<ContextObject> contexts_{4096};
  ObjectTable<QueueObject> queues_{layout::kQueueSlots};
  ObjectTable<BufferObject> buffers_{1u << 20};
  ObjectTable<ProgramObject> programs_{1u << 16};
  ObjectTable<KernelObject> kernels_table_{1u << 17};
  ObjectTable<EventObject> events_{layout::kEventSlots};

  std::vector<std::shared_ptr<QueueProgress>> queue_slots_;  // who last had a queue's slot
  std::vector<QueueObject> closing_queues_;  // released, with commands under way
  KeptTexts texts_;
  uint64_t largest_buffer_ = 0;
  std::vector<cl_event> wait_list_;  // of the command under way
  QueueObject* hidden_ = nullptr;    // its last command has no event
  uint64_t hidden_number_ = 0;
  uint64_t next_serial_ = 1;
  uint64_t buffers_released_ = 0;
  std::shared_ptr<std::atomic<uint64_t>> bytes_held_;  // by the driver for this connection
  BlockedWork blocked_{calls_};
  PacedCopies paced_;  // part of that
  // What moving bytes takes: from the device, to it, and on it.
  const std::shared_ptr<WorkCost> reads_ = std::make_shared<WorkCost>(WorkCost::of_copies());
  const std::shared_ptr<WorkCost> writes_ = std::make_shared<WorkCost>(WorkCost::of_copies());
  const std::shared_ptr<WorkCost> copies_ = std::make_shared<WorkCost>(WorkCost::of_copies());
  std::atomic<uint64_t> kernels_{0};

  // Standing still.
  Orders orders_;
  std::atomic<bool> parked_{false};  // set by the decode thread
  uint64_t freeze_until_ns_ = 0;     // 0: nobody wants it
  std::unique_ptr<ImageDraft> draft_;
  std::unique_ptr<Mapping> image_;
  uint64_t image_inode_ = 0;
  // Being restored.
  bool restoring_ = false;
  std::shared_ptr<Restoration> restoration_;

  Thread thread_;
  Builder builder_;
};

}  // namespace aliquot::worker
