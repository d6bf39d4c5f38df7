// A worker's cache: counted after its end, so that the next start needn't.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "check.h"
#include "device_host/worker_home.h"

using namespace aliquot;  // NOLINT: a test program

namespace {

constexpr uid_t kOwner = 4242;

class Folder {
 public:
  Folder() { CHECK(::mkdtemp(path_) != nullptr); }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string path() const { return path_; }
  WorkerHome take() const {
    WorkerHome home;
    CHECK(take_worker_home(path(), path() + "/cache", kOwner, home) && home.has_cache);
    return home;
  }

 private:
  char path_[64] = "/tmp/aliquot-home-XXXXXX";
};

// As after the end of its worker; returns how often the cache had been taken then.
uint64_t give_back(WorkerHome& home) {
  const uint64_t taken = times_taken(home.cache_lock.get());
  home.unlock();
  return taken;
}

// What the device host does then.
void look_after(const std::string& cache, uint64_t taken) {
  if (cache_holds_too_much(cache)) {
    empty_cache(cache, taken);
  } else {
    note_counted(cache, taken);
  }
}

// Deeper than anybody counts.
void make_uncountable(const std::string& path) {
  int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY);
  for (int depth = 0; depth < 40; ++depth) {
    CHECK(::mkdirat(folder, "d", 0700) == 0);
    const int inner = ::openat(folder, "d", O_RDONLY | O_DIRECTORY);
    ::close(folder);
    folder = inner;
  }
  ::close(folder);
}

}  // namespace

void test_a_cache_is_counted_once() {
  const Folder folder;
  WorkerHome first = folder.take();
  CHECK(!first.cache_counted && first.cache == 0);
  const std::string kept = first.cache_directory + "/kept";
  CHECK(::close(::open(kept.c_str(), O_CREAT | O_WRONLY, 0600)) == 0);
  look_after(first.cache_directory, give_back(first));
  WorkerHome second = folder.take();
  CHECK(second.cache_counted && second.cache_directory == first.cache_directory);
  CHECK(::access(kept.c_str(), F_OK) == 0);
  // Its device host died: nobody has counted.
  give_back(second);
  CHECK(!folder.take().cache_counted);
}

void test_a_cache_that_was_taken_again_is_not_counted() {
  const Folder folder;
  WorkerHome first = folder.take();
  const uint64_t taken = give_back(first);
  WorkerHome second = folder.take();
  make_uncountable(second.cache_directory);
  look_after(second.cache_directory, taken);  // while it is another worker's
  const uint64_t again = give_back(second);
  look_after(second.cache_directory, taken);  // and after that
  CHECK(std::filesystem::exists(second.cache_directory + "/d"));
  CHECK(!folder.take().cache_counted);
  CHECK(again == taken + 1);
}

void test_a_cache_that_holds_too_much_is_emptied() {
  const Folder folder;
  WorkerHome home = folder.take();
  make_uncountable(home.cache_directory);
  look_after(home.cache_directory, give_back(home));
  CHECK(std::filesystem::is_empty(home.cache_directory));
  CHECK(!folder.take().cache_counted);
}

void test_a_cache_that_is_held_is_neither_noted_nor_emptied() {
  const Folder folder;
  WorkerHome home = folder.take();
  make_uncountable(home.cache_directory);
  const uint64_t taken = times_taken(home.cache_lock.get());
  note_counted(home.cache_directory, taken);
  empty_cache(home.cache_directory, taken);
  CHECK(!std::filesystem::is_empty(home.cache_directory));
  give_back(home);
  CHECK(!folder.take().cache_counted);
}

void test_a_note_of_nonsense_counts_for_nothing() {
  const Folder folder;
  WorkerHome home = folder.take();
  const std::string text(100, 'x');
  CHECK(::pwrite(home.cache_lock.get(), text.data(), text.size(), 0) == 100);
  CHECK(give_back(home) == 0);
  CHECK(!folder.take().cache_counted);
}
