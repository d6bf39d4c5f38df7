#include "device_host/shared_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace aliquot {

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

namespace {

Descriptor make_memory(const char* name, uint64_t bytes) {
  // Not executable where the kernel can promise that (Linux 6.3).
  int number = ::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
  if (number < 0 && errno == EINVAL) number = ::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  Descriptor memory(number);
  if (memory && ::ftruncate(memory.get(), static_cast<off_t>(bytes)) != 0) memory.reset();
  return memory;
}

bool seal(Descriptor& memory, int more) {
  const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL | more;
  if (::fcntl(memory.get(), F_ADD_SEALS, seals) == 0) return true;
  const int reason = errno;
  memory.reset();
  errno = reason;
  return false;
}

}  // namespace

Descriptor make_sealed_memory(const char* name, uint64_t bytes) {
  Descriptor memory = make_memory(name, bytes);
  if (memory) seal(memory, 0);
  return memory;
}

Descriptor make_final_memory(const char* name, const void* data, uint64_t bytes) {
  Descriptor memory = make_memory(name, bytes);
  const char* from = static_cast<const char*>(data);
  for (uint64_t done = 0; memory && done < bytes;) {
    const ssize_t part =
        ::pwrite(memory.get(), from + done, bytes - done, static_cast<off_t>(done));
    if (part <= 0) return Descriptor();
    done += static_cast<uint64_t>(part);
  }
  if (memory) seal(memory, F_SEAL_WRITE);
  return memory;
}

void* make_own_memory(const char* name, uint64_t bytes, SupervisorLink& link, const KeptKey& key,
                      Descriptor& memory) {
  memory = make_memory(name, bytes);
  if (!memory) return nullptr;
  void* mapping = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
  if (mapping == MAP_FAILED) return nullptr;
  // Mappings stay writable, ours and the supervisor's; no later one can be made so (Linux 5.1).
  if (link.keep_page(key, memory.get()) && seal(memory, F_SEAL_FUTURE_WRITE)) return mapping;
  ::munmap(mapping, bytes);
  return nullptr;
}

uint64_t size_of_memory(int descriptor) {
  struct stat status;
  return ::fstat(descriptor, &status) == 0 ? static_cast<uint64_t>(status.st_size) : 0;
}

bool are_reports(const Descriptor& memory) {
  constexpr int kSeals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
  const int seals = ::fcntl(memory.get(), F_GET_SEALS);
  const uint64_t bytes = size_of_memory(memory.get());
  return seals >= 0 && (seals & kSeals) == kSeals && bytes != 0 &&
         bytes <= records::kMostReportBytes;
}

uint64_t resident_bytes(int descriptor) {
  struct stat status;
  if (::fstat(descriptor, &status) != 0) return 0;
  return static_cast<uint64_t>(status.st_blocks) * 512;
}

ino_t inode_of(int descriptor) {
  struct stat status;
  return ::fstat(descriptor, &status) == 0 ? status.st_ino : 0;
}

AccountPage::~AccountPage() {
  if (page_ != nullptr) ::munmap(page_, records::kAccountPageSize);
}

bool AccountPage::create(uint64_t memory_limit) {
  memory_ = make_sealed_memory("aliquot-account", records::kAccountPageSize);
  if (!memory_ || !map()) return false;
  set_memory_limit(memory_limit);
  return true;
}

void AccountPage::set_memory_limit(uint64_t bytes) {
  if (page_ == nullptr) return;
  __atomic_store_n(&page_->memory_limit, bytes, __ATOMIC_RELEASE);
}

bool AccountPage::adopt(Descriptor memory) {
  memory_ = std::move(memory);
  return memory_ && map();
}

bool AccountPage::map() {
  void* mapping = ::mmap(nullptr, records::kAccountPageSize, PROT_READ | PROT_WRITE, MAP_SHARED,
                         memory_.get(), 0);
  if (mapping == MAP_FAILED) return false;
  page_ = static_cast<records::AccountPage*>(mapping);
  return true;
}

void AccountPage::add_credit(uint64_t bytes) {
  if (page_ == nullptr) return;
  __atomic_fetch_add(&page_->credit, bytes, __ATOMIC_ACQ_REL);
}

uint64_t AccountPage::take_credit() {
  if (page_ == nullptr) return 0;
  return __atomic_exchange_n(&page_->credit, uint64_t{0}, __ATOMIC_ACQ_REL);
}

uint64_t AccountPage::credit() const {
  return page_ == nullptr ? 0 : __atomic_load_n(&page_->credit, __ATOMIC_ACQUIRE);
}

}  // namespace aliquot
