// Made by `python -m tools.generate` from spec/opencl/commands.toml; do not edit. Prints commands.
#include "generated/opencl_trace.h"

#include "generated/opencl_dispatch.h"
#include "protocol/line_writer.h"

namespace aliquot::opencl {
namespace {

using protocol::LineWriter;

void print_reply(LineWriter& line, const ReplyTarget& reply) {
  line.text(" reply_slot=");
  line.number(reply.slot);
  line.text(" reply_arena=");
  line.number(reply.arena);
  line.text(" reply_offset=");
  line.number(reply.offset);
  line.text(" reply_capacity=");
  line.number(reply.capacity);
}

// Passes each command on to its printer.
struct Printer {
  char* out;
  size_t capacity;
  size_t length = 0;

  template <class Command>
  void on(const Command& command) {
    length = format(command, out, capacity);
  }
};

}  // namespace

size_t format(const SnapshotCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("snapshot");
  print_reply(line, command.reply);
  line.text(" device=");
  line.number(command.device);
  return line.finish();
}

size_t format(const CreateSubDevicesCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("create_sub_devices");
  print_reply(line, command.reply);
  line.text(" device=");
  line.number(command.device);
  line.text(" properties=");
  line.array(command.properties, 16);
  line.text(" sub_devices=");
  line.array(command.sub_devices);
  return line.finish();
}

size_t format(const DeviceTimerCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("device_timer");
  print_reply(line, command.reply);
  line.text(" device=");
  line.number(command.device);
  return line.finish();
}

size_t format(const CreateContextCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("create_context");
  print_reply(line, command.reply);
  line.text(" context=");
  line.number(command.context);
  line.text(" devices=");
  line.array(command.devices);
  return line.finish();
}

size_t format(const CreateQueueCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("create_queue");
  print_reply(line, command.reply);
  line.text(" queue=");
  line.number(command.queue);
  line.text(" context=");
  line.number(command.context);
  line.text(" device=");
  line.number(command.device);
  line.text(" properties=");
  line.number(command.properties, 16);
  return line.finish();
}

size_t format(const ReleaseCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("release");
  line.text(" kind=");
  line.number(command.kind);
  line.text(" object=");
  line.number(command.object);
  return line.finish();
}

size_t format(const CreateBufferCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("create_buffer");
  line.text(" buffer=");
  line.number(command.buffer);
  line.text(" context=");
  line.number(command.context);
  line.text(" flags=");
  line.number(command.flags, 16);
  line.text(" size=");
  line.number(command.size);
  line.text(" arena=");
  line.number(command.arena);
  line.text(" offset=");
  line.number(command.offset);
  return line.finish();
}

size_t format(const CreateSubBufferCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("create_sub_buffer");
  line.text(" buffer=");
  line.number(command.buffer);
  line.text(" parent=");
  line.number(command.parent);
  line.text(" flags=");
  line.number(command.flags, 16);
  line.text(" origin=");
  line.number(command.origin);
  line.text(" size=");
  line.number(command.size);
  return line.finish();
}

size_t format(const DropArenaCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("drop_arena");
  line.text(" arena=");
  line.number(command.arena);
  return line.finish();
}

size_t format(const CreateProgramWithSourceCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("create_program_with_source");
  print_reply(line, command.reply);
  line.text(" program=");
  line.number(command.program);
  line.text(" context=");
  line.number(command.context);
  line.text(" arena=");
  line.number(command.arena);
  line.text(" offset=");
  line.number(command.offset);
  line.text(" size=");
  line.number(command.size);
  return line.finish();
}

size_t format(const CreateProgramWithBinaryCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("create_program_with_binary");
  print_reply(line, command.reply);
  line.text(" program=");
  line.number(command.program);
  line.text(" context=");
  line.number(command.context);
  line.text(" devices=");
  line.array(command.devices);
  line.text(" sizes=");
  line.array(command.sizes);
  line.text(" arena=");
  line.number(command.arena);
  line.text(" offset=");
  line.number(command.offset);
  return line.finish();
}

size_t format(const BuildProgramCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("build_program");
  print_reply(line, command.reply);
  line.text(" program=");
  line.number(command.program);
  line.text(" devices=");
  line.array(command.devices);
  line.text(" options=");
  line.quoted(command.options);
  return line.finish();
}

size_t format(const CompileProgramCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("compile_program");
  print_reply(line, command.reply);
  line.text(" program=");
  line.number(command.program);
  line.text(" devices=");
  line.array(command.devices);
  line.text(" options=");
  line.quoted(command.options);
  line.text(" headers=");
  line.array(command.headers);
  line.text(" header_names=");
  line.quoted(command.header_names);
  return line.finish();
}

size_t format(const LinkProgramCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("link_program");
  print_reply(line, command.reply);
  line.text(" program=");
  line.number(command.program);
  line.text(" context=");
  line.number(command.context);
  line.text(" devices=");
  line.array(command.devices);
  line.text(" options=");
  line.quoted(command.options);
  line.text(" inputs=");
  line.array(command.inputs);
  return line.finish();
}

size_t format(const ProgramInfoCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("program_info");
  print_reply(line, command.reply);
  line.text(" program=");
  line.number(command.program);
  line.text(" parameter=");
  line.number(command.parameter, 16);
  return line.finish();
}

size_t format(const ProgramBuildInfoCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("program_build_info");
  print_reply(line, command.reply);
  line.text(" program=");
  line.number(command.program);
  line.text(" device=");
  line.number(command.device);
  line.text(" parameter=");
  line.number(command.parameter, 16);
  return line.finish();
}

size_t format(const CreateKernelCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("create_kernel");
  print_reply(line, command.reply);
  line.text(" kernel=");
  line.number(command.kernel);
  line.text(" program=");
  line.number(command.program);
  line.text(" name=");
  line.quoted(command.name);
  return line.finish();
}

size_t format(const KernelInfoCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("kernel_info");
  print_reply(line, command.reply);
  line.text(" kernel=");
  line.number(command.kernel);
  line.text(" parameter=");
  line.number(command.parameter, 16);
  return line.finish();
}

size_t format(const KernelWorkGroupInfoCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("kernel_work_group_info");
  print_reply(line, command.reply);
  line.text(" kernel=");
  line.number(command.kernel);
  line.text(" device=");
  line.number(command.device);
  line.text(" parameter=");
  line.number(command.parameter, 16);
  return line.finish();
}

size_t format(const KernelSubGroupInfoCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("kernel_sub_group_info");
  print_reply(line, command.reply);
  line.text(" kernel=");
  line.number(command.kernel);
  line.text(" device=");
  line.number(command.device);
  line.text(" parameter=");
  line.number(command.parameter, 16);
  line.text(" input=");
  line.bytes(command.input);
  return line.finish();
}

size_t format(const LaunchCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("launch");
  line.text(" queue=");
  line.number(command.queue);
  line.text(" kernel=");
  line.number(command.kernel);
  line.text(" event=");
  line.number(command.event);
  line.text(" dimensions=");
  line.number(command.dimensions);
  line.text(" shape=");
  line.array(command.shape);
  line.text(" flags=");
  line.number(command.flags);
  line.text(" wait=");
  line.array(command.wait);
  line.text(" arguments=");
  line.bytes(command.arguments);
  return line.finish();
}

size_t format(const WriteBufferCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("write_buffer");
  line.text(" queue=");
  line.number(command.queue);
  line.text(" buffer=");
  line.number(command.buffer);
  line.text(" event=");
  line.number(command.event);
  line.text(" arena=");
  line.number(command.arena);
  line.text(" offset=");
  line.number(command.offset);
  line.text(" size=");
  line.number(command.size);
  line.text(" arena_offset=");
  line.number(command.arena_offset);
  line.text(" wait=");
  line.array(command.wait);
  return line.finish();
}

size_t format(const ReadBufferCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("read_buffer");
  line.text(" queue=");
  line.number(command.queue);
  line.text(" buffer=");
  line.number(command.buffer);
  line.text(" event=");
  line.number(command.event);
  line.text(" arena=");
  line.number(command.arena);
  line.text(" offset=");
  line.number(command.offset);
  line.text(" size=");
  line.number(command.size);
  line.text(" arena_offset=");
  line.number(command.arena_offset);
  line.text(" wait=");
  line.array(command.wait);
  return line.finish();
}

size_t format(const WriteBufferRectCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("write_buffer_rect");
  line.text(" queue=");
  line.number(command.queue);
  line.text(" buffer=");
  line.number(command.buffer);
  line.text(" event=");
  line.number(command.event);
  line.text(" arena=");
  line.number(command.arena);
  line.text(" arena_offset=");
  line.number(command.arena_offset);
  line.text(" geometry=");
  line.array(command.geometry);
  line.text(" wait=");
  line.array(command.wait);
  return line.finish();
}

size_t format(const ReadBufferRectCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("read_buffer_rect");
  line.text(" queue=");
  line.number(command.queue);
  line.text(" buffer=");
  line.number(command.buffer);
  line.text(" event=");
  line.number(command.event);
  line.text(" arena=");
  line.number(command.arena);
  line.text(" arena_offset=");
  line.number(command.arena_offset);
  line.text(" geometry=");
  line.array(command.geometry);
  line.text(" wait=");
  line.array(command.wait);
  return line.finish();
}

size_t format(const CopyBufferCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("copy_buffer");
  line.text(" queue=");
  line.number(command.queue);
  line.text(" source=");
  line.number(command.source);
  line.text(" target=");
  line.number(command.target);
  line.text(" event=");
  line.number(command.event);
  line.text(" source_offset=");
  line.number(command.source_offset);
  line.text(" target_offset=");
  line.number(command.target_offset);
  line.text(" size=");
  line.number(command.size);
  line.text(" wait=");
  line.array(command.wait);
  return line.finish();
}

size_t format(const CopyBufferRectCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("copy_buffer_rect");
  line.text(" queue=");
  line.number(command.queue);
  line.text(" source=");
  line.number(command.source);
  line.text(" target=");
  line.number(command.target);
  line.text(" event=");
  line.number(command.event);
  line.text(" geometry=");
  line.array(command.geometry);
  line.text(" wait=");
  line.array(command.wait);
  return line.finish();
}

size_t format(const FillBufferCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("fill_buffer");
  line.text(" queue=");
  line.number(command.queue);
  line.text(" buffer=");
  line.number(command.buffer);
  line.text(" event=");
  line.number(command.event);
  line.text(" offset=");
  line.number(command.offset);
  line.text(" size=");
  line.number(command.size);
  line.text(" pattern=");
  line.bytes(command.pattern);
  line.text(" wait=");
  line.array(command.wait);
  return line.finish();
}

size_t format(const MigrateBuffersCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("migrate_buffers");
  line.text(" queue=");
  line.number(command.queue);
  line.text(" event=");
  line.number(command.event);
  line.text(" flags=");
  line.number(command.flags, 16);
  line.text(" buffers=");
  line.array(command.buffers);
  line.text(" wait=");
  line.array(command.wait);
  return line.finish();
}

size_t format(const MarkerCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("marker");
  line.text(" queue=");
  line.number(command.queue);
  line.text(" event=");
  line.number(command.event);
  line.text(" wait=");
  line.array(command.wait);
  return line.finish();
}

size_t format(const BarrierCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("barrier");
  line.text(" queue=");
  line.number(command.queue);
  line.text(" event=");
  line.number(command.event);
  line.text(" wait=");
  line.array(command.wait);
  return line.finish();
}

size_t format(const FlushCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("flush");
  line.text(" queue=");
  line.number(command.queue);
  return line.finish();
}

size_t format(const SyncCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("sync");
  line.text(" queue=");
  line.number(command.queue);
  line.text(" sequence=");
  line.number(command.sequence);
  return line.finish();
}

size_t format(const LastErrorCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("last_error");
  print_reply(line, command.reply);
  line.text(" queue=");
  line.number(command.queue);
  return line.finish();
}

size_t format(const CreateUserEventCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("create_user_event");
  line.text(" event=");
  line.number(command.event);
  line.text(" context=");
  line.number(command.context);
  return line.finish();
}

size_t format(const SetUserEventStatusCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("set_user_event_status");
  line.text(" event=");
  line.number(command.event);
  line.text(" status=");
  line.signed_number(command.status);
  return line.finish();
}

size_t format(const WatchEventCommand& command, char* out, size_t capacity) {
  LineWriter line(out, capacity);
  line.text("watch_event");
  line.text(" event=");
  line.number(command.event);
  line.text(" notify=");
  line.number(command.notify);
  line.text(" levels=");
  line.number(command.levels);
  return line.finish();
}

size_t format_frame(std::span<const unsigned char> frame, char* out, size_t capacity) {
  Printer printer{out, capacity};
  const Outcome outcome = dispatch(printer, frame);
  if (outcome == Outcome::kHandled) return printer.length;
  LineWriter line(out, capacity);
  const bool malformed = outcome == Outcome::kMalformed;
  line.text(malformed ? "malformed frame " : "frame with an unknown opcode ");
  line.bytes(frame);
  return line.finish();
}

}  // namespace aliquot::opencl
