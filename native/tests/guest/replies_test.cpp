// Answers of a worker that can't be trusted: every truncation and every changed byte is survived.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "guest/opencl/kernel_reply.h"
#include "guest/opencl/snapshot.h"

using namespace aliquot::guest::opencl;

namespace {

using Bytes = std::vector<unsigned char>;

void put32(Bytes& out, uint32_t value) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(&value);
  out.insert(out.end(), bytes, bytes + 4);
}

void put_answer(Bytes& out, uint32_t scope, uint32_t parameter, const std::string& value) {
  put32(out, scope);
  put32(out, parameter);
  put32(out, static_cast<uint32_t>(value.size()));
  out.insert(out.end(), value.begin(), value.end());
  while (out.size() % 4 != 0) out.push_back(0);
}

template <class Number>
std::string raw(Number value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

// A device filled from a copy of exactly this many bytes, so that ASan sees each one too many.
void file(const Bytes& bytes, Device& device) {
  auto* copy = static_cast<unsigned char*>(std::malloc(bytes.size() + 1));
  if (!bytes.empty()) std::memcpy(copy, bytes.data(), bytes.size());
  auto* exact = static_cast<unsigned char*>(std::realloc(copy, bytes.empty() ? 1 : bytes.size()));
  CHECK(file_device_answers(device, exact, bytes.size()));
  device.storage = exact;
}

struct OwnedDevice {
  Device* device = make<Device>(nullptr);
  ~OwnedDevice() { free_memory(*device); }
};

Bytes sample_snapshot() {
  Bytes bytes;
  put_answer(bytes, kScopePlatform, CL_PLATFORM_NAME, "a platform");
  put_answer(bytes, kScopeDevice, CL_DEVICE_MAX_WORK_GROUP_SIZE, raw(size_t{512}));
  put_answer(bytes, kScopeDevice, CL_DEVICE_VERSION, std::string("OpenCL 2.1 name\0", 16));
  put_answer(bytes, kScopeDevice, CL_DEVICE_MAX_WORK_ITEM_SIZES,
             raw(size_t{64}) + raw(size_t{32}) + raw(size_t{16}));
  put_answer(bytes, kScopeDevice, 0x4000, "rare");
  return bytes;
}

struct Argument {
  uint32_t type, bytes;
  std::string type_name, name;
};

Bytes kernel_reply(const std::vector<Argument>& arguments) {
  Bytes out;
  put32(out, static_cast<uint32_t>(arguments.size()));
  for (const Argument& argument : arguments) {
    for (const uint32_t word : {argument.type, argument.bytes, 1u, 2u, 3u, 0u,
                                static_cast<uint32_t>(argument.type_name.size()),
                                static_cast<uint32_t>(argument.name.size())}) {
      put32(out, word);
    }
    const std::string text = argument.type_name + argument.name;
    out.insert(out.end(), text.begin(), text.end());
    out.insert(out.end(), (8 - text.size() % 8) % 8, 0);
  }
  return out;
}

struct OwnedKernel {
  Kernel* kernel = make<Kernel>(nullptr);
  ~OwnedKernel() { free_memory(*kernel); }
};

cl_int read_exactly(Kernel& kernel, const Bytes& bytes) {
  auto* exact = static_cast<unsigned char*>(std::malloc(bytes.empty() ? 1 : bytes.size()));
  if (!bytes.empty()) std::memcpy(exact, bytes.data(), bytes.size());
  const cl_int status = read_arguments(kernel, exact, bytes.size());
  std::free(exact);
  return status;
}

}  // namespace

void test_snapshot_reader() {
  const Bytes sample = sample_snapshot();
  {
    OwnedDevice owned;
    Device& device = *owned.device;
    file(sample, device);
    CHECK(device.max_work_group_size == 512);
    CHECK(device.version == 210);
    CHECK(device.non_uniform_work_groups);
    CHECK(device.max_work_item_sizes[0] == 64 && device.max_work_item_sizes[2] == 16);
    CHECK(device.rare.size() == 1 && device.rare[0].parameter == 0x4000);
    const Answer& size = device.answers[CL_DEVICE_MAX_WORK_GROUP_SIZE - 0x1000];
    CHECK(size.known && size.size == sizeof(size_t));
  }
  for (size_t length = 0; length < sample.size(); ++length) {
    OwnedDevice owned;
    file(Bytes(sample.begin(), sample.begin() + static_cast<ptrdiff_t>(length)), *owned.device);
  }
  for (size_t at = 0; at < sample.size(); ++at) {
    for (const unsigned char value : {0x00, 0x7f, 0x80, 0xff}) {
      Bytes changed = sample;
      changed[at] = value;
      OwnedDevice owned;
      file(changed, *owned.device);
    }
  }
}

void test_kernel_reply() {
  const Bytes sample = kernel_reply({{1, 8, "int*", "out"}, {0, 4, "float", "factor"},
                                     {2, 0, "", ""}, {0, 0, "struct s", "x"}});
  {
    OwnedKernel owned;
    Kernel& kernel = *owned.kernel;
    CHECK(read_exactly(kernel, sample) == CL_SUCCESS);
    CHECK(kernel.argument_count == 4 && kernel.buffer_argument_count == 1);
    CHECK(!kernel.has_argument_info);  // the third has no names
    CHECK(std::strcmp(kernel.arguments[1].type_name, "float") == 0);
    CHECK(std::strcmp(kernel.arguments[1].name, "factor") == 0);
    CHECK(kernel.arguments[1].declared_bytes == 4);
    CHECK(kernel.arguments[3].type_qualifier == 3);
  }
  {
    OwnedKernel owned;
    CHECK(read_exactly(*owned.kernel, kernel_reply({})) == CL_SUCCESS);
    CHECK(owned.kernel->argument_count == 0);
  }
  for (size_t length = 0; length < sample.size(); ++length) {
    OwnedKernel owned;
    CHECK(read_exactly(*owned.kernel, Bytes(sample.begin(),
                                            sample.begin() + static_cast<ptrdiff_t>(length))) !=
          CL_SUCCESS);
  }
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    Bytes changed = sample;
    for (unsigned i = 0; i < 1 + random() % 4; ++i) {
      changed[random() % changed.size()] = static_cast<unsigned char>(random());
    }
    OwnedKernel owned;
    read_exactly(*owned.kernel, changed);
    for (uint32_t i = 0; i < owned.kernel->argument_count; ++i) {
      CHECK(std::strlen(owned.kernel->arguments[i].type_name) <= sample.size());
      CHECK(std::strlen(owned.kernel->arguments[i].name) <= sample.size());
    }
  }
}
