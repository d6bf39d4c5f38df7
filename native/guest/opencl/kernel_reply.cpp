#include "guest/opencl/kernel_reply.h"

#include <cstring>

namespace aliquot::guest::opencl {

namespace {

/// The fixed part of one argument, in the order of the wire.
struct WireArgument {
  uint32_t type;
  uint32_t value_bytes;
  uint32_t address_qualifier;
  uint32_t access_qualifier;
  uint64_t type_qualifier;
  uint32_t type_name_bytes;
  uint32_t name_bytes;
};
static_assert(sizeof(WireArgument) == 32);

/// The next argument and its strings; false: malformed.
bool next_argument(const unsigned char** data, size_t* bytes, WireArgument* argument,
                   const char** strings) {
  if (*bytes < sizeof *argument) return false;
  memcpy(argument, *data, sizeof *argument);
  *data += sizeof *argument;
  *bytes -= sizeof *argument;
  const uint64_t text = uint64_t{argument->type_name_bytes} + argument->name_bytes;
  const uint64_t padded = (text + 7) & ~uint64_t{7};
  if (padded > *bytes) return false;
  *strings = reinterpret_cast<const char*>(*data);
  *data += padded;
  *bytes -= padded;
  return argument->type <= static_cast<uint32_t>(ArgumentClass::kOther) &&
         argument->value_bytes <= kLargestValue;
}

}  // namespace

cl_int read_arguments(Kernel& kernel, const unsigned char* data, size_t bytes) {
  uint32_t count = 0;
  if (bytes < sizeof count) return CL_OUT_OF_RESOURCES;
  memcpy(&count, data, sizeof count);
  data += sizeof count;
  bytes -= sizeof count;
  if (count > kMostArguments) return CL_OUT_OF_RESOURCES;
  if (count == 0) return CL_SUCCESS;

  // Zero-filled; every text gets its terminating zero.
  kernel.arguments = static_cast<KernelArgument*>(malloc(count * sizeof(KernelArgument)));
  kernel.strings = static_cast<char*>(calloc(1, bytes + 2 * size_t{count}));
  if (kernel.arguments == nullptr || kernel.strings == nullptr) return CL_OUT_OF_HOST_MEMORY;
  char* text = kernel.strings;
  kernel.has_argument_info = true;
  for (uint32_t i = 0; i < count; ++i) {
    WireArgument wire;
    const char* strings = nullptr;
    if (!next_argument(&data, &bytes, &wire, &strings)) return CL_OUT_OF_RESOURCES;
    KernelArgument* argument = new (&kernel.arguments[i]) KernelArgument;
    kernel.argument_count = i + 1;
    argument->type = static_cast<ArgumentClass>(wire.type);
    argument->declared_bytes = wire.value_bytes;
    argument->address_qualifier = wire.address_qualifier;
    argument->access_qualifier = wire.access_qualifier;
    argument->type_qualifier = wire.type_qualifier;
    argument->type_name = text;
    memcpy(text, strings, wire.type_name_bytes);
    text += wire.type_name_bytes + 1;
    argument->name = text;
    memcpy(text, strings + wire.type_name_bytes, wire.name_bytes);
    text += wire.name_bytes + 1;
    if (wire.type_name_bytes == 0) kernel.has_argument_info = false;
    if (argument->type == ArgumentClass::kBuffer) ++kernel.buffer_argument_count;
  }
  return CL_SUCCESS;
}

}  // namespace aliquot::guest::opencl
