// Made by `python -m tools.generate` from spec/opencl/commands.toml; do not edit. From a frame to
// the handler's method.
#pragma once

#include <cstdint>
#include <span>

#include "generated/opencl_codec.h"

namespace aliquot::opencl {

using protocol::Outcome;

// Decodes one frame (an 8-aligned private copy) and calls handler.on(const XCommand&);
// the command's spans are valid during that call only. Takes anything: what isn't one
// well-formed frame is an Outcome, never a crash.
template <class Handler>
Outcome dispatch(Handler& handler, std::span<const unsigned char> frame) {
  protocol::FrameHeader header;
  if (!protocol::read_header(frame, header)) return Outcome::kMalformed;
  const auto pass = [&](auto command) {
    if (!decode(frame, command)) return Outcome::kMalformed;
    handler.on(static_cast<const decltype(command)&>(command));
    return Outcome::kHandled;
  };
  switch (static_cast<Opcode>(header.opcode)) {
    case Opcode::kSnapshot:
      return pass(SnapshotCommand{});
    case Opcode::kCreateSubDevices:
      return pass(CreateSubDevicesCommand{});
    case Opcode::kDeviceTimer:
      return pass(DeviceTimerCommand{});
    case Opcode::kCreateContext:
      return pass(CreateContextCommand{});
    case Opcode::kCreateQueue:
      return pass(CreateQueueCommand{});
    case Opcode::kRelease:
      return pass(ReleaseCommand{});
    case Opcode::kCreateBuffer:
      return pass(CreateBufferCommand{});
    case Opcode::kCreateSubBuffer:
      return pass(CreateSubBufferCommand{});
    case Opcode::kDropArena:
      return pass(DropArenaCommand{});
    case Opcode::kCreateProgramWithSource:
      return pass(CreateProgramWithSourceCommand{});
    case Opcode::kCreateProgramWithBinary:
      return pass(CreateProgramWithBinaryCommand{});
    case Opcode::kBuildProgram:
      return pass(BuildProgramCommand{});
    case Opcode::kCompileProgram:
      return pass(CompileProgramCommand{});
    case Opcode::kLinkProgram:
      return pass(LinkProgramCommand{});
    case Opcode::kProgramInfo:
      return pass(ProgramInfoCommand{});
    case Opcode::kProgramBuildInfo:
      return pass(ProgramBuildInfoCommand{});
    case Opcode::kCreateKernel:
      return pass(CreateKernelCommand{});
    case Opcode::kKernelInfo:
      return pass(KernelInfoCommand{});
    case Opcode::kKernelWorkGroupInfo:
      return pass(KernelWorkGroupInfoCommand{});
    case Opcode::kKernelSubGroupInfo:
      return pass(KernelSubGroupInfoCommand{});
    case Opcode::kLaunch:
      return pass(LaunchCommand{});
    case Opcode::kWriteBuffer:
      return pass(WriteBufferCommand{});
    case Opcode::kReadBuffer:
      return pass(ReadBufferCommand{});
    case Opcode::kWriteBufferRect:
      return pass(WriteBufferRectCommand{});
    case Opcode::kReadBufferRect:
      return pass(ReadBufferRectCommand{});
    case Opcode::kCopyBuffer:
      return pass(CopyBufferCommand{});
    case Opcode::kCopyBufferRect:
      return pass(CopyBufferRectCommand{});
    case Opcode::kFillBuffer:
      return pass(FillBufferCommand{});
    case Opcode::kMigrateBuffers:
      return pass(MigrateBuffersCommand{});
    case Opcode::kMarker:
      return pass(MarkerCommand{});
    case Opcode::kBarrier:
      return pass(BarrierCommand{});
    case Opcode::kFlush:
      return pass(FlushCommand{});
    case Opcode::kSync:
      return pass(SyncCommand{});
    case Opcode::kLastError:
      return pass(LastErrorCommand{});
    case Opcode::kCreateUserEvent:
      return pass(CreateUserEventCommand{});
    case Opcode::kSetUserEventStatus:
      return pass(SetUserEventStatusCommand{});
    case Opcode::kWatchEvent:
      return pass(WatchEventCommand{});
  }
  return Outcome::kUnknownOpcode;
}

}  // namespace aliquot::opencl
