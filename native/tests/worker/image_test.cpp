// Images as they are written and read, and as nobody should have written them; and reports of
// devices, compared.
#include <CL/cl.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "worker/image.h"
#include "worker/program_origin.h"
#include "worker/report_match.h"

namespace aliquot::worker {

namespace {

// Mapped as a device host's memory is.
struct Memory {
  explicit Memory(size_t bytes) {
    const int descriptor = memfd_create("aliquot-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK(ftruncate(descriptor, static_cast<off_t>(bytes)) == 0);
    CHECK(fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
    CHECK(mapping.map(descriptor, bytes));
    close(descriptor);
  }
  Mapping mapping;
};

ImageDraft make_draft() {
  ImageDraft draft;
  const uint32_t device = 1;
  opencl::CreateContextCommand context;
  context.context = 7;
  context.devices = {&device, 1};
  draft.add(context);
  const auto text = std::make_shared<const std::string>("kernel void f() {}");
  opencl::CreateProgramWithSourceCommand program;
  program.program = 3;
  program.context = 7;
  program.arena = kImageArena;
  program.offset = draft.add_text(text);
  program.size = text->size();
  draft.add(program);
  ImageState state;
  state.kind = ImageState::Kind::kContents;
  state.id = 5;
  state.numbers[0] = draft.add_room(100);
  state.numbers[1] = 100;
  draft.add(state);
  draft.header.ring_head = 4096;
  return draft;
}

void test_what_is_written_is_read() {
  ImageDraft draft = make_draft();
  const uint64_t bytes = draft.finish();
  Memory memory(bytes);
  draft.write(memory.mapping.data());
  ImageReader reader;
  CHECK(reader.open(memory.mapping));
  CHECK_SAME(reader.header().ring_head, 4096);
  opencl::CreateContextCommand context;
  CHECK(opencl::decode(reader.next_frame(), context));
  CHECK_SAME(context.context, 7);
  opencl::CreateProgramWithSourceCommand program;
  CHECK(opencl::decode(reader.next_frame(), program));
  CHECK(std::memcmp(memory.mapping.data() + program.offset, "kernel void", 11) == 0);
  CHECK(reader.next_frame().empty());
  CHECK(!reader.broken());
  CHECK_SAME(reader.states().size(), 1);
  CHECK_SAME(reader.states().front().id, 5);
  CHECK(reader.states().front().numbers[0] + 100 <= bytes);
}

void test_what_is_no_image() {
  ImageDraft draft = make_draft();
  const uint64_t bytes = draft.finish();
  std::vector<unsigned char> sound(bytes);
  draft.write(sound.data());
  Memory small(sizeof(ImageHeader) - 8);
  ImageReader reader;
  CHECK(!reader.open(small.mapping));
  // Whatever bytes change: nothing outside is read, and it ends.
  std::mt19937_64 random(7);
  Memory memory(bytes);
  for (int round = 0; round < 20'000; ++round) {
    std::memcpy(memory.mapping.data(), sound.data(), bytes);
    for (uint64_t changes = random() % 4 + 1; changes != 0; --changes) {
      const uint64_t words = random() % 2 != 0 ? sizeof(ImageHeader) / 8 : bytes / 8;
      const uint64_t values[] = {random(), random() % 256, ~uint64_t{0}, bytes - 8, uint64_t{1} << 63};
      std::memcpy(memory.mapping.data() + random() % words * 8, &values[random() % 5], 8);
    }
    ImageReader hostile;
    if (!hostile.open(memory.mapping)) continue;
    size_t frames = 0;
    while (!hostile.next_frame().empty()) ++frames;
    CHECK(frames <= bytes / 8);
    CHECK(hostile.states().size() <= bytes / sizeof(ImageState));
  }
}

void add_entry(std::vector<unsigned char>& report, uint32_t parameter, const void* data,
               size_t bytes) {
  const uint32_t entry[] = {1, parameter, static_cast<uint32_t>(bytes)};
  const auto* words = reinterpret_cast<const unsigned char*>(entry);
  report.insert(report.end(), words, words + sizeof entry);
  const auto* values = static_cast<const unsigned char*>(data);
  report.insert(report.end(), values, values + bytes);
  report.resize((report.size() + 3) & ~size_t{3});
}

std::vector<unsigned char> report_of(const std::string& extensions, size_t group,
                                     const std::string& name, cl_uint align = 1024) {
  std::vector<unsigned char> report;
  add_entry(report, CL_DEVICE_EXTENSIONS, extensions.c_str(), extensions.size() + 1);
  add_entry(report, CL_DEVICE_MAX_WORK_GROUP_SIZE, &group, sizeof group);
  const size_t sizes[] = {group, group, 64};
  add_entry(report, CL_DEVICE_MAX_WORK_ITEM_SIZES, sizes, sizeof sizes);
  add_entry(report, CL_DEVICE_MEM_BASE_ADDR_ALIGN, &align, sizeof align);
  add_entry(report, CL_DEVICE_NAME, name.c_str(), name.size() + 1);
  const std::string version = group > 1000 ? "OpenCL 3.0 this" : "OpenCL 1.2 that";
  add_entry(report, CL_DEVICE_VERSION, version.c_str(), version.size() + 1);
  return report;
}

void test_reports() {
  const auto one = report_of("cl_khr_icd cl_khr_fp64", 4096, "one");
  const auto other = report_of("cl_khr_icd cl_khr_fp16", 512, "other", 2048);
  CHECK(lacking(one, one).empty());
  CHECK(lacking(one, report_of("cl_khr_fp64 cl_khr_icd cl_khr_fp16", 8192, "else", 128)).empty());
  CHECK(lacking(one, other) == "extension cl_khr_fp64");
  CHECK(lacking(report_of("", 4096, "one"), report_of("", 512, "two")) == "device version");
  CHECK(lacking(report_of("", 900, "one"), report_of("", 512, "two")) == "maximum work-group size");
  CHECK(lacking(report_of("", 900, "one", 128), report_of("", 900, "two", 256)) == "alignment");
  CHECK(!lacking(one, {}).empty());
  CHECK(!lacking(std::vector<unsigned char>{1, 2, 3}, one).empty());
  // What is true of both promises nothing that either lacks, whichever of them says it.
  const auto both = common_report(one, other), again = common_report(other, one);
  for (const auto& common : {both, again}) {
    CHECK(lacking(common, one).empty());
    CHECK(lacking(common, other).empty());
    CHECK_SAME(report_number(common, CL_DEVICE_MAX_WORK_GROUP_SIZE), 512);
    CHECK_SAME(report_number(common, CL_DEVICE_MEM_BASE_ADDR_ALIGN), 2048);
  }
  CHECK(lacking(both, again).empty());
  CHECK(lacking(again, both).empty());
  CHECK(common_report(one, std::vector<unsigned char>{9}).empty());
  // Whatever bytes change, it ends.
  std::mt19937_64 random(3);
  for (int round = 0; round < 20'000; ++round) {
    auto hostile = one;
    for (int changes = 0; changes < 3; ++changes)
      hostile[random() % hostile.size()] = static_cast<unsigned char>(random());
    hostile.resize(random() % 4 == 0 ? random() % hostile.size() : hostile.size());
    lacking(hostile, other);
    lacking(other, hostile);
    common_report(hostile, other);
    common_report(other, hostile);
  }
}

void test_origins() {
  KeptTexts texts;
  auto source = std::make_shared<ProgramOrigin>();
  source->text = texts.keep("kernel void f() {}");
  CHECK(source->whole());
  auto built = std::make_shared<ProgramOrigin>(*source);
  built->built = ProgramOrigin::Built::kBuilt;
  built->options = "-DA";
  CHECK(!same(*source, *built));
  auto like_it = std::make_shared<ProgramOrigin>(*built);
  like_it->text = texts.keep("kernel void f() {}");
  CHECK(same(*built, *like_it));
  auto linked = std::make_shared<ProgramOrigin>();
  linked->made = ProgramOrigin::Made::kLink;
  linked->inputs = {built};
  linked->depth = 1;
  auto linked_too = std::make_shared<ProgramOrigin>(*linked);
  linked_too->inputs = {like_it};
  CHECK(same(*linked, *linked_too));
  linked_too->inputs = {source};
  CHECK(!same(*linked, *linked_too));
  linked->depth = ProgramOrigin::kMostDepth + 1;
  CHECK(!linked->whole());
  // Too much is not kept, and what is given back makes room.
  CHECK(texts.keep(std::string(KeptTexts::kMostBytes, 'a')) == nullptr);
  CHECK(texts.keep(std::string(KeptTexts::kMostBytes / 2, 'a')) != nullptr);
  CHECK(texts.keep(std::string(KeptTexts::kMostBytes / 2 + 1000, 'a')) != nullptr);
}

}  // namespace

}  // namespace aliquot::worker

int main() {
  aliquot::worker::test_what_is_written_is_read();
  aliquot::worker::test_what_is_no_image();
  aliquot::worker::test_reports();
  aliquot::worker::test_origins();
  return aliquot::test::g_failures == 0 ? 0 : 1;
}
