// Made by `python -m tools.generate` from spec/opencl/commands.toml; do not edit. Prints commands,
// one line each, into a caller's buffer: no allocation, no exceptions, no stdio. Lines have no
// newline, end in a zero that `capacity` includes, and are cut with ... where they don't fit.
// Returned is the length without the zero.
#pragma once

#include <cstddef>
#include <span>

#include "generated/opencl_commands.h"

namespace aliquot::opencl {

// A good capacity: only unusually long lines are cut.
constexpr size_t kTraceLine = 1024;

size_t format(const SnapshotCommand& command, char* out, size_t capacity);
size_t format(const CreateSubDevicesCommand& command, char* out, size_t capacity);
size_t format(const DeviceTimerCommand& command, char* out, size_t capacity);
size_t format(const CreateContextCommand& command, char* out, size_t capacity);
size_t format(const CreateQueueCommand& command, char* out, size_t capacity);
size_t format(const ReleaseCommand& command, char* out, size_t capacity);
size_t format(const CreateBufferCommand& command, char* out, size_t capacity);
size_t format(const CreateSubBufferCommand& command, char* out, size_t capacity);
size_t format(const DropArenaCommand& command, char* out, size_t capacity);
size_t format(const CreateProgramWithSourceCommand& command, char* out, size_t capacity);
size_t format(const CreateProgramWithBinaryCommand& command, char* out, size_t capacity);
size_t format(const BuildProgramCommand& command, char* out, size_t capacity);
size_t format(const CompileProgramCommand& command, char* out, size_t capacity);
size_t format(const LinkProgramCommand& command, char* out, size_t capacity);
size_t format(const ProgramInfoCommand& command, char* out, size_t capacity);
size_t format(const ProgramBuildInfoCommand& command, char* out, size_t capacity);
size_t format(const CreateKernelCommand& command, char* out, size_t capacity);
size_t format(const KernelInfoCommand& command, char* out, size_t capacity);
size_t format(const KernelWorkGroupInfoCommand& command, char* out, size_t capacity);
size_t format(const KernelSubGroupInfoCommand& command, char* out, size_t capacity);
size_t format(const LaunchCommand& command, char* out, size_t capacity);
size_t format(const WriteBufferCommand& command, char* out, size_t capacity);
size_t format(const ReadBufferCommand& command, char* out, size_t capacity);
size_t format(const WriteBufferRectCommand& command, char* out, size_t capacity);
size_t format(const ReadBufferRectCommand& command, char* out, size_t capacity);
size_t format(const CopyBufferCommand& command, char* out, size_t capacity);
size_t format(const CopyBufferRectCommand& command, char* out, size_t capacity);
size_t format(const FillBufferCommand& command, char* out, size_t capacity);
size_t format(const MigrateBuffersCommand& command, char* out, size_t capacity);
size_t format(const MarkerCommand& command, char* out, size_t capacity);
size_t format(const BarrierCommand& command, char* out, size_t capacity);
size_t format(const FlushCommand& command, char* out, size_t capacity);
size_t format(const SyncCommand& command, char* out, size_t capacity);
size_t format(const LastErrorCommand& command, char* out, size_t capacity);
size_t format(const CreateUserEventCommand& command, char* out, size_t capacity);
size_t format(const SetUserEventStatusCommand& command, char* out, size_t capacity);
size_t format(const WatchEventCommand& command, char* out, size_t capacity);

// A whole frame, from anywhere; one that is malformed is named as such. `frame` is an
// 8-aligned private copy.
size_t format_frame(std::span<const unsigned char> frame, char* out, size_t capacity);

}  // namespace aliquot::opencl
