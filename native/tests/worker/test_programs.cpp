// Programs, kernels, what they print, and what the device says of itself.
#include <map>

#include "tests.h"

namespace aliquot::test {

using namespace opencl;

namespace {

std::map<std::pair<uint32_t, uint32_t>, std::vector<unsigned char>> read_report(
    const Reply& reply) {
  std::map<std::pair<uint32_t, uint32_t>, std::vector<unsigned char>> report;
  size_t at = 0;
  while (at + 12 <= reply.bytes.size()) {
    const auto scope = reply.read<uint32_t>(at);
    const auto parameter = reply.read<uint32_t>(at + 4);
    const auto size = reply.read<uint32_t>(at + 8);
    at += 12;
    if (size > reply.bytes.size() - at) break;
    const auto begin = reply.bytes.begin() + static_cast<ptrdiff_t>(at);
    report[{scope, parameter}].assign(begin, begin + size);
    at += (size + 3) & ~3u;
  }
  CHECK_SAME(at, reply.bytes.size());
  return report;
}

void test_report(const TestHost& host, TestGuest& guest) {
  SnapshotCommand command;
  command.device = 1;
  const Reply reply = guest.call(command);
  CHECK_SAME(reply.status, CL_SUCCESS);
  auto report = read_report(reply);
  const auto number = [&](uint32_t parameter) {
    const auto& bytes = report[{1, parameter}];
    uint64_t value = 0;
    if (bytes.size() <= sizeof value) std::memcpy(&value, bytes.data(), bytes.size());
    return value;
  };
  CHECK_SAME(number(CL_DEVICE_GLOBAL_MEM_SIZE), host.memory_limit());
  CHECK(number(CL_DEVICE_MAX_MEM_ALLOC_SIZE) <= host.memory_limit());
  CHECK_SAME(number(CL_DEVICE_IMAGE_SUPPORT), CL_FALSE);
  CHECK_SAME(number(CL_DEVICE_SVM_CAPABILITIES), 0);
  CHECK(number(CL_DEVICE_MAX_COMPUTE_UNITS) > 0);
  CHECK((report[{0, CL_PLATFORM_NAME}].size() > 1));
  CHECK((report[{1, CL_DEVICE_NAME}].size() > 1));
  const auto& extensions = report[{1, CL_DEVICE_EXTENSIONS}];
  const std::string names(extensions.begin(), extensions.end());
  CHECK(names.find("cl_khr_byte_addressable_store") != std::string::npos);
  CHECK(names.find("cl_khr_3d_image_writes") == std::string::npos);
  CHECK(names.find("cl_khr_il_program") == std::string::npos);
  CHECK_SAME(report.count({1, CL_DEVICE_PLATFORM}), 0);
  // Without room the answer is its size only.
  SnapshotCommand small = command;
  small.device = 77;
  CHECK_SAME(guest.call(small).status, CL_INVALID_DEVICE);
}

void test_build_failure(TestGuest& guest) {
  CHECK_SAME(guest.build(10, 1, "kernel void broken(global int* a) { a[0] = nonsense; }"),
             CL_BUILD_PROGRAM_FAILURE);
  ProgramBuildInfoCommand info;
  info.program = 10;
  info.device = 1;
  info.parameter = CL_PROGRAM_BUILD_LOG;
  const Reply log = guest.call(info);
  CHECK_SAME(log.status, CL_SUCCESS);
  CHECK(std::string(log.bytes.begin(), log.bytes.end()).find("nonsense") != std::string::npos);
  CHECK(guest.kernel(10, 10, "broken").status != CL_SUCCESS);
  ProgramInfoCommand handles;
  handles.program = 10;
  handles.parameter = CL_PROGRAM_CONTEXT;
  CHECK_SAME(guest.call(handles).status, CL_INVALID_VALUE);
  guest.release(ObjectKind::kProgram, 10);
  CHECK_SAME(guest.call(info).status, CL_INVALID_PROGRAM);
}

int run_seven(TestGuest& guest, uint32_t program, const char* name) {
  CHECK_SAME(guest.kernel(20, program, name).status, CL_SUCCESS);
  guest.launch(1, 20, 1, Arguments().buffer(0, 1));
  int out = 0;
  CHECK(guest.read(1, 1, &out, 4));
  guest.release(ObjectKind::kKernel, 20);
  return out;
}

void test_link(TestGuest& guest) {
  const std::string header = "int helper(void);\n";
  const std::string library = "int helper(void) { return 7; }\n";
  const std::string user =
      "#include \"helper.h\"\nkernel void seven(global int* a) { a[0] = helper(); }\n";
  uint32_t id = 11;
  for (const std::string* source : {&header, &library, &user}) {
    std::memcpy(guest.staging(), source->data(), source->size());
    CreateProgramWithSourceCommand create;
    create.program = id++;
    create.context = 1;
    create.arena = 1;
    create.size = source->size();
    CHECK_SAME(guest.call(create).status, CL_SUCCESS);
  }
  CompileProgramCommand compile;
  compile.program = 12;
  CHECK_SAME(guest.call(compile).status, CL_SUCCESS);
  compile.program = 13;
  const uint32_t headers[] = {11};
  const std::string names("helper.h\0", 9);
  compile.headers = headers;
  compile.header_names = {reinterpret_cast<const uint8_t*>(names.data()), names.size()};
  CHECK_SAME(guest.call(compile).status, CL_SUCCESS);
  LinkProgramCommand link;
  link.program = 14;
  link.context = 1;
  const uint32_t inputs[] = {12, 13};
  link.inputs = inputs;
  const Reply linked = guest.call(link);
  CHECK_SAME(linked.status, CL_SUCCESS);
  CHECK_SAME(linked.read<uint32_t>(0), 1);
  CHECK_SAME(run_seven(guest, 14, "seven"), 7);
}

void test_binary(TestGuest& guest) {
  ProgramInfoCommand info;
  info.program = 14;
  info.parameter = CL_PROGRAM_BINARIES;
  const Reply binary = guest.call(info);
  CHECK_SAME(binary.status, CL_SUCCESS);
  CHECK(!binary.bytes.empty());
  std::memcpy(guest.staging(), binary.bytes.data(), binary.bytes.size());
  CreateProgramWithBinaryCommand create;
  create.program = 15;
  create.context = 1;
  const uint32_t device[] = {1};
  const uint64_t size[] = {binary.bytes.size()};
  create.devices = device;
  create.sizes = size;
  create.arena = 1;
  const Reply made = guest.call(create);
  CHECK_SAME(made.status, CL_SUCCESS);
  CHECK_SAME(made.read<cl_int>(0), CL_SUCCESS);
  BuildProgramCommand build;
  build.program = 15;
  CHECK_SAME(guest.call(build).status, CL_SUCCESS);
  CHECK_SAME(run_seven(guest, 15, "seven"), 7);
}

void test_kernel_info(TestGuest& guest) {
  CHECK_SAME(guest.kernel(30, 1, "count").status, CL_SUCCESS);
  KernelInfoCommand name;
  name.kernel = 30;
  name.parameter = CL_KERNEL_FUNCTION_NAME;
  const Reply reply = guest.call(name);
  CHECK_SAME(reply.status, CL_SUCCESS);
  CHECK(std::string(reply.bytes.begin(), reply.bytes.end()) == std::string("count\0", 6));
  KernelWorkGroupInfoCommand size;
  size.kernel = 30;
  size.device = 1;
  size.parameter = CL_KERNEL_WORK_GROUP_SIZE;
  CHECK(guest.call(size).read<uint64_t>(0) >= 1);
}

void test_print(TestGuest& guest) {
  CHECK_SAME(guest.build(40, 1, R"(kernel void say(global int* a, int n) {
    printf("number %d of %s\n", n, "many"); a[0] = n; })"),
             CL_SUCCESS);
  CHECK_SAME(guest.kernel(40, 40, "say").status, CL_SUCCESS);
  std::string expected;
  for (int i = 0; i < 20; ++i) {
    guest.launch(1, 40, 1, Arguments().buffer(0, 1).value(1, i));
    expected += "number " + std::to_string(i) + " of many\n";
  }
  CHECK(guest.finish(1));
  CHECK(guest.take_print() == expected);  // it was there when the queue was done
}

void test_sub_devices(TestGuest& guest) {
  CreateSubDevicesCommand create;
  create.device = 1;
  const uint64_t properties[] = {CL_DEVICE_PARTITION_EQUALLY, 1, 0};
  create.properties = properties;
  const Reply count = guest.call(create);
  if (count.status != CL_SUCCESS) return;  // the driver has none
  std::vector<uint32_t> ids;
  for (uint32_t i = 0; i < count.read<uint32_t>(0); ++i) ids.push_back(2 + i);
  create.sub_devices = ids;
  CHECK_SAME(guest.call(create).status, CL_SUCCESS);
  SnapshotCommand snapshot;
  snapshot.device = 2;
  auto report = read_report(guest.call(snapshot));
  CHECK((report[{1, CL_DEVICE_MAX_COMPUTE_UNITS}][0] == 1));
  for (const uint32_t id : ids) guest.release(ObjectKind::kDevice, id);
  CHECK_SAME(guest.call(snapshot).status, CL_INVALID_DEVICE);
}

}  // namespace

void test_programs(const WorkerSettings& settings) {
  TestHost host(settings);
  TestGuest guest(host, 1);
  guest.open(1, 1);
  guest.buffer(1, 1, 64);
  CHECK_SAME(guest.build(1, 1, kSource), CL_SUCCESS);
  test_report(host, guest);
  test_build_failure(guest);
  test_link(guest);
  test_binary(guest);
  test_kernel_info(guest);
  test_print(guest);
  test_sub_devices(guest);
  CHECK(guest.disconnect());
}

}  // namespace aliquot::test
