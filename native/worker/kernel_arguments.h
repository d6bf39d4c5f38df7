// What a kernel's arguments are. The guest driver needs it to answer clSetKernelArg by itself, and
// the worker to hand nothing to the driver that would be taken for a pointer.
#pragma once

#include <CL/cl.h>

#include <cstdint>
#include <string>
#include <vector>

#include "worker/driver.h"
#include "worker/reply.h"

namespace aliquot::worker {

enum class ArgumentClass : uint32_t {
  kValue = 0,
  kBuffer = 1,
  kLocal = 2,
  kSampler = 3,
  kImage = 4,
  kOther = 5,
};

struct ArgumentInfo {
  ArgumentClass argument_class = ArgumentClass::kOther;
  uint32_t bytes = 0;  // of a value; 0: unknown
  uint32_t address_qualifier = 0;
  uint32_t access_qualifier = 0;
  uint64_t type_qualifier = 0;
  std::string type_name;  // empty where the driver keeps none
  std::string name;
};

constexpr uint32_t kLargestValue = 4096;  // bytes of an argument passed by value

/// Describes all arguments of `kernel`. `scratch` is another kernel of the same name whose
/// arguments may be set at will; null: nothing is tried out.
std::vector<ArgumentInfo> describe_arguments(const cl_icd_dispatch& calls, cl_kernel kernel,
                                             cl_kernel scratch);

/// The answer to `create_kernel`, as commands.toml has it.
void write_arguments(const std::vector<ArgumentInfo>& arguments, ReplyBytes& out);

/// Whether an argument of this class and size may be handed to the driver.
bool argument_fits(const ArgumentInfo& info, uint32_t argument_class, uint32_t bytes);

}  // namespace aliquot::worker
