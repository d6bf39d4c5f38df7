// Answers of the worker that can't change until the next build, kept with programs and kernels.
#pragma once

#include "guest/opencl/answer.h"
#include "guest/opencl/info.h"

namespace aliquot::guest::opencl {

/// One answer; a list hangs on Program::infos and Kernel::infos.
struct CachedInfo {
  CachedInfo* next;
  uint32_t opcode;  // which query
  uint32_t device;  // its id, 0 where the query has none
  uint32_t parameter;
  cl_int status;
  size_t size;
  // the bytes follow

  const unsigned char* data() const { return reinterpret_cast<const unsigned char*>(this + 1); }
};

const CachedInfo* find_info(const CachedInfo* list, uint32_t opcode, uint32_t device,
                            uint32_t parameter);

/// Files an answer; nullptr: no memory.
const CachedInfo* add_info(CachedInfo** list, uint32_t opcode, uint32_t device,
                           uint32_t parameter, const LongAnswer& answer);

void drop_infos(CachedInfo** list);

/// The answer to `command` from the list, or asked for now. Answers that fail are kept, too, except
/// for a lost connection. The lock that guards `list` must be held. nullptr: no memory.
template <class Command>
const CachedInfo* cached_ask(Connection& connection, CachedInfo** list, uint32_t device,
                             Command& command) {
  constexpr uint32_t opcode = static_cast<uint32_t>(Command::kOpcode);
  const CachedInfo* known = find_info(*list, opcode, device, command.parameter);
  if (known != nullptr) return known;
  LongAnswer answer;
  ask_long(connection, command, &answer);
  if (connection.dead()) return nullptr;
  return add_info(list, opcode, device, command.parameter, answer);
}

/// Hands a cached answer to the program.
inline cl_int tell(const Connection& connection, const CachedInfo* info,
                   const InfoTarget& target) {
  if (info == nullptr) {
    return connection.dead() ? CL_OUT_OF_RESOURCES : CL_OUT_OF_HOST_MEMORY;
  }
  return info->status != CL_SUCCESS ? info->status : target.bytes(info->data(), info->size);
}

}  // namespace aliquot::guest::opencl
