// Made by `python -m tools.generate` from spec/opencl/commands.toml; do not edit. The shape of
// every frame as data. protocol::FrameBuilder makes frames from it for the fuzzers: mostly valid
// ones with small ids that name each other's objects.
#pragma once

#include "protocol/frame_builder.h"

namespace aliquot::opencl::grammar {

using protocol::ArrayShape;
using protocol::CommandShape;
using protocol::ScalarShape;
using protocol::Shape;

// snapshot
constexpr ScalarShape kSnapshotCommandScalars[] = {
    {8, Shape::kNumber64},  // reply.offset
    {16, Shape::kNumber64},  // reply.capacity
    {24, Shape::kNumber32},  // reply.slot
    {28, Shape::kNumber32},  // reply.arena
    {32, Shape::kId},  // device
};

// create_sub_devices
constexpr ScalarShape kCreateSubDevicesCommandScalars[] = {
    {8, Shape::kNumber64},  // reply.offset
    {16, Shape::kNumber64},  // reply.capacity
    {24, Shape::kNumber32},  // reply.slot
    {28, Shape::kNumber32},  // reply.arena
    {32, Shape::kId},  // device
};
constexpr ArrayShape kCreateSubDevicesCommandArrays[] = {
    {36, Shape::kNumber64, 64},  // properties
    {40, Shape::kNewId, 256},  // sub_devices
};

// device_timer
constexpr ScalarShape kDeviceTimerCommandScalars[] = {
    {8, Shape::kNumber64},  // reply.offset
    {16, Shape::kNumber64},  // reply.capacity
    {24, Shape::kNumber32},  // reply.slot
    {28, Shape::kNumber32},  // reply.arena
    {32, Shape::kId},  // device
};

// create_context
constexpr ScalarShape kCreateContextCommandScalars[] = {
    {8, Shape::kNumber64},  // reply.offset
    {16, Shape::kNumber64},  // reply.capacity
    {24, Shape::kNumber32},  // reply.slot
    {28, Shape::kNumber32},  // reply.arena
    {32, Shape::kNewId},  // context
};
constexpr ArrayShape kCreateContextCommandArrays[] = {
    {36, Shape::kId, 256},  // devices
};

// create_queue
constexpr ScalarShape kCreateQueueCommandScalars[] = {
    {8, Shape::kNumber64},  // reply.offset
    {16, Shape::kNumber64},  // reply.capacity
    {24, Shape::kNumber64},  // properties
    {32, Shape::kNumber32},  // reply.slot
    {36, Shape::kNumber32},  // reply.arena
    {40, Shape::kNewId},  // queue
    {44, Shape::kId},  // context
    {48, Shape::kId},  // device
};

// release
constexpr ScalarShape kReleaseCommandScalars[] = {
    {8, Shape::kNumber32},  // kind
    {12, Shape::kNumber32},  // object
};

// create_buffer
constexpr ScalarShape kCreateBufferCommandScalars[] = {
    {8, Shape::kNumber64},  // flags
    {16, Shape::kNumber64},  // size
    {24, Shape::kNumber64},  // offset
    {32, Shape::kNewId},  // buffer
    {36, Shape::kId},  // context
    {40, Shape::kNumber32},  // arena
};

// create_sub_buffer
constexpr ScalarShape kCreateSubBufferCommandScalars[] = {
    {8, Shape::kNumber64},  // flags
    {16, Shape::kNumber64},  // origin
    {24, Shape::kNumber64},  // size
    {32, Shape::kNewId},  // buffer
    {36, Shape::kId},  // parent
};

// drop_arena
constexpr ScalarShape kDropArenaCommandScalars[] = {
    {8, Shape::kNumber32},  // arena
};

// create_program_with_source
constexpr ScalarShape kCreateProgramWithSourceCommandScalars[] = {
    {8, Shape::kNumber64},  // reply.offset
    {16, Shape::kNumber64},  // reply.capacity
    {24, Shape::kNumber64},  // offset
    {32, Shape::kNumber64},  // size
    {40, Shape::kNumber32},  // reply.slot
    {44, Shape::kNumber32},  // reply.arena
    {48, Shape::kNewId},  // program
    {52, Shape::kId},  // context
    {56, Shape::kNumber32},  // arena
};

// create_program_with_binary
constexpr ScalarShape kCreateProgramWithBinaryCommandScalars[] = {
    {8, Shape::kNumber64},  // reply.offset
    {16, Shape::kNumber64},  // reply.capacity
    {24, Shape::kNumber64},  // offset
    {32, Shape::kNumber32},  // reply.slot
    {36, Shape::kNumber32},  // reply.arena
    {40, Shape::kNewId},  // program
    {44, Shape::kId},  // context
    {48, Shape::kNumber32},  // arena
};
constexpr ArrayShape kCreateProgramWithBinaryCommandArrays[] = {
    {52, Shape::kId, 256},  // devices
    {56, Shape::kNumber64, 256},  // sizes
};

// build_program
constexpr ScalarShape kBuildProgramCommandScalars[] = {
    {8, Shape::kNumber64},  // reply.offset
    {16, Shape::kNumber64},  // reply.capacity
    {24, Shape::kNumber32},  // reply.slot
    {28, Shape::kNumber32},  // reply.arena
    {32, Shape::kId},  // program
};
constexpr ArrayShape kBuildProgramCommandArrays[] = {
    {36, Shape::kId, 256},  // devices
    {40, Shape::kByte, 16384},  // options
};

// compile_program
constexpr ScalarShape kCompileProgramCommandScalars[] = {
    {8, Shape::kNumber64},  // reply.offset
    {16, Shape::kNumber64},  // reply.capacity
    {24, Shape::kNumber32},  // reply.slot
    {28, Shape::kNumber32},  // reply.arena
    {32, Shape::kId},  // program
};
constexpr ArrayShape kCompileProgramCommandArrays[] = {
    {36, Shape::kId, 256},  // devices
    {40, Shape::kByte, 16384},  // options
    {44, Shape::kId, 256},  // headers
    {48, Shape::kByte, 16384},  // header_names
};

// link_program
constexpr ScalarShape kLinkProgramCommandScalars[] = {
    {8, Shape::kNumber64},  // reply.offset
    {16, Shape::kNumber64},  // reply.capacity
    {24, Shape::kNumber32},  // reply.slot
    {28, Shape::kNumber32},  // reply.arena
    {32, Shape::kNewId},  // program
    {36, Shape::kId},  // context
};
constexpr ArrayShape kLinkProgramCommandArrays[] = {
    {40, Shape::kId, 256},  // devices
    {44, Shape::kByte, 16384},  // options
    {48, Shape::kId, 256},  // inputs
};

// program_info
constexpr ScalarShape kProgramInfoCommandScalars[] = {
    {8, Shape::kNumber64},  // reply.offset
    {16, Shape::kNumber64},  // reply.capacity
    {24, Shape::kNumber32},  // reply.slot
    {28, Shape::kNumber32},  // reply.arena
    {32, Shape::kId},  // program
    {36, Shape::kNumber32},  // parameter
};

// program_build_info
constexpr ScalarShape kProgramBuildInfoCommandScalars[] = {
    {8, Shape::kNumber64},  // reply.offset
    {16, Shape::kNumber64},  // reply.capacity
    {24, Shape::kNumber32},  // reply.slot
    {28, Shape::kNumber32},  // reply.arena
    {32, Shape::kId},  // program
    {36, Shape::kId},  // device
    {40, Shape::kNumber32},  // parameter
};

// create_kernel
constexpr ScalarShape kCreateKernelCommandScalars[] = {
    {8, Shape::kNumber64},  // reply.offset
    {16, Shape::kNumber64},  // reply.capacity
    {24, Shape::kNumber32},  // reply.slot
    {28, Shape::kNumber32},  // reply.arena
    {32, Shape::kNewId},  // kernel
    {36, Shape::kId},  // program
};
constexpr ArrayShape kCreateKernelCommandArrays[] = {
    {40, Shape::kByte, 4096},  // name
};

// kernel_info
constexpr ScalarShape kKernelInfoCommandScalars[] = {
    {8, Shape::kNumber64},  // reply.offset
    {16, Shape::kNumber64},  // reply.capacity
    {24, Shape::kNumber32},  // reply.slot
    {28, Shape::kNumber32},  // reply.arena
    {32, Shape::kId},  // kernel
    {36, Shape::kNumber32},  // parameter
};

// kernel_work_group_info
constexpr ScalarShape kKernelWorkGroupInfoCommandScalars[] = {
    {8, Shape::kNumber64},  // reply.offset
    {16, Shape::kNumber64},  // reply.capacity
    {24, Shape::kNumber32},  // reply.slot
    {28, Shape::kNumber32},  // reply.arena
    {32, Shape::kId},  // kernel
    {36, Shape::kId},  // device
    {40, Shape::kNumber32},  // parameter
};

// kernel_sub_group_info
constexpr ScalarShape kKernelSubGroupInfoCommandScalars[] = {
    {8, Shape::kNumber64},  // reply.offset
    {16, Shape::kNumber64},  // reply.capacity
    {24, Shape::kNumber32},  // reply.slot
    {28, Shape::kNumber32},  // reply.arena
    {32, Shape::kId},  // kernel
    {36, Shape::kId},  // device
    {40, Shape::kNumber32},  // parameter
};
constexpr ArrayShape kKernelSubGroupInfoCommandArrays[] = {
    {44, Shape::kByte, 64},  // input
};

// launch
constexpr ScalarShape kLaunchCommandScalars[] = {
    {8, Shape::kId},  // queue
    {12, Shape::kId},  // kernel
    {16, Shape::kNewId},  // event
    {20, Shape::kNumber32},  // dimensions
    {24, Shape::kNumber32},  // flags
};
constexpr ArrayShape kLaunchCommandArrays[] = {
    {28, Shape::kNumber64, 9},  // shape
    {32, Shape::kId, 4096},  // wait
    {36, Shape::kByte, 32768},  // arguments
};

// write_buffer
constexpr ScalarShape kWriteBufferCommandScalars[] = {
    {8, Shape::kNumber64},  // offset
    {16, Shape::kNumber64},  // size
    {24, Shape::kNumber64},  // arena_offset
    {32, Shape::kId},  // queue
    {36, Shape::kId},  // buffer
    {40, Shape::kNewId},  // event
    {44, Shape::kNumber32},  // arena
};
constexpr ArrayShape kWriteBufferCommandArrays[] = {
    {48, Shape::kId, 4096},  // wait
};

// read_buffer
constexpr ScalarShape kReadBufferCommandScalars[] = {
    {8, Shape::kNumber64},  // offset
    {16, Shape::kNumber64},  // size
    {24, Shape::kNumber64},  // arena_offset
    {32, Shape::kId},  // queue
    {36, Shape::kId},  // buffer
    {40, Shape::kNewId},  // event
    {44, Shape::kNumber32},  // arena
};
constexpr ArrayShape kReadBufferCommandArrays[] = {
    {48, Shape::kId, 4096},  // wait
};

// write_buffer_rect
constexpr ScalarShape kWriteBufferRectCommandScalars[] = {
    {8, Shape::kNumber64},  // arena_offset
    {16, Shape::kId},  // queue
    {20, Shape::kId},  // buffer
    {24, Shape::kNewId},  // event
    {28, Shape::kNumber32},  // arena
};
constexpr ArrayShape kWriteBufferRectCommandArrays[] = {
    {32, Shape::kNumber64, 8},  // geometry
    {36, Shape::kId, 4096},  // wait
};

// read_buffer_rect
constexpr ScalarShape kReadBufferRectCommandScalars[] = {
    {8, Shape::kNumber64},  // arena_offset
    {16, Shape::kId},  // queue
    {20, Shape::kId},  // buffer
    {24, Shape::kNewId},  // event
    {28, Shape::kNumber32},  // arena
};
constexpr ArrayShape kReadBufferRectCommandArrays[] = {
    {32, Shape::kNumber64, 8},  // geometry
    {36, Shape::kId, 4096},  // wait
};

// copy_buffer
constexpr ScalarShape kCopyBufferCommandScalars[] = {
    {8, Shape::kNumber64},  // source_offset
    {16, Shape::kNumber64},  // target_offset
    {24, Shape::kNumber64},  // size
    {32, Shape::kId},  // queue
    {36, Shape::kId},  // source
    {40, Shape::kId},  // target
    {44, Shape::kNewId},  // event
};
constexpr ArrayShape kCopyBufferCommandArrays[] = {
    {48, Shape::kId, 4096},  // wait
};

// copy_buffer_rect
constexpr ScalarShape kCopyBufferRectCommandScalars[] = {
    {8, Shape::kId},  // queue
    {12, Shape::kId},  // source
    {16, Shape::kId},  // target
    {20, Shape::kNewId},  // event
};
constexpr ArrayShape kCopyBufferRectCommandArrays[] = {
    {24, Shape::kNumber64, 13},  // geometry
    {28, Shape::kId, 4096},  // wait
};

// fill_buffer
constexpr ScalarShape kFillBufferCommandScalars[] = {
    {8, Shape::kNumber64},  // offset
    {16, Shape::kNumber64},  // size
    {24, Shape::kId},  // queue
    {28, Shape::kId},  // buffer
    {32, Shape::kNewId},  // event
};
constexpr ArrayShape kFillBufferCommandArrays[] = {
    {36, Shape::kByte, 128},  // pattern
    {40, Shape::kId, 4096},  // wait
};

// migrate_buffers
constexpr ScalarShape kMigrateBuffersCommandScalars[] = {
    {8, Shape::kNumber64},  // flags
    {16, Shape::kId},  // queue
    {20, Shape::kNewId},  // event
};
constexpr ArrayShape kMigrateBuffersCommandArrays[] = {
    {24, Shape::kId, 4096},  // buffers
    {28, Shape::kId, 4096},  // wait
};

// marker
constexpr ScalarShape kMarkerCommandScalars[] = {
    {8, Shape::kId},  // queue
    {12, Shape::kNewId},  // event
};
constexpr ArrayShape kMarkerCommandArrays[] = {
    {16, Shape::kId, 4096},  // wait
};

// barrier
constexpr ScalarShape kBarrierCommandScalars[] = {
    {8, Shape::kId},  // queue
    {12, Shape::kNewId},  // event
};
constexpr ArrayShape kBarrierCommandArrays[] = {
    {16, Shape::kId, 4096},  // wait
};

// flush
constexpr ScalarShape kFlushCommandScalars[] = {
    {8, Shape::kId},  // queue
};

// sync
constexpr ScalarShape kSyncCommandScalars[] = {
    {8, Shape::kNumber64},  // sequence
    {16, Shape::kId},  // queue
};

// last_error
constexpr ScalarShape kLastErrorCommandScalars[] = {
    {8, Shape::kNumber64},  // reply.offset
    {16, Shape::kNumber64},  // reply.capacity
    {24, Shape::kNumber32},  // reply.slot
    {28, Shape::kNumber32},  // reply.arena
    {32, Shape::kId},  // queue
};

// create_user_event
constexpr ScalarShape kCreateUserEventCommandScalars[] = {
    {8, Shape::kNewId},  // event
    {12, Shape::kId},  // context
};

// set_user_event_status
constexpr ScalarShape kSetUserEventStatusCommandScalars[] = {
    {8, Shape::kId},  // event
    {12, Shape::kNumber32},  // status
};

// watch_event
constexpr ScalarShape kWatchEventCommandScalars[] = {
    {8, Shape::kId},  // event
    {12, Shape::kNumber32},  // notify
    {16, Shape::kNumber32},  // levels
};

// All commands, by opcode.
constexpr CommandShape kCommands[] = {
    {1, 40, kSnapshotCommandScalars, {}},
    {2, 48, kCreateSubDevicesCommandScalars, kCreateSubDevicesCommandArrays},
    {3, 40, kDeviceTimerCommandScalars, {}},
    {8, 40, kCreateContextCommandScalars, kCreateContextCommandArrays},
    {9, 56, kCreateQueueCommandScalars, {}},
    {10, 16, kReleaseCommandScalars, {}},
    {16, 48, kCreateBufferCommandScalars, {}},
    {17, 40, kCreateSubBufferCommandScalars, {}},
    {18, 16, kDropArenaCommandScalars, {}},
    {24, 64, kCreateProgramWithSourceCommandScalars, {}},
    {25, 64, kCreateProgramWithBinaryCommandScalars, kCreateProgramWithBinaryCommandArrays},
    {26, 48, kBuildProgramCommandScalars, kBuildProgramCommandArrays},
    {27, 56, kCompileProgramCommandScalars, kCompileProgramCommandArrays},
    {28, 56, kLinkProgramCommandScalars, kLinkProgramCommandArrays},
    {29, 40, kProgramInfoCommandScalars, {}},
    {30, 48, kProgramBuildInfoCommandScalars, {}},
    {31, 48, kCreateKernelCommandScalars, kCreateKernelCommandArrays},
    {33, 40, kKernelInfoCommandScalars, {}},
    {34, 48, kKernelWorkGroupInfoCommandScalars, {}},
    {35, 48, kKernelSubGroupInfoCommandScalars, kKernelSubGroupInfoCommandArrays},
    {48, 40, kLaunchCommandScalars, kLaunchCommandArrays},
    {49, 56, kWriteBufferCommandScalars, kWriteBufferCommandArrays},
    {50, 56, kReadBufferCommandScalars, kReadBufferCommandArrays},
    {51, 40, kWriteBufferRectCommandScalars, kWriteBufferRectCommandArrays},
    {52, 40, kReadBufferRectCommandScalars, kReadBufferRectCommandArrays},
    {53, 56, kCopyBufferCommandScalars, kCopyBufferCommandArrays},
    {54, 32, kCopyBufferRectCommandScalars, kCopyBufferRectCommandArrays},
    {55, 48, kFillBufferCommandScalars, kFillBufferCommandArrays},
    {56, 32, kMigrateBuffersCommandScalars, kMigrateBuffersCommandArrays},
    {57, 24, kMarkerCommandScalars, kMarkerCommandArrays},
    {58, 24, kBarrierCommandScalars, kBarrierCommandArrays},
    {59, 16, kFlushCommandScalars, {}},
    {60, 24, kSyncCommandScalars, {}},
    {61, 40, kLastErrorCommandScalars, {}},
    {72, 16, kCreateUserEventCommandScalars, {}},
    {73, 16, kSetUserEventStatusCommandScalars, {}},
    {74, 24, kWatchEventCommandScalars, {}},
};

}  // namespace aliquot::opencl::grammar
