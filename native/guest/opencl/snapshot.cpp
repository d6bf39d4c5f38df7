#include "guest/opencl/snapshot.h"

#include <cstring>

namespace aliquot::guest::opencl {

bool SnapshotReader::next(uint32_t* scope, uint32_t* parameter, Answer* answer) {
  uint32_t head[3];
  if (bytes_ < sizeof head) return false;
  memcpy(head, data_, sizeof head);
  data_ += sizeof head;
  bytes_ -= sizeof head;
  const size_t size = head[2];
  if (size > bytes_) {
    bytes_ = 0;
    return false;
  }
  *scope = head[0];
  *parameter = head[1];
  answer->data = data_;
  answer->size = static_cast<uint32_t>(size);
  answer->known = true;
  const size_t padded = (size + 3) & ~size_t{3};
  const size_t step = padded < bytes_ ? padded : bytes_;
  data_ += step;
  bytes_ -= step;
  return true;
}

namespace {

/// The answer as a number of its own width; `missing` when it is not known or has another size.
uint64_t number(const Device& device, uint32_t parameter, uint64_t missing) {
  const Answer& answer = device.answers[parameter - Device::kFirstParameter];
  if (!answer.known) return missing;
  if (answer.size == 8) {
    uint64_t wide;
    memcpy(&wide, answer.data, 8);
    return wide;
  }
  if (answer.size == 4) {
    uint32_t narrow;
    memcpy(&narrow, answer.data, 4);
    return narrow;
  }
  return missing;
}

/// "OpenCL 3.0 …" → 300; 0 when it reads otherwise. The text need not be terminated.
uint32_t parse_version(const Answer& answer) {
  char text[16] = {};
  if (!answer.known) return 0;
  memcpy(text, answer.data, answer.size < sizeof text - 1 ? answer.size : sizeof text - 1);
  if (strncmp(text, "OpenCL ", 7) != 0) return 0;
  char* end = nullptr;
  const unsigned long major = strtoul(text + 7, &end, 10);
  if (*end != '.') return 0;
  const unsigned long minor = strtoul(end + 1, nullptr, 10);
  if (major > 99 || minor > 9) return 0;
  return static_cast<uint32_t>(major * 100 + minor * 10);
}

void decode_limits(Device& device) {
  device.max_work_group_size = number(device, CL_DEVICE_MAX_WORK_GROUP_SIZE, 1);
  device.base_address_align_bits =
      static_cast<uint32_t>(number(device, CL_DEVICE_MEM_BASE_ADDR_ALIGN, 8));
  device.max_mem_alloc_size = number(device, CL_DEVICE_MAX_MEM_ALLOC_SIZE, 0);
  device.global_mem_size = number(device, CL_DEVICE_GLOBAL_MEM_SIZE, 0);
  device.queue_properties = number(device, CL_DEVICE_QUEUE_ON_HOST_PROPERTIES, 0);
  device.available = number(device, CL_DEVICE_AVAILABLE, 1) != 0;
  device.little_endian = number(device, CL_DEVICE_ENDIAN_LITTLE, 1) != 0;
  device.version = parse_version(device.answers[CL_DEVICE_VERSION - Device::kFirstParameter]);
  // OpenCL 2.x demands non-uniform work-groups; 3.0 makes them a feature.
  device.non_uniform_work_groups =
      device.version >= 300
          ? number(device, CL_DEVICE_NON_UNIFORM_WORK_GROUP_SUPPORT, 0) != 0
          : device.version >= 200;
  const uint64_t dimensions = number(device, CL_DEVICE_MAX_WORK_ITEM_DIMENSIONS, 3);
  device.dimensions = dimensions < 3 ? static_cast<uint32_t>(dimensions) : 3;
  const Answer& sizes =
      device.answers[CL_DEVICE_MAX_WORK_ITEM_SIZES - Device::kFirstParameter];
  for (size_t i = 0; i < 3; ++i) {
    device.max_work_item_sizes[i] = device.max_work_group_size;
    if (sizes.known && sizes.size >= (i + 1) * sizeof(size_t)) {
      memcpy(&device.max_work_item_sizes[i],
             static_cast<const unsigned char*>(sizes.data) + i * sizeof(size_t), sizeof(size_t));
    }
  }
}

}  // namespace

bool file_device_answers(Device& device, const unsigned char* blob, size_t bytes) {
  SnapshotReader reader(blob, bytes);
  uint32_t scope;
  uint32_t parameter;
  Answer answer;
  while (reader.next(&scope, &parameter, &answer)) {
    if (scope != kScopeDevice) continue;
    if (parameter - Device::kFirstParameter < Device::kParameters) {
      device.answers[parameter - Device::kFirstParameter] = answer;
    } else if (!device.rare.push_back({parameter, answer})) {
      return false;
    }
  }
  decode_limits(device);
  return true;
}

}  // namespace aliquot::guest::opencl
