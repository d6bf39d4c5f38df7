// What the witness sees of a process that doesn't want to be seen.
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "check.h"
#include "device_host/kept_memory.h"
#include "device_host/shared_memory.h"
#include "device_host/witness.h"

using namespace aliquot;  // NOLINT: a test program

namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

void touch(void* memory, uint64_t bytes) {
  for (uint64_t offset = 0; offset < bytes; offset += 4096) static_cast<char*>(memory)[offset] = 1;
}

// A child that has done `work` and waits; killed with its own children by the destructor.
class Child {
 public:
  explicit Child(const std::function<void()>& work) {
    int ends[2];
    CHECK(::pipe(ends) == 0);
    ready_ = ends[1];
    process_ = ::fork();
    if (process_ == 0) {
      ::setpgid(0, 0);
      ::close(ends[0]);
      work();
      say_ready();
      for (;;) ::pause();
    }
    ::close(ends[1]);
    char byte;
    CHECK(::read(ends[0], &byte, 1) == 1);
    ::close(ends[0]);
  }
  ~Child() {
    ::kill(-process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  static void say_ready() { [[maybe_unused]] const ssize_t out = ::write(ready_, "x", 1); }
  static void close_all() {  // that the test has open
    for (int number = 3; number < 256; ++number)
      if (number != ready_) ::close(number);
  }
  pid_t process() const { return process_; }

 private:
  static inline int ready_ = -1;
  pid_t process_;
};

void* allocate_and_wait(void*) {
  ::usleep(100000);  // until the first thread has ended
  void* memory =
      ::mmap(nullptr, 64 * kMiB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  touch(memory, 64 * kMiB);
  Child::say_ready();
  for (;;) ::pause();
}

}  // namespace

void test_witness() {
  Witness witness;
  Sighting sighting;
  {
    const Child child([] {
      pthread_t thread;
      ::pthread_create(&thread, nullptr, allocate_and_wait, nullptr);
      ::syscall(SYS_exit, 0);
    });
    witness.begin(child.process(), "");
    CHECK(witness.look(true, sighting));
    CHECK(sighting.hidden == nullptr && sighting.main_private >= 64 * kMiB);
  }
  {
    // More than one page of /proc lists.
    const Child child([] {
      for (int index = 0; index < 900; ++index)
        if (::fork() == 0)
          for (;;) ::pause();
    });
    witness.begin(child.process(), "");
    CHECK(witness.look(false, sighting));
    CHECK(sighting.processes == 901);
  }
  CHECK(!witness.look(true, sighting));  // it is gone
}

// A mapping is enough to keep memory.
void test_kept_memory() {
  Descriptor memory = make_sealed_memory("test", 8 * kMiB);
  void* pages = ::mmap(nullptr, 8 * kMiB, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
  CHECK(pages != MAP_FAILED);
  touch(pages, 8 * kMiB);
  const ino_t inode = inode_of(memory.get());
  EventLoop loop;
  SupervisorLink nobody(loop);
  KeptMemory kept(nobody, 1);
  Witness witness;
  Sighting sighting;
  const auto forget = [&] { kept.forget_unless([&](ino_t own) { return witness.holds(own); }); };
  {
    const Child child([&] { memory.reset(); });
    CHECK(resident_bytes(memory.get()) == 8 * kMiB);
    kept.add(std::move(memory), {});
    CHECK(kept.count() == 1 && kept.resident() == 0);
    static_cast<char*>(pages)[0] = 1;
    CHECK(kept.resident() == 4096);

    witness.begin(child.process(), "");
    CHECK(witness.look(true, sighting) && sighting.files >= 8 * kMiB);  // unknown: counted whole
    std::vector<ino_t> own;
    kept.add_inodes(own);
    CHECK(own == std::vector<ino_t>{inode});
    witness.set_own_memory(own);
    CHECK(witness.look(true, sighting) && sighting.files < 8 * kMiB && witness.holds(inode));
    forget();
    CHECK(kept.count() == 1);
  }
  ::munmap(pages, 8 * kMiB);
  const Child other([] { Child::close_all(); });
  witness.begin(other.process(), "");
  CHECK(witness.look(true, sighting) && !witness.holds(inode));
  forget();
  CHECK(kept.count() == 0);
}
