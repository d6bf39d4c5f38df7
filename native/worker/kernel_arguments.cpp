#include "worker/kernel_arguments.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace aliquot::worker {

namespace {

// Types whose values are handles, and which by rights are never addressed as `private` memory.
bool is_opaque(std::string_view type) {
  return type.find("queue_t") != type.npos || type.find("event_t") != type.npos ||
         type.find("reserve_id_t") != type.npos || type.find("ndrange_t") != type.npos ||
         type.find("pipe") != type.npos;
}

std::string text_argument(const cl_icd_dispatch& calls, cl_kernel kernel, cl_uint index,
                          cl_kernel_arg_info parameter) {
  char text[512] = {};
  size_t size = 0;
  if (calls.clGetKernelArgInfo(kernel, index, parameter, sizeof text, text, &size) != CL_SUCCESS) {
    return {};
  }
  return std::string(text, strnlen(text, std::min(size, sizeof text)));
}

template <class Number>
bool number_argument(const cl_icd_dispatch& calls, cl_kernel kernel, cl_uint index,
                     cl_kernel_arg_info parameter, Number& number) {
  return calls.clGetKernelArgInfo(kernel, index, parameter, sizeof number, &number, nullptr) ==
         CL_SUCCESS;
}

// From what the driver kept of the source. False: it kept nothing.
bool read_argument(const cl_icd_dispatch& calls, cl_kernel kernel, cl_uint index,
                   ArgumentInfo& info) {
  cl_kernel_arg_address_qualifier address = 0;
  cl_kernel_arg_access_qualifier access = 0;
  cl_kernel_arg_type_qualifier type = 0;
  if (calls.clGetKernelArgInfo == nullptr ||
      !number_argument(calls, kernel, index, CL_KERNEL_ARG_ADDRESS_QUALIFIER, address) ||
      !number_argument(calls, kernel, index, CL_KERNEL_ARG_ACCESS_QUALIFIER, access) ||
      !number_argument(calls, kernel, index, CL_KERNEL_ARG_TYPE_QUALIFIER, type)) {
    return false;
  }
  info.type_name = text_argument(calls, kernel, index, CL_KERNEL_ARG_TYPE_NAME);
  if (info.type_name.empty()) return false;
  info.name = text_argument(calls, kernel, index, CL_KERNEL_ARG_NAME);
  info.address_qualifier = address;
  info.access_qualifier = access;
  info.type_qualifier = type;
  if (info.type_name.find("image") != std::string::npos &&
      (access != CL_KERNEL_ARG_ACCESS_NONE || address == CL_KERNEL_ARG_ADDRESS_GLOBAL) &&
      info.type_name.find('*') == std::string::npos) {
    info.argument_class = ArgumentClass::kImage;
  } else if ((type & CL_KERNEL_ARG_TYPE_PIPE) != 0 || is_opaque(info.type_name)) {
    info.argument_class = ArgumentClass::kOther;
  } else if (info.type_name == "sampler_t") {
    info.argument_class = ArgumentClass::kSampler;
  } else if (address == CL_KERNEL_ARG_ADDRESS_LOCAL) {
    info.argument_class = ArgumentClass::kLocal;
  } else if (address == CL_KERNEL_ARG_ADDRESS_GLOBAL || address == CL_KERNEL_ARG_ADDRESS_CONSTANT) {
    info.argument_class = ArgumentClass::kBuffer;
  } else {
    info.argument_class = ArgumentClass::kValue;
  }
  return true;
}

// Without information: each class refuses something that the others take. Nothing here hands the
// driver bytes that it could take for a handle, but for eight zeros, the null handle.
ArgumentClass guess_class(const cl_icd_dispatch& calls, cl_kernel scratch, cl_uint index) {
  if (calls.clSetKernelArg(scratch, index, 1, nullptr) == CL_SUCCESS) return ArgumentClass::kLocal;
  if (calls.clSetKernelArg(scratch, index, sizeof(cl_mem), nullptr) == CL_SUCCESS) {
    return ArgumentClass::kBuffer;
  }
  const unsigned char zeros[sizeof(cl_mem)] = {};
  switch (calls.clSetKernelArg(scratch, index, sizeof zeros, zeros)) {
    case CL_SUCCESS:          // a value of this size
    case CL_INVALID_ARG_SIZE: // a value of another
      return ArgumentClass::kValue;
    case CL_INVALID_MEM_OBJECT:
      return ArgumentClass::kImage;
    case CL_INVALID_SAMPLER:
      return ArgumentClass::kSampler;
    default:
      return ArgumentClass::kOther;
  }
}

// The one size that the driver takes; 0 when it takes several (it doesn't look) or none.
uint32_t find_value_size(const cl_icd_dispatch& calls, cl_kernel scratch, cl_uint index) {
  static const unsigned char zeros[kLargestValue] = {};
  const auto takes = [&](uint32_t size) {
    return calls.clSetKernelArg(scratch, index, size, zeros) == CL_SUCCESS;
  };
  constexpr uint32_t kUsual[] = {4, 8, 16, 2, 1, 32, 64, 128, 12, 24, 48};
  uint32_t found = 0;
  for (const uint32_t size : kUsual) {
    if (takes(size)) {
      found = size;
      break;
    }
  }
  for (uint32_t size = 1; found == 0 && size <= kLargestValue; ++size) {
    if (takes(size)) found = size;
  }
  if (found == 0) return 0;
  // A driver that takes a larger size as well doesn't check. (PoCL takes three quarters of a size
  // for vectors of three, and of any type that is as large as one.)
  return takes(found + 1) ? 0 : found;
}

}  // namespace

std::vector<ArgumentInfo> describe_arguments(const cl_icd_dispatch& calls, cl_kernel kernel,
                                             cl_kernel scratch) {
  cl_uint count = 0;
  if (calls.clGetKernelInfo(kernel, CL_KERNEL_NUM_ARGS, sizeof count, &count, nullptr) !=
      CL_SUCCESS) {
    return {};
  }
  std::vector<ArgumentInfo> arguments(std::min<cl_uint>(count, 4096));
  for (cl_uint index = 0; index < arguments.size(); ++index) {
    ArgumentInfo& info = arguments[index];
    if (!read_argument(calls, kernel, index, info) && scratch != nullptr) {
      info.argument_class = guess_class(calls, scratch, index);
      info.address_qualifier = info.argument_class == ArgumentClass::kBuffer
                                   ? CL_KERNEL_ARG_ADDRESS_GLOBAL
                               : info.argument_class == ArgumentClass::kLocal
                                   ? CL_KERNEL_ARG_ADDRESS_LOCAL
                                   : CL_KERNEL_ARG_ADDRESS_PRIVATE;
      info.access_qualifier = CL_KERNEL_ARG_ACCESS_NONE;
    }
    if (info.argument_class == ArgumentClass::kValue && scratch != nullptr) {
      info.bytes = find_value_size(calls, scratch, index);
    }
  }
  return arguments;
}

void write_arguments(const std::vector<ArgumentInfo>& arguments, ReplyBytes& out) {
  out.add(static_cast<uint32_t>(arguments.size()));
  for (const ArgumentInfo& info : arguments) {
    out.add(static_cast<uint32_t>(info.argument_class));
    out.add(info.bytes);
    out.add(info.address_qualifier);
    out.add(info.access_qualifier);
    out.add(info.type_qualifier);
    out.add(static_cast<uint32_t>(info.type_name.size()));
    out.add(static_cast<uint32_t>(info.name.size()));
    const size_t strings = info.type_name.size() + info.name.size();
    out.add_bytes(info.type_name.data(), info.type_name.size());
    out.add_bytes(info.name.data(), info.name.size());
    const unsigned char padding[8] = {};
    out.add_bytes(padding, (8 - strings % 8) % 8);
  }
}

bool argument_fits(const ArgumentInfo& info, uint32_t argument_class, uint32_t bytes) {
  if (argument_class != static_cast<uint32_t>(info.argument_class)) return false;
  switch (info.argument_class) {
    case ArgumentClass::kValue:
      return bytes != 0 && bytes <= kLargestValue && (info.bytes == 0 || bytes == info.bytes);
    case ArgumentClass::kBuffer:
      return bytes == sizeof(cl_mem);
    case ArgumentClass::kLocal:
      return bytes != 0;
    default:
      return false;
  }
}

}  // namespace aliquot::worker
