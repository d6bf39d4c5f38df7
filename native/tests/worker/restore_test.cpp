// A worker that is to make objects from images as none should have been written: cut off at each
// frame, with each word changed, with counts beyond what is there. Over the stub driver, which aborts
// when it is handed what it can't have been given. Under the address sanitizer this says most.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string_view>
#include <vector>

#include "check.h"
#include "direct_connection.h"
#include "protocol/descriptor.h"
#include "stub_objects.h"
#include "worker/image.h"

namespace aliquot::worker {

namespace {

using namespace opencl;
using test::comes;
using test::send;

constexpr uint64_t kQuota = uint64_t{1} << 20;
constexpr size_t kArena = 8192;
constexpr std::string_view kSource = "kernel void add(global int* a, local int* b, int c) {}\n";

class HostDouble final : public HostLink {
 public:
  void send(const records::Record& record) override {
    if (record.header.kind != records::Kind::kImageDone) return;
    records::ImageDone done;
    std::memcpy(&done, record.payload, sizeof done);
    problem.assign(done.text, ::strnlen(done.text, sizeof done.text));
    ++images_done;
  }
  std::string problem;
  std::atomic<int> images_done{0};
};

Descriptor memory_of(std::span<const unsigned char> bytes) {
  Descriptor memory(::memfd_create("aliquot-test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  CHECK(::ftruncate(memory.get(), static_cast<off_t>(bytes.size())) == 0);
  CHECK(::pwrite(memory.get(), bytes.data(), bytes.size(), 0) ==
        static_cast<ssize_t>(bytes.size()));
  CHECK(::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK) == 0);
  return memory;
}

/// A worker with one connection, but without a process.
class Worker {
 public:
  Worker() : driver_(make_driver()) {
    connection_ = std::make_unique<Connection>(
        WorkerContext{*driver_, quota_, host_, watchdog_, nullptr, 0}, 1, memory_);
    connection_->arenas().set_patience(std::chrono::milliseconds(0));
    std::vector<unsigned char> pages(kArena);
    std::memcpy(pages.data(), kSource.data(), kSource.size());
    const Descriptor arena = memory_of(pages);
    CHECK(connection_->arenas().add(1, arena.get(), kArena, nullptr));
  }
  /// Makes what the image says, in the decode thread. What it says of it; empty: all went well.
  std::string restore(std::span<const unsigned char> image, uint64_t told_bytes) {
    Order order;
    order.kind = Order::Kind::kRestore;
    order.image = memory_of(image);
    order.bytes = told_bytes;
    CHECK(connection_->start(true));
    started_ = true;
    connection_->order(std::move(order));
    CHECK(comes([&] { return host_.images_done.load() == 1; }));
    CHECK(quota_->used() <= kQuota);
    return host_.problem;
  }
  /// Lets it read the ring, as the image left that, and ends it. Nothing of it is left.
  void end(int objects_before) {
    if (started_) {
      connection_->order({Order::Kind::kThaw, 0, {}, 0});
      CHECK(comes([&] {
        connection_->stop();
        return connection_->finished();
      }));
      connection_->join();
    } else {
      connection_->stop();
      connection_->tear_down();
    }
    connection_.reset();
    CHECK(comes([&] { return stub::living() == objects_before; }));
    CHECK_SAME(quota_->used(), 0);
  }
  Connection& connection() { return *connection_; }
  layout::ConnectionMemory& memory() { return *memory_; }

 private:
  static std::unique_ptr<Driver> make_driver() {
    cl_platform_id platform = nullptr;
    cl_device_id device = nullptr;
    stub::kDispatch.clGetPlatformIDs(1, &platform, nullptr);
    stub::kDispatch.clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, nullptr);
    return std::make_unique<Driver>(stub::kDispatch, platform_version(stub::kDispatch, platform),
                                    platform, device);
  }

  // Zeros, of which only those pages cost anything that are used.
  static std::shared_ptr<layout::ConnectionMemory> make_memory() {
    void* pages = ::mmap(nullptr, layout::kConnectionBytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(pages != MAP_FAILED);
    return {static_cast<layout::ConnectionMemory*>(pages),
            [](layout::ConnectionMemory* memory) { ::munmap(memory, layout::kConnectionBytes); }};
  }

  std::unique_ptr<Driver> driver_;
  std::shared_ptr<MemoryQuota> quota_ = std::make_shared<MemoryQuota>(kQuota);
  HostDouble host_;
  Watchdog watchdog_{0, host_};
  std::shared_ptr<layout::ConnectionMemory> memory_ = make_memory();
  std::unique_ptr<Connection> connection_;
  bool started_ = false;
};

/// Sends a command that is answered, and waits for that.
template <class Command>
void ask(Worker& worker, Command command) {
  layout::ReplySlot& slot = worker.memory().replies[0];
  slot.state.store(layout::kReplyEmpty);
  send(worker.connection(), command);
  CHECK(comes([&] { return slot.state.load() == layout::kReplyReady; }));
}

std::span<const uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// At least one of all that an image can have.
void furnish(Worker& worker) {
  Connection& connection = worker.connection();
  const uint64_t halves[] = {CL_DEVICE_PARTITION_EQUALLY, 1, 0};
  const uint32_t parts[] = {2, 3}, device = 1, whole[] = {1};
  ask(worker, CreateSubDevicesCommand{{}, 1, halves, parts});
  send(connection, CreateContextCommand{{}, 1, whole});
  ask(worker, CreateQueueCommand{{}, 1, 1, 1, CL_QUEUE_PROFILING_ENABLE});
  ask(worker, CreateQueueCommand{{}, 2, 1, 1, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE});
  ask(worker, CreateQueueCommand{{}, 3, 1, 1, 0});
  send(connection, ReleaseCommand{static_cast<uint32_t>(ObjectKind::kQueue), 3});
  send(connection, CreateBufferCommand{1, 1, CL_MEM_READ_WRITE, 4096, 0, 0});
  send(connection, CreateSubBufferCommand{2, 1, CL_MEM_READ_WRITE, 0, 1024});
  send(connection, CreateBufferCommand{3, 1, CL_MEM_READ_WRITE, 4096, 1, 4096});
  send(connection, CreateBufferCommand{4, 1, CL_MEM_READ_WRITE, 2 * kQuota, 0, 0});  // fails
  for (const uint32_t program : {1, 2, 3})
    ask(worker, CreateProgramWithSourceCommand{{}, program, 1, 1, 0, kSource.size()});
  ask(worker, BuildProgramCommand{{}, 1, {&device, 1}, bytes_of("-DX")});
  const uint32_t headers[] = {3}, inputs[] = {2};
  ask(worker, CompileProgramCommand{
                  {}, 2, {&device, 1}, {}, headers, bytes_of(std::string_view("a.h\0", 4))});
  ask(worker, LinkProgramCommand{{}, 4, 1, {&device, 1}, {}, inputs});
  const uint64_t size = 16;
  ask(worker, CreateProgramWithBinaryCommand{{}, 5, 1, {&device, 1}, {&size, 1}, 1, 0});
  ask(worker, CreateKernelCommand{{}, 1, 1, bytes_of("add")});
  ask(worker, CreateKernelCommand{{}, 2, 1, bytes_of("add")});
  uint32_t arguments[16] = {0, 1, 8, 1, 1, 2, 64, 0, 2, 0, 4, 0, 7, 0};
  send(connection, LaunchCommand{0, 1, 0, 0, {}, 0, {},
                                 {reinterpret_cast<const uint8_t*>(arguments), 56}});
  send(connection, CreateUserEventCommand{1, 1});
  send(connection, WatchEventCommand{1, 1, 1});
  const uint64_t shape[] = {4};
  send(connection, LaunchCommand{1, 1, 2, 1, shape, 0, {}, {}});
  send(connection, WatchEventCommand{2, 0, 0});
  send(connection, SyncCommand{1, 1});
  CHECK(comes([&] { return worker.memory().queues[0].completed.load() == 1; }));
  CHECK(comes([&] { return worker.memory().events[1].status.load() == CL_COMPLETE; }));
}

std::vector<unsigned char> sound_image(bool sketch) {
  const int before = stub::living();
  Worker worker;
  furnish(worker);
  ImageDraft draft;
  std::string obstacle;
  CHECK(worker.connection().draft(sketch, draft, obstacle));
  CHECK(obstacle.empty());
  std::vector<unsigned char> image(draft.header.bytes);
  draft.write(image.data());
  if (!sketch) CHECK(worker.connection().save(draft, image.data()).empty());
  worker.end(before);
  return image;
}

std::string restored(std::span<const unsigned char> image, uint64_t told_bytes) {
  const int before = stub::living();
  Worker worker;
  std::string problem = worker.restore(image, told_bytes);
  worker.end(before);
  return problem;
}

std::string restored(std::span<const unsigned char> image) {
  return restored(image, image.size());
}

ImageHeader header_of(const std::vector<unsigned char>& image) {
  ImageHeader header;
  std::memcpy(static_cast<void*>(&header), image.data(), sizeof header);
  return header;
}

std::vector<unsigned char> with_header(std::vector<unsigned char> image,
                                       const ImageHeader& header) {
  std::memcpy(image.data(), &header, sizeof header);
  return image;
}

template <class Word>
std::vector<unsigned char> with_word(std::vector<unsigned char> image, uint64_t at, Word word) {
  std::memcpy(image.data() + at, &word, sizeof word);
  return image;
}

// Where the frames begin, and the last one ends.
std::vector<uint64_t> frames_of(const std::vector<unsigned char>& image) {
  const ImageHeader header = header_of(image);
  std::vector<uint64_t> at{0};
  while (at.back() < header.frames_bytes) {
    uint32_t size = 0;
    std::memcpy(&size, image.data() + header.frames_at + at.back(), sizeof size);
    at.push_back(at.back() + size);
  }
  return at;
}

// Without its last frames an image has things that are said of nothing; it is refused, or has less.
void test_cut_off(const std::vector<unsigned char>& image) {
  const ImageHeader header = header_of(image);
  const auto frames = frames_of(image);
  CHECK(frames.size() > 8);
  for (const uint64_t end : frames) {
    ImageHeader cut = header;
    cut.frames_bytes = end;
    const std::string problem = restored(with_header(image, cut));
    CHECK(end != 0 || header.sketch != 0 || !problem.empty());
    if (end == header.frames_bytes) continue;
    for (const uint64_t more : {uint64_t{1}, uint64_t{8}}) {
      cut.frames_bytes = end + more;
      CHECK(restored(with_header(image, cut)) == "The image holds a malformed command.");
    }
    // The memory ends there.
    const uint64_t bytes = header.frames_at + end;
    CHECK(!restored({image.data(), bytes}).empty());
    CHECK(restored({image.data(), bytes}, image.size()) == "The image can't be mapped.");
  }
  for (uint64_t states = 0; states <= header.states; ++states) {
    ImageHeader cut = header;
    cut.states = states;
    restored(with_header(image, cut));
  }
}

// Each word of header, frames and states: the most, little or nothing, and with one other bit.
void test_changed_words(const std::vector<unsigned char>& image) {
  const ImageHeader header = header_of(image);
  std::vector<uint64_t> places;
  for (uint64_t at = 0; at < sizeof header; at += 8) places.push_back(at);
  for (uint64_t at = header.frames_at; at < image.size(); at += 4) places.push_back(at);
  std::mt19937_64 random(11);
  for (const uint64_t at : places) {
    uint32_t now = 0;
    std::memcpy(&now, image.data() + at, sizeof now);
    const auto chance = static_cast<uint32_t>(random());
    for (const uint32_t word : {~uint32_t{0}, chance % 2 != 0 ? 0 : chance / 2 % 8,
                                now ^ (1u << (chance / 16 % 32))})
      restored(with_word(image, at, word));
  }
}

// All at once: what one change makes possible another may use.
void test_random_changes(const std::vector<unsigned char>& image, int rounds) {
  const ImageHeader header = header_of(image);
  std::mt19937_64 random(5);
  for (int round = 0; round < rounds; ++round) {
    std::vector<unsigned char> hostile = image;
    for (uint64_t changes = random() % 6 + 1; changes != 0; --changes) {
      const uint64_t at = header.frames_at + random() % (image.size() - header.frames_at);
      hostile[at] = static_cast<unsigned char>(random() % 2 != 0 ? random() : random() % 6);
    }
    restored(hostile);
  }
}

// Frames of an image in another order, twice, and those of no image.
void test_frames_out_of_place(const std::vector<unsigned char>& image) {
  const ImageHeader header = header_of(image);
  const auto frames = frames_of(image);
  std::mt19937_64 random(3);
  for (int round = 0; round < 100; ++round) {
    std::vector<unsigned char> mixed;
    while (mixed.size() < header.frames_bytes) {
      const size_t which = random() % (frames.size() - 1);
      const uint64_t bytes = frames[which + 1] - frames[which];
      if (mixed.size() + bytes > header.frames_bytes) break;
      const auto* frame = image.data() + header.frames_at + frames[which];
      mixed.insert(mixed.end(), frame, frame + bytes);
    }
    ImageHeader other = header;
    other.frames_bytes = mixed.size();
    std::vector<unsigned char> hostile = with_header(image, other);
    std::memcpy(hostile.data() + header.frames_at, mixed.data(), mixed.size());
    restored(hostile);
  }
  // More buffers than the vGPU has memory for.
  std::vector<unsigned char> greedy;
  ImageDraft draft;
  const uint32_t whole[] = {1};
  draft.add(CreateContextCommand{{}, 1, whole});
  for (uint32_t buffer = 1; buffer <= 32; ++buffer)
    draft.add(CreateBufferCommand{buffer, 1, CL_MEM_READ_WRITE, kQuota / 16, 0, 0});
  draft.header.report_at = header.report_at;
  draft.finish();
  greedy.resize(draft.header.bytes);
  draft.write(greedy.data());
  CHECK(!restored(greedy).empty());
}

}  // namespace

void run(int random_rounds) {
  for (const bool sketch : {false, true}) {
    const std::vector<unsigned char> image = sound_image(sketch);
    CHECK(restored(image).empty());
    test_cut_off(image);
    test_changed_words(image);
    test_random_changes(image, random_rounds);
    test_frames_out_of_place(image);
  }
}

}  // namespace aliquot::worker

/// `worker_restores ROUNDS`: as many random changes as that.
int main(int argument_count, char** arguments) {
  aliquot::worker::run(argument_count > 1 ? std::atoi(arguments[1]) : 200);
  return aliquot::test::g_failures == 0 ? 0 : 1;
}
