#include "guest/opencl/info_cache.h"

namespace aliquot::guest::opencl {

const CachedInfo* find_info(const CachedInfo* list, uint32_t opcode, uint32_t device,
                            uint32_t parameter) {
  for (const CachedInfo* info = list; info != nullptr; info = info->next) {
    if (info->parameter == parameter && info->device == device && info->opcode == opcode) {
      return info;
    }
  }
  return nullptr;
}

const CachedInfo* add_info(CachedInfo** list, uint32_t opcode, uint32_t device,
                           uint32_t parameter, const LongAnswer& answer) {
  CachedInfo* info = static_cast<CachedInfo*>(malloc(sizeof(CachedInfo) + answer.bytes));
  if (info == nullptr) return nullptr;
  *info = {*list, opcode, device, parameter, answer.status, answer.bytes};
  if (answer.bytes != 0) memcpy(info + 1, answer.data, answer.bytes);
  *list = info;
  return info;
}

void drop_infos(CachedInfo** list) {
  while (*list != nullptr) {
    CachedInfo* next = (*list)->next;
    free(*list);
    *list = next;
  }
}

}  // namespace aliquot::guest::opencl
