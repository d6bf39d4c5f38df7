// A worker beyond its device host's death: what is kept of it, and how the next one takes it over.
#include <utility>

#include "device_host/descriptor_store.h"
#include "device_host/worker_process.h"

namespace aliquot {

void WorkerProcess::keep_descriptors(int socket) {
  SupervisorLink& link = context_.link;
  link.keep(key(KeptKind::kWorkerProcess), launched_.process_descriptor.get(),
            static_cast<uint64_t>(launched_.process));
  link.keep(key(KeptKind::kWorkerChannel), socket);
  link.keep(key(KeptKind::kWorkerReport), launched_.report.get());
  link.keep(key(KeptKind::kWorkerOutput), output_.get());
  if (home_.user_lock) link.keep(key(KeptKind::kWorkerUser), home_.user_lock.get());
  if (home_.cache_lock) link.keep(key(KeptKind::kWorkerCache), home_.cache_lock.get());
}

bool WorkerProcess::adopt(DescriptorStore& store, const WorkerFacts& facts) {
  const auto take = [&](KeptKind kind) { return store.take(key(kind)).descriptor; };
  launched_.process = facts.process;
  launched_.process_descriptor = take(KeptKind::kWorkerProcess);
  launched_.report = take(KeptKind::kWorkerReport);
  output_ = take(KeptKind::kWorkerOutput);
  home_.user_lock = take(KeptKind::kWorkerUser);
  home_.cache_lock = take(KeptKind::kWorkerCache);
  home_.change_user = facts.change_user;
  home_.user = facts.user;
  home_.has_cache = facts.has_cache;
  home_.cache = facts.cache;
  if (facts.has_cache)
    home_.cache_directory =
        cache_folder(context_.options.cache_dir, settings_.owner, facts.cache);
  protections_ = facts.protections;
  reported_ = facts.reported;
  started_ = facts.started;
  cgroup_limit_ = facts.cgroup_limit;
  cgroup_.create(cgroup_name(), cgroup_limit_, kMostWorkerProcesses);
  context_.link.add_worker(launched_.process, [this](int status) { on_ended(status); });
  Descriptor socket = take(KeptKind::kWorkerChannel);
  const bool whole = launched_.process_descriptor && socket && output_ &&
                     (started_ || launched_.report);
  listen(std::move(socket));
  if (!launched_.process_descriptor) context_.link.kill_worker(launched_.process);
  if (!whole) kill("not all of it outlived its device host");
  return whole;
}

WorkerFacts WorkerProcess::facts() const {
  WorkerFacts facts;
  if (!running_) return facts;
  facts.process = launched_.process;
  facts.protections = protections_;
  facts.cgroup_limit = cgroup_limit_;
  facts.user = home_.user;
  facts.cache = home_.cache;
  facts.change_user = home_.change_user;
  facts.has_cache = home_.has_cache;
  facts.reported = reported_;
  facts.started = started_;
  return facts;
}

}  // namespace aliquot
