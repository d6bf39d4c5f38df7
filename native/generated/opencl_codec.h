// Made by `python -m tools.generate` from spec/opencl/commands.toml; do not edit. Commands to
// frames and back. encoded_size: bytes of the whole frame, a multiple of 8. within_limits: whether
// the decoder would take the arrays' lengths. encode: `out` is 8-aligned and has encoded_size
// bytes. decode: `frame` is an 8-aligned private copy; the command's spans point into it; false on
// anything but exactly one well-formed frame.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "generated/opencl_commands.h"
#include "protocol/frame.h"

namespace aliquot::opencl {

// snapshot
constexpr size_t encoded_size(const SnapshotCommand&) { return 40; }
constexpr bool within_limits(const SnapshotCommand&) { return true; }
inline void encode(const SnapshotCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 40);
  writer.header(encoded_size(command), SnapshotCommand::kOpcode);
  writer.store(8, command.reply.offset);
  writer.store(16, command.reply.capacity);
  writer.store(24, command.reply.slot);
  writer.store(28, command.reply.arena);
  writer.store(32, command.device);
  writer.store(36, uint32_t{0});
}
inline bool decode(std::span<const unsigned char> frame, SnapshotCommand& command) {
  protocol::FrameReader reader(frame, SnapshotCommand::kOpcode, 40);
  if (!reader.sound()) return false;
  command.reply.offset = reader.load<uint64_t>(8);
  command.reply.capacity = reader.load<uint64_t>(16);
  command.reply.slot = reader.load<uint32_t>(24);
  command.reply.arena = reader.load<uint32_t>(28);
  command.device = reader.load<uint32_t>(32);
  if (reader.load<uint32_t>(36) != 0) return false;
  return reader.finished();
}

// create_sub_devices
inline size_t encoded_size(const CreateSubDevicesCommand& command) {
  size_t size = 48;
  size += protocol::padded(command.properties.size_bytes());
  size += protocol::padded(command.sub_devices.size_bytes());
  return size;
}
inline bool within_limits(const CreateSubDevicesCommand& command) {
  return command.properties.size() <= 64 && command.sub_devices.size() <= 256;
}
inline void encode(const CreateSubDevicesCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 48);
  writer.header(encoded_size(command), CreateSubDevicesCommand::kOpcode);
  writer.store(8, command.reply.offset);
  writer.store(16, command.reply.capacity);
  writer.store(24, command.reply.slot);
  writer.store(28, command.reply.arena);
  writer.store(32, command.device);
  writer.store(36, static_cast<uint32_t>(command.properties.size()));
  writer.store(40, static_cast<uint32_t>(command.sub_devices.size()));
  writer.store(44, uint32_t{0});
  writer.array(command.properties);
  writer.array(command.sub_devices);
}
inline bool decode(std::span<const unsigned char> frame, CreateSubDevicesCommand& command) {
  protocol::FrameReader reader(frame, CreateSubDevicesCommand::kOpcode, 48);
  if (!reader.sound()) return false;
  command.reply.offset = reader.load<uint64_t>(8);
  command.reply.capacity = reader.load<uint64_t>(16);
  command.reply.slot = reader.load<uint32_t>(24);
  command.reply.arena = reader.load<uint32_t>(28);
  command.device = reader.load<uint32_t>(32);
  if (reader.load<uint32_t>(44) != 0) return false;
  if (!reader.array(reader.load<uint32_t>(36), 64, command.properties)) return false;
  if (!reader.array(reader.load<uint32_t>(40), 256, command.sub_devices)) return false;
  return reader.finished();
}

// device_timer
constexpr size_t encoded_size(const DeviceTimerCommand&) { return 40; }
constexpr bool within_limits(const DeviceTimerCommand&) { return true; }
inline void encode(const DeviceTimerCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 40);
  writer.header(encoded_size(command), DeviceTimerCommand::kOpcode);
  writer.store(8, command.reply.offset);
  writer.store(16, command.reply.capacity);
  writer.store(24, command.reply.slot);
  writer.store(28, command.reply.arena);
  writer.store(32, command.device);
  writer.store(36, uint32_t{0});
}
inline bool decode(std::span<const unsigned char> frame, DeviceTimerCommand& command) {
  protocol::FrameReader reader(frame, DeviceTimerCommand::kOpcode, 40);
  if (!reader.sound()) return false;
  command.reply.offset = reader.load<uint64_t>(8);
  command.reply.capacity = reader.load<uint64_t>(16);
  command.reply.slot = reader.load<uint32_t>(24);
  command.reply.arena = reader.load<uint32_t>(28);
  command.device = reader.load<uint32_t>(32);
  if (reader.load<uint32_t>(36) != 0) return false;
  return reader.finished();
}

// create_context
inline size_t encoded_size(const CreateContextCommand& command) {
  size_t size = 40;
  size += protocol::padded(command.devices.size_bytes());
  return size;
}
inline bool within_limits(const CreateContextCommand& command) {
  return command.devices.size() <= 256;
}
inline void encode(const CreateContextCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 40);
  writer.header(encoded_size(command), CreateContextCommand::kOpcode);
  writer.store(8, command.reply.offset);
  writer.store(16, command.reply.capacity);
  writer.store(24, command.reply.slot);
  writer.store(28, command.reply.arena);
  writer.store(32, command.context);
  writer.store(36, static_cast<uint32_t>(command.devices.size()));
  writer.array(command.devices);
}
inline bool decode(std::span<const unsigned char> frame, CreateContextCommand& command) {
  protocol::FrameReader reader(frame, CreateContextCommand::kOpcode, 40);
  if (!reader.sound()) return false;
  command.reply.offset = reader.load<uint64_t>(8);
  command.reply.capacity = reader.load<uint64_t>(16);
  command.reply.slot = reader.load<uint32_t>(24);
  command.reply.arena = reader.load<uint32_t>(28);
  command.context = reader.load<uint32_t>(32);
  if (!reader.array(reader.load<uint32_t>(36), 256, command.devices)) return false;
  return reader.finished();
}

// create_queue
constexpr size_t encoded_size(const CreateQueueCommand&) { return 56; }
constexpr bool within_limits(const CreateQueueCommand&) { return true; }
inline void encode(const CreateQueueCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 56);
  writer.header(encoded_size(command), CreateQueueCommand::kOpcode);
  writer.store(8, command.reply.offset);
  writer.store(16, command.reply.capacity);
  writer.store(24, command.properties);
  writer.store(32, command.reply.slot);
  writer.store(36, command.reply.arena);
  writer.store(40, command.queue);
  writer.store(44, command.context);
  writer.store(48, command.device);
  writer.store(52, uint32_t{0});
}
inline bool decode(std::span<const unsigned char> frame, CreateQueueCommand& command) {
  protocol::FrameReader reader(frame, CreateQueueCommand::kOpcode, 56);
  if (!reader.sound()) return false;
  command.reply.offset = reader.load<uint64_t>(8);
  command.reply.capacity = reader.load<uint64_t>(16);
  command.properties = reader.load<uint64_t>(24);
  command.reply.slot = reader.load<uint32_t>(32);
  command.reply.arena = reader.load<uint32_t>(36);
  command.queue = reader.load<uint32_t>(40);
  command.context = reader.load<uint32_t>(44);
  command.device = reader.load<uint32_t>(48);
  if (reader.load<uint32_t>(52) != 0) return false;
  return reader.finished();
}

// release
constexpr size_t encoded_size(const ReleaseCommand&) { return 16; }
constexpr bool within_limits(const ReleaseCommand&) { return true; }
inline void encode(const ReleaseCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 16);
  writer.header(encoded_size(command), ReleaseCommand::kOpcode);
  writer.store(8, command.kind);
  writer.store(12, command.object);
}
inline bool decode(std::span<const unsigned char> frame, ReleaseCommand& command) {
  protocol::FrameReader reader(frame, ReleaseCommand::kOpcode, 16);
  if (!reader.sound()) return false;
  command.kind = reader.load<uint32_t>(8);
  command.object = reader.load<uint32_t>(12);
  return reader.finished();
}

// create_buffer
constexpr size_t encoded_size(const CreateBufferCommand&) { return 48; }
constexpr bool within_limits(const CreateBufferCommand&) { return true; }
inline void encode(const CreateBufferCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 48);
  writer.header(encoded_size(command), CreateBufferCommand::kOpcode);
  writer.store(8, command.flags);
  writer.store(16, command.size);
  writer.store(24, command.offset);
  writer.store(32, command.buffer);
  writer.store(36, command.context);
  writer.store(40, command.arena);
  writer.store(44, uint32_t{0});
}
inline bool decode(std::span<const unsigned char> frame, CreateBufferCommand& command) {
  protocol::FrameReader reader(frame, CreateBufferCommand::kOpcode, 48);
  if (!reader.sound()) return false;
  command.flags = reader.load<uint64_t>(8);
  command.size = reader.load<uint64_t>(16);
  command.offset = reader.load<uint64_t>(24);
  command.buffer = reader.load<uint32_t>(32);
  command.context = reader.load<uint32_t>(36);
  command.arena = reader.load<uint32_t>(40);
  if (reader.load<uint32_t>(44) != 0) return false;
  return reader.finished();
}

// create_sub_buffer
constexpr size_t encoded_size(const CreateSubBufferCommand&) { return 40; }
constexpr bool within_limits(const CreateSubBufferCommand&) { return true; }
inline void encode(const CreateSubBufferCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 40);
  writer.header(encoded_size(command), CreateSubBufferCommand::kOpcode);
  writer.store(8, command.flags);
  writer.store(16, command.origin);
  writer.store(24, command.size);
  writer.store(32, command.buffer);
  writer.store(36, command.parent);
}
inline bool decode(std::span<const unsigned char> frame, CreateSubBufferCommand& command) {
  protocol::FrameReader reader(frame, CreateSubBufferCommand::kOpcode, 40);
  if (!reader.sound()) return false;
  command.flags = reader.load<uint64_t>(8);
  command.origin = reader.load<uint64_t>(16);
  command.size = reader.load<uint64_t>(24);
  command.buffer = reader.load<uint32_t>(32);
  command.parent = reader.load<uint32_t>(36);
  return reader.finished();
}

// drop_arena
constexpr size_t encoded_size(const DropArenaCommand&) { return 16; }
constexpr bool within_limits(const DropArenaCommand&) { return true; }
inline void encode(const DropArenaCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 16);
  writer.header(encoded_size(command), DropArenaCommand::kOpcode);
  writer.store(8, command.arena);
  writer.store(12, uint32_t{0});
}
inline bool decode(std::span<const unsigned char> frame, DropArenaCommand& command) {
  protocol::FrameReader reader(frame, DropArenaCommand::kOpcode, 16);
  if (!reader.sound()) return false;
  command.arena = reader.load<uint32_t>(8);
  if (reader.load<uint32_t>(12) != 0) return false;
  return reader.finished();
}

// create_program_with_source
constexpr size_t encoded_size(const CreateProgramWithSourceCommand&) { return 64; }
constexpr bool within_limits(const CreateProgramWithSourceCommand&) { return true; }
inline void encode(const CreateProgramWithSourceCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 64);
  writer.header(encoded_size(command), CreateProgramWithSourceCommand::kOpcode);
  writer.store(8, command.reply.offset);
  writer.store(16, command.reply.capacity);
  writer.store(24, command.offset);
  writer.store(32, command.size);
  writer.store(40, command.reply.slot);
  writer.store(44, command.reply.arena);
  writer.store(48, command.program);
  writer.store(52, command.context);
  writer.store(56, command.arena);
  writer.store(60, uint32_t{0});
}
inline bool decode(std::span<const unsigned char> frame, CreateProgramWithSourceCommand& command) {
  protocol::FrameReader reader(frame, CreateProgramWithSourceCommand::kOpcode, 64);
  if (!reader.sound()) return false;
  command.reply.offset = reader.load<uint64_t>(8);
  command.reply.capacity = reader.load<uint64_t>(16);
  command.offset = reader.load<uint64_t>(24);
  command.size = reader.load<uint64_t>(32);
  command.reply.slot = reader.load<uint32_t>(40);
  command.reply.arena = reader.load<uint32_t>(44);
  command.program = reader.load<uint32_t>(48);
  command.context = reader.load<uint32_t>(52);
  command.arena = reader.load<uint32_t>(56);
  if (reader.load<uint32_t>(60) != 0) return false;
  return reader.finished();
}

// create_program_with_binary
inline size_t encoded_size(const CreateProgramWithBinaryCommand& command) {
  size_t size = 64;
  size += protocol::padded(command.devices.size_bytes());
  size += protocol::padded(command.sizes.size_bytes());
  return size;
}
inline bool within_limits(const CreateProgramWithBinaryCommand& command) {
  return command.devices.size() <= 256 && command.sizes.size() <= 256;
}
inline void encode(const CreateProgramWithBinaryCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 64);
  writer.header(encoded_size(command), CreateProgramWithBinaryCommand::kOpcode);
  writer.store(8, command.reply.offset);
  writer.store(16, command.reply.capacity);
  writer.store(24, command.offset);
  writer.store(32, command.reply.slot);
  writer.store(36, command.reply.arena);
  writer.store(40, command.program);
  writer.store(44, command.context);
  writer.store(48, command.arena);
  writer.store(52, static_cast<uint32_t>(command.devices.size()));
  writer.store(56, static_cast<uint32_t>(command.sizes.size()));
  writer.store(60, uint32_t{0});
  writer.array(command.devices);
  writer.array(command.sizes);
}
inline bool decode(std::span<const unsigned char> frame, CreateProgramWithBinaryCommand& command) {
  protocol::FrameReader reader(frame, CreateProgramWithBinaryCommand::kOpcode, 64);
  if (!reader.sound()) return false;
  command.reply.offset = reader.load<uint64_t>(8);
  command.reply.capacity = reader.load<uint64_t>(16);
  command.offset = reader.load<uint64_t>(24);
  command.reply.slot = reader.load<uint32_t>(32);
  command.reply.arena = reader.load<uint32_t>(36);
  command.program = reader.load<uint32_t>(40);
  command.context = reader.load<uint32_t>(44);
  command.arena = reader.load<uint32_t>(48);
  if (reader.load<uint32_t>(60) != 0) return false;
  if (!reader.array(reader.load<uint32_t>(52), 256, command.devices)) return false;
  if (!reader.array(reader.load<uint32_t>(56), 256, command.sizes)) return false;
  return reader.finished();
}

// build_program
inline size_t encoded_size(const BuildProgramCommand& command) {
  size_t size = 48;
  size += protocol::padded(command.devices.size_bytes());
  size += protocol::padded(command.options.size_bytes());
  return size;
}
inline bool within_limits(const BuildProgramCommand& command) {
  return command.devices.size() <= 256 && command.options.size() <= 16384;
}
inline void encode(const BuildProgramCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 48);
  writer.header(encoded_size(command), BuildProgramCommand::kOpcode);
  writer.store(8, command.reply.offset);
  writer.store(16, command.reply.capacity);
  writer.store(24, command.reply.slot);
  writer.store(28, command.reply.arena);
  writer.store(32, command.program);
  writer.store(36, static_cast<uint32_t>(command.devices.size()));
  writer.store(40, static_cast<uint32_t>(command.options.size()));
  writer.store(44, uint32_t{0});
  writer.array(command.devices);
  writer.array(command.options);
}
inline bool decode(std::span<const unsigned char> frame, BuildProgramCommand& command) {
  protocol::FrameReader reader(frame, BuildProgramCommand::kOpcode, 48);
  if (!reader.sound()) return false;
  command.reply.offset = reader.load<uint64_t>(8);
  command.reply.capacity = reader.load<uint64_t>(16);
  command.reply.slot = reader.load<uint32_t>(24);
  command.reply.arena = reader.load<uint32_t>(28);
  command.program = reader.load<uint32_t>(32);
  if (reader.load<uint32_t>(44) != 0) return false;
  if (!reader.array(reader.load<uint32_t>(36), 256, command.devices)) return false;
  if (!reader.array(reader.load<uint32_t>(40), 16384, command.options)) return false;
  return reader.finished();
}

// compile_program
inline size_t encoded_size(const CompileProgramCommand& command) {
  size_t size = 56;
  size += protocol::padded(command.devices.size_bytes());
  size += protocol::padded(command.options.size_bytes());
  size += protocol::padded(command.headers.size_bytes());
  size += protocol::padded(command.header_names.size_bytes());
  return size;
}
inline bool within_limits(const CompileProgramCommand& command) {
  return command.devices.size() <= 256 && command.options.size() <= 16384 &&
         command.headers.size() <= 256 && command.header_names.size() <= 16384;
}
inline void encode(const CompileProgramCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 56);
  writer.header(encoded_size(command), CompileProgramCommand::kOpcode);
  writer.store(8, command.reply.offset);
  writer.store(16, command.reply.capacity);
  writer.store(24, command.reply.slot);
  writer.store(28, command.reply.arena);
  writer.store(32, command.program);
  writer.store(36, static_cast<uint32_t>(command.devices.size()));
  writer.store(40, static_cast<uint32_t>(command.options.size()));
  writer.store(44, static_cast<uint32_t>(command.headers.size()));
  writer.store(48, static_cast<uint32_t>(command.header_names.size()));
  writer.store(52, uint32_t{0});
  writer.array(command.devices);
  writer.array(command.options);
  writer.array(command.headers);
  writer.array(command.header_names);
}
inline bool decode(std::span<const unsigned char> frame, CompileProgramCommand& command) {
  protocol::FrameReader reader(frame, CompileProgramCommand::kOpcode, 56);
  if (!reader.sound()) return false;
  command.reply.offset = reader.load<uint64_t>(8);
  command.reply.capacity = reader.load<uint64_t>(16);
  command.reply.slot = reader.load<uint32_t>(24);
  command.reply.arena = reader.load<uint32_t>(28);
  command.program = reader.load<uint32_t>(32);
  if (reader.load<uint32_t>(52) != 0) return false;
  if (!reader.array(reader.load<uint32_t>(36), 256, command.devices)) return false;
  if (!reader.array(reader.load<uint32_t>(40), 16384, command.options)) return false;
  if (!reader.array(reader.load<uint32_t>(44), 256, command.headers)) return false;
  if (!reader.array(reader.load<uint32_t>(48), 16384, command.header_names)) return false;
  return reader.finished();
}

// link_program
inline size_t encoded_size(const LinkProgramCommand& command) {
  size_t size = 56;
  size += protocol::padded(command.devices.size_bytes());
  size += protocol::padded(command.options.size_bytes());
  size += protocol::padded(command.inputs.size_bytes());
  return size;
}
inline bool within_limits(const LinkProgramCommand& command) {
  return command.devices.size() <= 256 && command.options.size() <= 16384 &&
         command.inputs.size() <= 256;
}
inline void encode(const LinkProgramCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 56);
  writer.header(encoded_size(command), LinkProgramCommand::kOpcode);
  writer.store(8, command.reply.offset);
  writer.store(16, command.reply.capacity);
  writer.store(24, command.reply.slot);
  writer.store(28, command.reply.arena);
  writer.store(32, command.program);
  writer.store(36, command.context);
  writer.store(40, static_cast<uint32_t>(command.devices.size()));
  writer.store(44, static_cast<uint32_t>(command.options.size()));
  writer.store(48, static_cast<uint32_t>(command.inputs.size()));
  writer.store(52, uint32_t{0});
  writer.array(command.devices);
  writer.array(command.options);
  writer.array(command.inputs);
}
inline bool decode(std::span<const unsigned char> frame, LinkProgramCommand& command) {
  protocol::FrameReader reader(frame, LinkProgramCommand::kOpcode, 56);
  if (!reader.sound()) return false;
  command.reply.offset = reader.load<uint64_t>(8);
  command.reply.capacity = reader.load<uint64_t>(16);
  command.reply.slot = reader.load<uint32_t>(24);
  command.reply.arena = reader.load<uint32_t>(28);
  command.program = reader.load<uint32_t>(32);
  command.context = reader.load<uint32_t>(36);
  if (reader.load<uint32_t>(52) != 0) return false;
  if (!reader.array(reader.load<uint32_t>(40), 256, command.devices)) return false;
  if (!reader.array(reader.load<uint32_t>(44), 16384, command.options)) return false;
  if (!reader.array(reader.load<uint32_t>(48), 256, command.inputs)) return false;
  return reader.finished();
}

// program_info
constexpr size_t encoded_size(const ProgramInfoCommand&) { return 40; }
constexpr bool within_limits(const ProgramInfoCommand&) { return true; }
inline void encode(const ProgramInfoCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 40);
  writer.header(encoded_size(command), ProgramInfoCommand::kOpcode);
  writer.store(8, command.reply.offset);
  writer.store(16, command.reply.capacity);
  writer.store(24, command.reply.slot);
  writer.store(28, command.reply.arena);
  writer.store(32, command.program);
  writer.store(36, command.parameter);
}
inline bool decode(std::span<const unsigned char> frame, ProgramInfoCommand& command) {
  protocol::FrameReader reader(frame, ProgramInfoCommand::kOpcode, 40);
  if (!reader.sound()) return false;
  command.reply.offset = reader.load<uint64_t>(8);
  command.reply.capacity = reader.load<uint64_t>(16);
  command.reply.slot = reader.load<uint32_t>(24);
  command.reply.arena = reader.load<uint32_t>(28);
  command.program = reader.load<uint32_t>(32);
  command.parameter = reader.load<uint32_t>(36);
  return reader.finished();
}

// program_build_info
constexpr size_t encoded_size(const ProgramBuildInfoCommand&) { return 48; }
constexpr bool within_limits(const ProgramBuildInfoCommand&) { return true; }
inline void encode(const ProgramBuildInfoCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 48);
  writer.header(encoded_size(command), ProgramBuildInfoCommand::kOpcode);
  writer.store(8, command.reply.offset);
  writer.store(16, command.reply.capacity);
  writer.store(24, command.reply.slot);
  writer.store(28, command.reply.arena);
  writer.store(32, command.program);
  writer.store(36, command.device);
  writer.store(40, command.parameter);
  writer.store(44, uint32_t{0});
}
inline bool decode(std::span<const unsigned char> frame, ProgramBuildInfoCommand& command) {
  protocol::FrameReader reader(frame, ProgramBuildInfoCommand::kOpcode, 48);
  if (!reader.sound()) return false;
  command.reply.offset = reader.load<uint64_t>(8);
  command.reply.capacity = reader.load<uint64_t>(16);
  command.reply.slot = reader.load<uint32_t>(24);
  command.reply.arena = reader.load<uint32_t>(28);
  command.program = reader.load<uint32_t>(32);
  command.device = reader.load<uint32_t>(36);
  command.parameter = reader.load<uint32_t>(40);
  if (reader.load<uint32_t>(44) != 0) return false;
  return reader.finished();
}

// create_kernel
inline size_t encoded_size(const CreateKernelCommand& command) {
  size_t size = 48;
  size += protocol::padded(command.name.size_bytes());
  return size;
}
inline bool within_limits(const CreateKernelCommand& command) {
  return command.name.size() <= 4096;
}
inline void encode(const CreateKernelCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 48);
  writer.header(encoded_size(command), CreateKernelCommand::kOpcode);
  writer.store(8, command.reply.offset);
  writer.store(16, command.reply.capacity);
  writer.store(24, command.reply.slot);
  writer.store(28, command.reply.arena);
  writer.store(32, command.kernel);
  writer.store(36, command.program);
  writer.store(40, static_cast<uint32_t>(command.name.size()));
  writer.store(44, uint32_t{0});
  writer.array(command.name);
}
inline bool decode(std::span<const unsigned char> frame, CreateKernelCommand& command) {
  protocol::FrameReader reader(frame, CreateKernelCommand::kOpcode, 48);
  if (!reader.sound()) return false;
  command.reply.offset = reader.load<uint64_t>(8);
  command.reply.capacity = reader.load<uint64_t>(16);
  command.reply.slot = reader.load<uint32_t>(24);
  command.reply.arena = reader.load<uint32_t>(28);
  command.kernel = reader.load<uint32_t>(32);
  command.program = reader.load<uint32_t>(36);
  if (reader.load<uint32_t>(44) != 0) return false;
  if (!reader.array(reader.load<uint32_t>(40), 4096, command.name)) return false;
  return reader.finished();
}

// kernel_info
constexpr size_t encoded_size(const KernelInfoCommand&) { return 40; }
constexpr bool within_limits(const KernelInfoCommand&) { return true; }
inline void encode(const KernelInfoCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 40);
  writer.header(encoded_size(command), KernelInfoCommand::kOpcode);
  writer.store(8, command.reply.offset);
  writer.store(16, command.reply.capacity);
  writer.store(24, command.reply.slot);
  writer.store(28, command.reply.arena);
  writer.store(32, command.kernel);
  writer.store(36, command.parameter);
}
inline bool decode(std::span<const unsigned char> frame, KernelInfoCommand& command) {
  protocol::FrameReader reader(frame, KernelInfoCommand::kOpcode, 40);
  if (!reader.sound()) return false;
  command.reply.offset = reader.load<uint64_t>(8);
  command.reply.capacity = reader.load<uint64_t>(16);
  command.reply.slot = reader.load<uint32_t>(24);
  command.reply.arena = reader.load<uint32_t>(28);
  command.kernel = reader.load<uint32_t>(32);
  command.parameter = reader.load<uint32_t>(36);
  return reader.finished();
}

// kernel_work_group_info
constexpr size_t encoded_size(const KernelWorkGroupInfoCommand&) { return 48; }
constexpr bool within_limits(const KernelWorkGroupInfoCommand&) { return true; }
inline void encode(const KernelWorkGroupInfoCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 48);
  writer.header(encoded_size(command), KernelWorkGroupInfoCommand::kOpcode);
  writer.store(8, command.reply.offset);
  writer.store(16, command.reply.capacity);
  writer.store(24, command.reply.slot);
  writer.store(28, command.reply.arena);
  writer.store(32, command.kernel);
  writer.store(36, command.device);
  writer.store(40, command.parameter);
  writer.store(44, uint32_t{0});
}
inline bool decode(std::span<const unsigned char> frame, KernelWorkGroupInfoCommand& command) {
  protocol::FrameReader reader(frame, KernelWorkGroupInfoCommand::kOpcode, 48);
  if (!reader.sound()) return false;
  command.reply.offset = reader.load<uint64_t>(8);
  command.reply.capacity = reader.load<uint64_t>(16);
  command.reply.slot = reader.load<uint32_t>(24);
  command.reply.arena = reader.load<uint32_t>(28);
  command.kernel = reader.load<uint32_t>(32);
  command.device = reader.load<uint32_t>(36);
  command.parameter = reader.load<uint32_t>(40);
  if (reader.load<uint32_t>(44) != 0) return false;
  return reader.finished();
}

// kernel_sub_group_info
inline size_t encoded_size(const KernelSubGroupInfoCommand& command) {
  size_t size = 48;
  size += protocol::padded(command.input.size_bytes());
  return size;
}
inline bool within_limits(const KernelSubGroupInfoCommand& command) {
  return command.input.size() <= 64;
}
inline void encode(const KernelSubGroupInfoCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 48);
  writer.header(encoded_size(command), KernelSubGroupInfoCommand::kOpcode);
  writer.store(8, command.reply.offset);
  writer.store(16, command.reply.capacity);
  writer.store(24, command.reply.slot);
  writer.store(28, command.reply.arena);
  writer.store(32, command.kernel);
  writer.store(36, command.device);
  writer.store(40, command.parameter);
  writer.store(44, static_cast<uint32_t>(command.input.size()));
  writer.array(command.input);
}
inline bool decode(std::span<const unsigned char> frame, KernelSubGroupInfoCommand& command) {
  protocol::FrameReader reader(frame, KernelSubGroupInfoCommand::kOpcode, 48);
  if (!reader.sound()) return false;
  command.reply.offset = reader.load<uint64_t>(8);
  command.reply.capacity = reader.load<uint64_t>(16);
  command.reply.slot = reader.load<uint32_t>(24);
  command.reply.arena = reader.load<uint32_t>(28);
  command.kernel = reader.load<uint32_t>(32);
  command.device = reader.load<uint32_t>(36);
  command.parameter = reader.load<uint32_t>(40);
  if (!reader.array(reader.load<uint32_t>(44), 64, command.input)) return false;
  return reader.finished();
}

// launch
inline size_t encoded_size(const LaunchCommand& command) {
  size_t size = 40;
  size += protocol::padded(command.shape.size_bytes());
  size += protocol::padded(command.wait.size_bytes());
  size += protocol::padded(command.arguments.size_bytes());
  return size;
}
inline bool within_limits(const LaunchCommand& command) {
  return command.shape.size() <= 9 && command.wait.size() <= 4096 &&
         command.arguments.size() <= 32768;
}
inline void encode(const LaunchCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 40);
  writer.header(encoded_size(command), LaunchCommand::kOpcode);
  writer.store(8, command.queue);
  writer.store(12, command.kernel);
  writer.store(16, command.event);
  writer.store(20, command.dimensions);
  writer.store(24, command.flags);
  writer.store(28, static_cast<uint32_t>(command.shape.size()));
  writer.store(32, static_cast<uint32_t>(command.wait.size()));
  writer.store(36, static_cast<uint32_t>(command.arguments.size()));
  writer.array(command.shape);
  writer.array(command.wait);
  writer.array(command.arguments);
}
inline bool decode(std::span<const unsigned char> frame, LaunchCommand& command) {
  protocol::FrameReader reader(frame, LaunchCommand::kOpcode, 40);
  if (!reader.sound()) return false;
  command.queue = reader.load<uint32_t>(8);
  command.kernel = reader.load<uint32_t>(12);
  command.event = reader.load<uint32_t>(16);
  command.dimensions = reader.load<uint32_t>(20);
  command.flags = reader.load<uint32_t>(24);
  if (!reader.array(reader.load<uint32_t>(28), 9, command.shape)) return false;
  if (!reader.array(reader.load<uint32_t>(32), 4096, command.wait)) return false;
  if (!reader.array(reader.load<uint32_t>(36), 32768, command.arguments)) return false;
  return reader.finished();
}

// write_buffer
inline size_t encoded_size(const WriteBufferCommand& command) {
  size_t size = 56;
  size += protocol::padded(command.wait.size_bytes());
  return size;
}
inline bool within_limits(const WriteBufferCommand& command) {
  return command.wait.size() <= 4096;
}
inline void encode(const WriteBufferCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 56);
  writer.header(encoded_size(command), WriteBufferCommand::kOpcode);
  writer.store(8, command.offset);
  writer.store(16, command.size);
  writer.store(24, command.arena_offset);
  writer.store(32, command.queue);
  writer.store(36, command.buffer);
  writer.store(40, command.event);
  writer.store(44, command.arena);
  writer.store(48, static_cast<uint32_t>(command.wait.size()));
  writer.store(52, uint32_t{0});
  writer.array(command.wait);
}
inline bool decode(std::span<const unsigned char> frame, WriteBufferCommand& command) {
  protocol::FrameReader reader(frame, WriteBufferCommand::kOpcode, 56);
  if (!reader.sound()) return false;
  command.offset = reader.load<uint64_t>(8);
  command.size = reader.load<uint64_t>(16);
  command.arena_offset = reader.load<uint64_t>(24);
  command.queue = reader.load<uint32_t>(32);
  command.buffer = reader.load<uint32_t>(36);
  command.event = reader.load<uint32_t>(40);
  command.arena = reader.load<uint32_t>(44);
  if (reader.load<uint32_t>(52) != 0) return false;
  if (!reader.array(reader.load<uint32_t>(48), 4096, command.wait)) return false;
  return reader.finished();
}

// read_buffer
inline size_t encoded_size(const ReadBufferCommand& command) {
  size_t size = 56;
  size += protocol::padded(command.wait.size_bytes());
  return size;
}
inline bool within_limits(const ReadBufferCommand& command) {
  return command.wait.size() <= 4096;
}
inline void encode(const ReadBufferCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 56);
  writer.header(encoded_size(command), ReadBufferCommand::kOpcode);
  writer.store(8, command.offset);
  writer.store(16, command.size);
  writer.store(24, command.arena_offset);
  writer.store(32, command.queue);
  writer.store(36, command.buffer);
  writer.store(40, command.event);
  writer.store(44, command.arena);
  writer.store(48, static_cast<uint32_t>(command.wait.size()));
  writer.store(52, uint32_t{0});
  writer.array(command.wait);
}
inline bool decode(std::span<const unsigned char> frame, ReadBufferCommand& command) {
  protocol::FrameReader reader(frame, ReadBufferCommand::kOpcode, 56);
  if (!reader.sound()) return false;
  command.offset = reader.load<uint64_t>(8);
  command.size = reader.load<uint64_t>(16);
  command.arena_offset = reader.load<uint64_t>(24);
  command.queue = reader.load<uint32_t>(32);
  command.buffer = reader.load<uint32_t>(36);
  command.event = reader.load<uint32_t>(40);
  command.arena = reader.load<uint32_t>(44);
  if (reader.load<uint32_t>(52) != 0) return false;
  if (!reader.array(reader.load<uint32_t>(48), 4096, command.wait)) return false;
  return reader.finished();
}

// write_buffer_rect
inline size_t encoded_size(const WriteBufferRectCommand& command) {
  size_t size = 40;
  size += protocol::padded(command.geometry.size_bytes());
  size += protocol::padded(command.wait.size_bytes());
  return size;
}
inline bool within_limits(const WriteBufferRectCommand& command) {
  return command.geometry.size() <= 8 && command.wait.size() <= 4096;
}
inline void encode(const WriteBufferRectCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 40);
  writer.header(encoded_size(command), WriteBufferRectCommand::kOpcode);
  writer.store(8, command.arena_offset);
  writer.store(16, command.queue);
  writer.store(20, command.buffer);
  writer.store(24, command.event);
  writer.store(28, command.arena);
  writer.store(32, static_cast<uint32_t>(command.geometry.size()));
  writer.store(36, static_cast<uint32_t>(command.wait.size()));
  writer.array(command.geometry);
  writer.array(command.wait);
}
inline bool decode(std::span<const unsigned char> frame, WriteBufferRectCommand& command) {
  protocol::FrameReader reader(frame, WriteBufferRectCommand::kOpcode, 40);
  if (!reader.sound()) return false;
  command.arena_offset = reader.load<uint64_t>(8);
  command.queue = reader.load<uint32_t>(16);
  command.buffer = reader.load<uint32_t>(20);
  command.event = reader.load<uint32_t>(24);
  command.arena = reader.load<uint32_t>(28);
  if (!reader.array(reader.load<uint32_t>(32), 8, command.geometry)) return false;
  if (!reader.array(reader.load<uint32_t>(36), 4096, command.wait)) return false;
  return reader.finished();
}

// read_buffer_rect
inline size_t encoded_size(const ReadBufferRectCommand& command) {
  size_t size = 40;
  size += protocol::padded(command.geometry.size_bytes());
  size += protocol::padded(command.wait.size_bytes());
  return size;
}
inline bool within_limits(const ReadBufferRectCommand& command) {
  return command.geometry.size() <= 8 && command.wait.size() <= 4096;
}
inline void encode(const ReadBufferRectCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 40);
  writer.header(encoded_size(command), ReadBufferRectCommand::kOpcode);
  writer.store(8, command.arena_offset);
  writer.store(16, command.queue);
  writer.store(20, command.buffer);
  writer.store(24, command.event);
  writer.store(28, command.arena);
  writer.store(32, static_cast<uint32_t>(command.geometry.size()));
  writer.store(36, static_cast<uint32_t>(command.wait.size()));
  writer.array(command.geometry);
  writer.array(command.wait);
}
inline bool decode(std::span<const unsigned char> frame, ReadBufferRectCommand& command) {
  protocol::FrameReader reader(frame, ReadBufferRectCommand::kOpcode, 40);
  if (!reader.sound()) return false;
  command.arena_offset = reader.load<uint64_t>(8);
  command.queue = reader.load<uint32_t>(16);
  command.buffer = reader.load<uint32_t>(20);
  command.event = reader.load<uint32_t>(24);
  command.arena = reader.load<uint32_t>(28);
  if (!reader.array(reader.load<uint32_t>(32), 8, command.geometry)) return false;
  if (!reader.array(reader.load<uint32_t>(36), 4096, command.wait)) return false;
  return reader.finished();
}

// copy_buffer
inline size_t encoded_size(const CopyBufferCommand& command) {
  size_t size = 56;
  size += protocol::padded(command.wait.size_bytes());
  return size;
}
inline bool within_limits(const CopyBufferCommand& command) {
  return command.wait.size() <= 4096;
}
inline void encode(const CopyBufferCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 56);
  writer.header(encoded_size(command), CopyBufferCommand::kOpcode);
  writer.store(8, command.source_offset);
  writer.store(16, command.target_offset);
  writer.store(24, command.size);
  writer.store(32, command.queue);
  writer.store(36, command.source);
  writer.store(40, command.target);
  writer.store(44, command.event);
  writer.store(48, static_cast<uint32_t>(command.wait.size()));
  writer.store(52, uint32_t{0});
  writer.array(command.wait);
}
inline bool decode(std::span<const unsigned char> frame, CopyBufferCommand& command) {
  protocol::FrameReader reader(frame, CopyBufferCommand::kOpcode, 56);
  if (!reader.sound()) return false;
  command.source_offset = reader.load<uint64_t>(8);
  command.target_offset = reader.load<uint64_t>(16);
  command.size = reader.load<uint64_t>(24);
  command.queue = reader.load<uint32_t>(32);
  command.source = reader.load<uint32_t>(36);
  command.target = reader.load<uint32_t>(40);
  command.event = reader.load<uint32_t>(44);
  if (reader.load<uint32_t>(52) != 0) return false;
  if (!reader.array(reader.load<uint32_t>(48), 4096, command.wait)) return false;
  return reader.finished();
}

// copy_buffer_rect
inline size_t encoded_size(const CopyBufferRectCommand& command) {
  size_t size = 32;
  size += protocol::padded(command.geometry.size_bytes());
  size += protocol::padded(command.wait.size_bytes());
  return size;
}
inline bool within_limits(const CopyBufferRectCommand& command) {
  return command.geometry.size() <= 13 && command.wait.size() <= 4096;
}
inline void encode(const CopyBufferRectCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 32);
  writer.header(encoded_size(command), CopyBufferRectCommand::kOpcode);
  writer.store(8, command.queue);
  writer.store(12, command.source);
  writer.store(16, command.target);
  writer.store(20, command.event);
  writer.store(24, static_cast<uint32_t>(command.geometry.size()));
  writer.store(28, static_cast<uint32_t>(command.wait.size()));
  writer.array(command.geometry);
  writer.array(command.wait);
}
inline bool decode(std::span<const unsigned char> frame, CopyBufferRectCommand& command) {
  protocol::FrameReader reader(frame, CopyBufferRectCommand::kOpcode, 32);
  if (!reader.sound()) return false;
  command.queue = reader.load<uint32_t>(8);
  command.source = reader.load<uint32_t>(12);
  command.target = reader.load<uint32_t>(16);
  command.event = reader.load<uint32_t>(20);
  if (!reader.array(reader.load<uint32_t>(24), 13, command.geometry)) return false;
  if (!reader.array(reader.load<uint32_t>(28), 4096, command.wait)) return false;
  return reader.finished();
}

// fill_buffer
inline size_t encoded_size(const FillBufferCommand& command) {
  size_t size = 48;
  size += protocol::padded(command.pattern.size_bytes());
  size += protocol::padded(command.wait.size_bytes());
  return size;
}
inline bool within_limits(const FillBufferCommand& command) {
  return command.pattern.size() <= 128 && command.wait.size() <= 4096;
}
inline void encode(const FillBufferCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 48);
  writer.header(encoded_size(command), FillBufferCommand::kOpcode);
  writer.store(8, command.offset);
  writer.store(16, command.size);
  writer.store(24, command.queue);
  writer.store(28, command.buffer);
  writer.store(32, command.event);
  writer.store(36, static_cast<uint32_t>(command.pattern.size()));
  writer.store(40, static_cast<uint32_t>(command.wait.size()));
  writer.store(44, uint32_t{0});
  writer.array(command.pattern);
  writer.array(command.wait);
}
inline bool decode(std::span<const unsigned char> frame, FillBufferCommand& command) {
  protocol::FrameReader reader(frame, FillBufferCommand::kOpcode, 48);
  if (!reader.sound()) return false;
  command.offset = reader.load<uint64_t>(8);
  command.size = reader.load<uint64_t>(16);
  command.queue = reader.load<uint32_t>(24);
  command.buffer = reader.load<uint32_t>(28);
  command.event = reader.load<uint32_t>(32);
  if (reader.load<uint32_t>(44) != 0) return false;
  if (!reader.array(reader.load<uint32_t>(36), 128, command.pattern)) return false;
  if (!reader.array(reader.load<uint32_t>(40), 4096, command.wait)) return false;
  return reader.finished();
}

// migrate_buffers
inline size_t encoded_size(const MigrateBuffersCommand& command) {
  size_t size = 32;
  size += protocol::padded(command.buffers.size_bytes());
  size += protocol::padded(command.wait.size_bytes());
  return size;
}
inline bool within_limits(const MigrateBuffersCommand& command) {
  return command.buffers.size() <= 4096 && command.wait.size() <= 4096;
}
inline void encode(const MigrateBuffersCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 32);
  writer.header(encoded_size(command), MigrateBuffersCommand::kOpcode);
  writer.store(8, command.flags);
  writer.store(16, command.queue);
  writer.store(20, command.event);
  writer.store(24, static_cast<uint32_t>(command.buffers.size()));
  writer.store(28, static_cast<uint32_t>(command.wait.size()));
  writer.array(command.buffers);
  writer.array(command.wait);
}
inline bool decode(std::span<const unsigned char> frame, MigrateBuffersCommand& command) {
  protocol::FrameReader reader(frame, MigrateBuffersCommand::kOpcode, 32);
  if (!reader.sound()) return false;
  command.flags = reader.load<uint64_t>(8);
  command.queue = reader.load<uint32_t>(16);
  command.event = reader.load<uint32_t>(20);
  if (!reader.array(reader.load<uint32_t>(24), 4096, command.buffers)) return false;
  if (!reader.array(reader.load<uint32_t>(28), 4096, command.wait)) return false;
  return reader.finished();
}

// marker
inline size_t encoded_size(const MarkerCommand& command) {
  size_t size = 24;
  size += protocol::padded(command.wait.size_bytes());
  return size;
}
inline bool within_limits(const MarkerCommand& command) {
  return command.wait.size() <= 4096;
}
inline void encode(const MarkerCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 24);
  writer.header(encoded_size(command), MarkerCommand::kOpcode);
  writer.store(8, command.queue);
  writer.store(12, command.event);
  writer.store(16, static_cast<uint32_t>(command.wait.size()));
  writer.store(20, uint32_t{0});
  writer.array(command.wait);
}
inline bool decode(std::span<const unsigned char> frame, MarkerCommand& command) {
  protocol::FrameReader reader(frame, MarkerCommand::kOpcode, 24);
  if (!reader.sound()) return false;
  command.queue = reader.load<uint32_t>(8);
  command.event = reader.load<uint32_t>(12);
  if (reader.load<uint32_t>(20) != 0) return false;
  if (!reader.array(reader.load<uint32_t>(16), 4096, command.wait)) return false;
  return reader.finished();
}

// barrier
inline size_t encoded_size(const BarrierCommand& command) {
  size_t size = 24;
  size += protocol::padded(command.wait.size_bytes());
  return size;
}
inline bool within_limits(const BarrierCommand& command) {
  return command.wait.size() <= 4096;
}
inline void encode(const BarrierCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 24);
  writer.header(encoded_size(command), BarrierCommand::kOpcode);
  writer.store(8, command.queue);
  writer.store(12, command.event);
  writer.store(16, static_cast<uint32_t>(command.wait.size()));
  writer.store(20, uint32_t{0});
  writer.array(command.wait);
}
inline bool decode(std::span<const unsigned char> frame, BarrierCommand& command) {
  protocol::FrameReader reader(frame, BarrierCommand::kOpcode, 24);
  if (!reader.sound()) return false;
  command.queue = reader.load<uint32_t>(8);
  command.event = reader.load<uint32_t>(12);
  if (reader.load<uint32_t>(20) != 0) return false;
  if (!reader.array(reader.load<uint32_t>(16), 4096, command.wait)) return false;
  return reader.finished();
}

// flush
constexpr size_t encoded_size(const FlushCommand&) { return 16; }
constexpr bool within_limits(const FlushCommand&) { return true; }
inline void encode(const FlushCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 16);
  writer.header(encoded_size(command), FlushCommand::kOpcode);
  writer.store(8, command.queue);
  writer.store(12, uint32_t{0});
}
inline bool decode(std::span<const unsigned char> frame, FlushCommand& command) {
  protocol::FrameReader reader(frame, FlushCommand::kOpcode, 16);
  if (!reader.sound()) return false;
  command.queue = reader.load<uint32_t>(8);
  if (reader.load<uint32_t>(12) != 0) return false;
  return reader.finished();
}

// sync
constexpr size_t encoded_size(const SyncCommand&) { return 24; }
constexpr bool within_limits(const SyncCommand&) { return true; }
inline void encode(const SyncCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 24);
  writer.header(encoded_size(command), SyncCommand::kOpcode);
  writer.store(8, command.sequence);
  writer.store(16, command.queue);
  writer.store(20, uint32_t{0});
}
inline bool decode(std::span<const unsigned char> frame, SyncCommand& command) {
  protocol::FrameReader reader(frame, SyncCommand::kOpcode, 24);
  if (!reader.sound()) return false;
  command.sequence = reader.load<uint64_t>(8);
  command.queue = reader.load<uint32_t>(16);
  if (reader.load<uint32_t>(20) != 0) return false;
  return reader.finished();
}

// last_error
constexpr size_t encoded_size(const LastErrorCommand&) { return 40; }
constexpr bool within_limits(const LastErrorCommand&) { return true; }
inline void encode(const LastErrorCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 40);
  writer.header(encoded_size(command), LastErrorCommand::kOpcode);
  writer.store(8, command.reply.offset);
  writer.store(16, command.reply.capacity);
  writer.store(24, command.reply.slot);
  writer.store(28, command.reply.arena);
  writer.store(32, command.queue);
  writer.store(36, uint32_t{0});
}
inline bool decode(std::span<const unsigned char> frame, LastErrorCommand& command) {
  protocol::FrameReader reader(frame, LastErrorCommand::kOpcode, 40);
  if (!reader.sound()) return false;
  command.reply.offset = reader.load<uint64_t>(8);
  command.reply.capacity = reader.load<uint64_t>(16);
  command.reply.slot = reader.load<uint32_t>(24);
  command.reply.arena = reader.load<uint32_t>(28);
  command.queue = reader.load<uint32_t>(32);
  if (reader.load<uint32_t>(36) != 0) return false;
  return reader.finished();
}

// create_user_event
constexpr size_t encoded_size(const CreateUserEventCommand&) { return 16; }
constexpr bool within_limits(const CreateUserEventCommand&) { return true; }
inline void encode(const CreateUserEventCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 16);
  writer.header(encoded_size(command), CreateUserEventCommand::kOpcode);
  writer.store(8, command.event);
  writer.store(12, command.context);
}
inline bool decode(std::span<const unsigned char> frame, CreateUserEventCommand& command) {
  protocol::FrameReader reader(frame, CreateUserEventCommand::kOpcode, 16);
  if (!reader.sound()) return false;
  command.event = reader.load<uint32_t>(8);
  command.context = reader.load<uint32_t>(12);
  return reader.finished();
}

// set_user_event_status
constexpr size_t encoded_size(const SetUserEventStatusCommand&) { return 16; }
constexpr bool within_limits(const SetUserEventStatusCommand&) { return true; }
inline void encode(const SetUserEventStatusCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 16);
  writer.header(encoded_size(command), SetUserEventStatusCommand::kOpcode);
  writer.store(8, command.event);
  writer.store(12, command.status);
}
inline bool decode(std::span<const unsigned char> frame, SetUserEventStatusCommand& command) {
  protocol::FrameReader reader(frame, SetUserEventStatusCommand::kOpcode, 16);
  if (!reader.sound()) return false;
  command.event = reader.load<uint32_t>(8);
  command.status = reader.load<int32_t>(12);
  return reader.finished();
}

// watch_event
constexpr size_t encoded_size(const WatchEventCommand&) { return 24; }
constexpr bool within_limits(const WatchEventCommand&) { return true; }
inline void encode(const WatchEventCommand& command, unsigned char* out) {
  protocol::FrameWriter writer(out, 24);
  writer.header(encoded_size(command), WatchEventCommand::kOpcode);
  writer.store(8, command.event);
  writer.store(12, command.notify);
  writer.store(16, command.levels);
  writer.store(20, uint32_t{0});
}
inline bool decode(std::span<const unsigned char> frame, WatchEventCommand& command) {
  protocol::FrameReader reader(frame, WatchEventCommand::kOpcode, 24);
  if (!reader.sound()) return false;
  command.event = reader.load<uint32_t>(8);
  command.notify = reader.load<uint32_t>(12);
  command.levels = reader.load<uint32_t>(16);
  if (reader.load<uint32_t>(20) != 0) return false;
  return reader.finished();
}

// The largest frame that the table allows.
constexpr size_t kLargestCommand = 49264;
static_assert(kLargestCommand <= layout::kLargestFrame);

}  // namespace aliquot::opencl
