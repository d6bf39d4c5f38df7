// One command that moves bytes between a buffer and a staging block, and the event around it.
#pragma once

#include "guest/opencl/transfer.h"

namespace aliquot::guest::opencl {

/// A transfer on its way to the worker; `event`: that of its last command, or null.
struct Submission {
  const Transfer& transfer;
  const WaitList& wait;
  Event* event;
};

/// Sends the command for one box, which lies packed in `block`: a plain one or one for rectangles.
template <class Plain, class Rectangular>
cl_int send_piece(const Submission& to, const Box& box, const Block& block, Event* event,
                  uint64_t* sequence, bool ask) {
  Queue& queue = to.transfer.queue;
  Buffer& buffer = to.transfer.buffer;
  if (!box.rect) {
    Plain command{};
    command.buffer = buffer.id;
    command.arena = block.arena_id;
    command.arena_offset = block.offset;
    command.offset = box.offset;
    command.size = box.bytes;
    return submit(queue, command, to.wait, event, &buffer, nullptr, sequence, ask);
  }
  const uint64_t geometry[8] = {
      box.buffer_origin[0], box.buffer_origin[1], box.buffer_origin[2], box.region[0],
      box.region[1],        box.region[2],        box.buffer_row,       box.buffer_slice};
  Rectangular command{};
  command.buffer = buffer.id;
  command.arena = block.arena_id;
  command.arena_offset = block.offset;
  command.geometry = geometry;
  return submit(queue, command, to.wait, event, &buffer, nullptr, sequence, ask);
}

inline cl_int send_write(const Submission& to, const Box& box, const Block& block, Event* event,
                         uint64_t* sequence, bool ask) {
  return send_piece<WriteBufferCommand, WriteBufferRectCommand>(to, box, block, event, sequence,
                                                                ask);
}

inline cl_int send_read(const Submission& to, const Box& box, const Block& block, Event* event,
                        uint64_t* sequence, bool ask) {
  return send_piece<ReadBufferCommand, ReadBufferRectCommand>(to, box, block, event, sequence, ask);
}

/// Makes the event that the program wants of a staged transfer, lets `run` send it, and hands the
/// event out or lets go of it.
template <class Run>
cl_int with_event(const Transfer& transfer, const WaitList& wait, Run run) {
  Event* event = nullptr;
  if (transfer.event != nullptr) {
    event = new_command_event(transfer.queue, transfer.type);
    if (event == nullptr) return CL_OUT_OF_HOST_MEMORY;
  }
  cl_int status = run(Submission{transfer, wait, event});
  if (status == CL_SUCCESS) status = enqueue_result(transfer.queue);
  if (event != nullptr) hand_out_sent(*event, status, transfer.event);
  return status;
}

}  // namespace aliquot::guest::opencl
