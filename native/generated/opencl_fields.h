// Made by `python -m tools.generate` from spec/opencl/commands.toml; do not edit. The fields of
// every command with what the table says of them, for code over all.
#pragma once

#include <cstdint>
#include <type_traits>

#include "generated/opencl_commands.h"

namespace aliquot::opencl {

enum class HandleUse : uint8_t {
  kNone,    // no id
  kHandle,  // names an object that must be alive
  kNew,     // names an object that the command makes
};

struct FieldInfo {
  const char* name;
  HandleUse use;
  ObjectKind kind;  // means something only where `use` isn't kNone
  bool optional;    // the id may be 0
  uint32_t max;     // most elements of an array; 0: a scalar
};

constexpr FieldInfo number(const char* name, uint32_t max = 0) {
  return {name, HandleUse::kNone, ObjectKind{}, false, max};
}
constexpr FieldInfo handle(const char* name, ObjectKind kind, bool optional = false,
                           uint32_t max = 0) {
  return {name, HandleUse::kHandle, kind, optional, max};
}
constexpr FieldInfo fresh(const char* name, ObjectKind kind, bool optional = false,
                          uint32_t max = 0) {
  return {name, HandleUse::kNew, kind, optional, max};
}

// Calls visit(const FieldInfo&, member) for each field, in the table's order.
template <class Reply, class Visitor>
constexpr void for_each_reply_field(Reply& reply, Visitor&& visit) {
  visit(number("reply_slot"), reply.slot);
  visit(number("reply_arena"), reply.arena);
  visit(number("reply_offset"), reply.offset);
  visit(number("reply_capacity"), reply.capacity);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, SnapshotCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  for_each_reply_field(command.reply, visit);
  visit(handle("device", ObjectKind::kDevice), command.device);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, CreateSubDevicesCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  for_each_reply_field(command.reply, visit);
  visit(handle("device", ObjectKind::kDevice), command.device);
  visit(number("properties", 64), command.properties);
  visit(fresh("sub_devices", ObjectKind::kDevice, false, 256), command.sub_devices);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, DeviceTimerCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  for_each_reply_field(command.reply, visit);
  visit(handle("device", ObjectKind::kDevice), command.device);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, CreateContextCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  for_each_reply_field(command.reply, visit);
  visit(fresh("context", ObjectKind::kContext), command.context);
  visit(handle("devices", ObjectKind::kDevice, false, 256), command.devices);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, CreateQueueCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  for_each_reply_field(command.reply, visit);
  visit(fresh("queue", ObjectKind::kQueue), command.queue);
  visit(handle("context", ObjectKind::kContext), command.context);
  visit(handle("device", ObjectKind::kDevice), command.device);
  visit(number("properties"), command.properties);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, ReleaseCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  visit(number("kind"), command.kind);
  visit(number("object"), command.object);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, CreateBufferCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  visit(fresh("buffer", ObjectKind::kBuffer), command.buffer);
  visit(handle("context", ObjectKind::kContext), command.context);
  visit(number("flags"), command.flags);
  visit(number("size"), command.size);
  visit(number("arena"), command.arena);
  visit(number("offset"), command.offset);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, CreateSubBufferCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  visit(fresh("buffer", ObjectKind::kBuffer), command.buffer);
  visit(handle("parent", ObjectKind::kBuffer), command.parent);
  visit(number("flags"), command.flags);
  visit(number("origin"), command.origin);
  visit(number("size"), command.size);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, DropArenaCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  visit(number("arena"), command.arena);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, CreateProgramWithSourceCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  for_each_reply_field(command.reply, visit);
  visit(fresh("program", ObjectKind::kProgram), command.program);
  visit(handle("context", ObjectKind::kContext), command.context);
  visit(number("arena"), command.arena);
  visit(number("offset"), command.offset);
  visit(number("size"), command.size);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, CreateProgramWithBinaryCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  for_each_reply_field(command.reply, visit);
  visit(fresh("program", ObjectKind::kProgram), command.program);
  visit(handle("context", ObjectKind::kContext), command.context);
  visit(handle("devices", ObjectKind::kDevice, false, 256), command.devices);
  visit(number("sizes", 256), command.sizes);
  visit(number("arena"), command.arena);
  visit(number("offset"), command.offset);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, BuildProgramCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  for_each_reply_field(command.reply, visit);
  visit(handle("program", ObjectKind::kProgram), command.program);
  visit(handle("devices", ObjectKind::kDevice, false, 256), command.devices);
  visit(number("options", 16384), command.options);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, CompileProgramCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  for_each_reply_field(command.reply, visit);
  visit(handle("program", ObjectKind::kProgram), command.program);
  visit(handle("devices", ObjectKind::kDevice, false, 256), command.devices);
  visit(number("options", 16384), command.options);
  visit(handle("headers", ObjectKind::kProgram, false, 256), command.headers);
  visit(number("header_names", 16384), command.header_names);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, LinkProgramCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  for_each_reply_field(command.reply, visit);
  visit(fresh("program", ObjectKind::kProgram), command.program);
  visit(handle("context", ObjectKind::kContext), command.context);
  visit(handle("devices", ObjectKind::kDevice, false, 256), command.devices);
  visit(number("options", 16384), command.options);
  visit(handle("inputs", ObjectKind::kProgram, false, 256), command.inputs);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, ProgramInfoCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  for_each_reply_field(command.reply, visit);
  visit(handle("program", ObjectKind::kProgram), command.program);
  visit(number("parameter"), command.parameter);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, ProgramBuildInfoCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  for_each_reply_field(command.reply, visit);
  visit(handle("program", ObjectKind::kProgram), command.program);
  visit(handle("device", ObjectKind::kDevice), command.device);
  visit(number("parameter"), command.parameter);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, CreateKernelCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  for_each_reply_field(command.reply, visit);
  visit(fresh("kernel", ObjectKind::kKernel), command.kernel);
  visit(handle("program", ObjectKind::kProgram), command.program);
  visit(number("name", 4096), command.name);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, KernelInfoCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  for_each_reply_field(command.reply, visit);
  visit(handle("kernel", ObjectKind::kKernel), command.kernel);
  visit(number("parameter"), command.parameter);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, KernelWorkGroupInfoCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  for_each_reply_field(command.reply, visit);
  visit(handle("kernel", ObjectKind::kKernel), command.kernel);
  visit(handle("device", ObjectKind::kDevice), command.device);
  visit(number("parameter"), command.parameter);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, KernelSubGroupInfoCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  for_each_reply_field(command.reply, visit);
  visit(handle("kernel", ObjectKind::kKernel), command.kernel);
  visit(handle("device", ObjectKind::kDevice), command.device);
  visit(number("parameter"), command.parameter);
  visit(number("input", 64), command.input);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, LaunchCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  visit(handle("queue", ObjectKind::kQueue), command.queue);
  visit(handle("kernel", ObjectKind::kKernel), command.kernel);
  visit(fresh("event", ObjectKind::kEvent, true), command.event);
  visit(number("dimensions"), command.dimensions);
  visit(number("shape", 9), command.shape);
  visit(number("flags"), command.flags);
  visit(handle("wait", ObjectKind::kEvent, false, 4096), command.wait);
  visit(number("arguments", 32768), command.arguments);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, WriteBufferCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  visit(handle("queue", ObjectKind::kQueue), command.queue);
  visit(handle("buffer", ObjectKind::kBuffer), command.buffer);
  visit(fresh("event", ObjectKind::kEvent, true), command.event);
  visit(number("arena"), command.arena);
  visit(number("offset"), command.offset);
  visit(number("size"), command.size);
  visit(number("arena_offset"), command.arena_offset);
  visit(handle("wait", ObjectKind::kEvent, false, 4096), command.wait);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, ReadBufferCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  visit(handle("queue", ObjectKind::kQueue), command.queue);
  visit(handle("buffer", ObjectKind::kBuffer), command.buffer);
  visit(fresh("event", ObjectKind::kEvent, true), command.event);
  visit(number("arena"), command.arena);
  visit(number("offset"), command.offset);
  visit(number("size"), command.size);
  visit(number("arena_offset"), command.arena_offset);
  visit(handle("wait", ObjectKind::kEvent, false, 4096), command.wait);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, WriteBufferRectCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  visit(handle("queue", ObjectKind::kQueue), command.queue);
  visit(handle("buffer", ObjectKind::kBuffer), command.buffer);
  visit(fresh("event", ObjectKind::kEvent, true), command.event);
  visit(number("arena"), command.arena);
  visit(number("arena_offset"), command.arena_offset);
  visit(number("geometry", 8), command.geometry);
  visit(handle("wait", ObjectKind::kEvent, false, 4096), command.wait);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, ReadBufferRectCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  visit(handle("queue", ObjectKind::kQueue), command.queue);
  visit(handle("buffer", ObjectKind::kBuffer), command.buffer);
  visit(fresh("event", ObjectKind::kEvent, true), command.event);
  visit(number("arena"), command.arena);
  visit(number("arena_offset"), command.arena_offset);
  visit(number("geometry", 8), command.geometry);
  visit(handle("wait", ObjectKind::kEvent, false, 4096), command.wait);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, CopyBufferCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  visit(handle("queue", ObjectKind::kQueue), command.queue);
  visit(handle("source", ObjectKind::kBuffer), command.source);
  visit(handle("target", ObjectKind::kBuffer), command.target);
  visit(fresh("event", ObjectKind::kEvent, true), command.event);
  visit(number("source_offset"), command.source_offset);
  visit(number("target_offset"), command.target_offset);
  visit(number("size"), command.size);
  visit(handle("wait", ObjectKind::kEvent, false, 4096), command.wait);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, CopyBufferRectCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  visit(handle("queue", ObjectKind::kQueue), command.queue);
  visit(handle("source", ObjectKind::kBuffer), command.source);
  visit(handle("target", ObjectKind::kBuffer), command.target);
  visit(fresh("event", ObjectKind::kEvent, true), command.event);
  visit(number("geometry", 13), command.geometry);
  visit(handle("wait", ObjectKind::kEvent, false, 4096), command.wait);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, FillBufferCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  visit(handle("queue", ObjectKind::kQueue), command.queue);
  visit(handle("buffer", ObjectKind::kBuffer), command.buffer);
  visit(fresh("event", ObjectKind::kEvent, true), command.event);
  visit(number("offset"), command.offset);
  visit(number("size"), command.size);
  visit(number("pattern", 128), command.pattern);
  visit(handle("wait", ObjectKind::kEvent, false, 4096), command.wait);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, MigrateBuffersCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  visit(handle("queue", ObjectKind::kQueue), command.queue);
  visit(fresh("event", ObjectKind::kEvent, true), command.event);
  visit(number("flags"), command.flags);
  visit(handle("buffers", ObjectKind::kBuffer, false, 4096), command.buffers);
  visit(handle("wait", ObjectKind::kEvent, false, 4096), command.wait);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, MarkerCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  visit(handle("queue", ObjectKind::kQueue), command.queue);
  visit(fresh("event", ObjectKind::kEvent, true), command.event);
  visit(handle("wait", ObjectKind::kEvent, false, 4096), command.wait);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, BarrierCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  visit(handle("queue", ObjectKind::kQueue), command.queue);
  visit(fresh("event", ObjectKind::kEvent, true), command.event);
  visit(handle("wait", ObjectKind::kEvent, false, 4096), command.wait);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, FlushCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  visit(handle("queue", ObjectKind::kQueue), command.queue);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, SyncCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  visit(handle("queue", ObjectKind::kQueue), command.queue);
  visit(number("sequence"), command.sequence);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, LastErrorCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  for_each_reply_field(command.reply, visit);
  visit(handle("queue", ObjectKind::kQueue), command.queue);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, CreateUserEventCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  visit(fresh("event", ObjectKind::kEvent), command.event);
  visit(handle("context", ObjectKind::kContext), command.context);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, SetUserEventStatusCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  visit(handle("event", ObjectKind::kEvent), command.event);
  visit(number("status"), command.status);
}

template <class Command, class Visitor>
  requires std::is_same_v<std::remove_const_t<Command>, WatchEventCommand>
constexpr void for_each_field(Command& command, Visitor&& visit) {
  visit(handle("event", ObjectKind::kEvent), command.event);
  visit(number("notify"), command.notify);
  visit(number("levels"), command.levels);
}

// Calls visit(Command{}) with every command of the API.
template <class Visitor>
constexpr void for_each_command(Visitor&& visit) {
  visit(SnapshotCommand{});
  visit(CreateSubDevicesCommand{});
  visit(DeviceTimerCommand{});
  visit(CreateContextCommand{});
  visit(CreateQueueCommand{});
  visit(ReleaseCommand{});
  visit(CreateBufferCommand{});
  visit(CreateSubBufferCommand{});
  visit(DropArenaCommand{});
  visit(CreateProgramWithSourceCommand{});
  visit(CreateProgramWithBinaryCommand{});
  visit(BuildProgramCommand{});
  visit(CompileProgramCommand{});
  visit(LinkProgramCommand{});
  visit(ProgramInfoCommand{});
  visit(ProgramBuildInfoCommand{});
  visit(CreateKernelCommand{});
  visit(KernelInfoCommand{});
  visit(KernelWorkGroupInfoCommand{});
  visit(KernelSubGroupInfoCommand{});
  visit(LaunchCommand{});
  visit(WriteBufferCommand{});
  visit(ReadBufferCommand{});
  visit(WriteBufferRectCommand{});
  visit(ReadBufferRectCommand{});
  visit(CopyBufferCommand{});
  visit(CopyBufferRectCommand{});
  visit(FillBufferCommand{});
  visit(MigrateBuffersCommand{});
  visit(MarkerCommand{});
  visit(BarrierCommand{});
  visit(FlushCommand{});
  visit(SyncCommand{});
  visit(LastErrorCommand{});
  visit(CreateUserEventCommand{});
  visit(SetUserEventStatusCommand{});
  visit(WatchEventCommand{});
}

}  // namespace aliquot::opencl
