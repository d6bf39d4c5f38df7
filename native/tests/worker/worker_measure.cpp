// Measures what the worker adds, with a guest that only writes frames: the same work natively and
// through a worker, without turns and within one, by turns, in one run. Prints medians and ratios. Not a test: nothing fails.
//
//   worker_measure WORKER [DRIVER [ROUNDS]]
#include <dirent.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <functional>

#include "test_guest.h"
#include "worker/driver.h"

namespace aliquot::test {

namespace {

constexpr int kBurst = 100'000;
constexpr int kTrips = 3'000;
const char kKernels[] =
    "kernel void none(global int* a, int b, int c, float d) { }\n";

double now_us() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double own_cpu_us() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

// CPU time of the worker's decode thread, by the kernel's schedule statistics.
double decode_cpu_us(pid_t process) {
  const std::string tasks = "/proc/" + std::to_string(process) + "/task";
  DIR* folder = opendir(tasks.c_str());
  double found = 0;
  while (const dirent* entry = folder != nullptr ? readdir(folder) : nullptr) {
    const std::string task = tasks + "/" + entry->d_name;
    char name[32] = {};
    unsigned long long nanoseconds = 0;
    if (FILE* file = std::fopen((task + "/comm").c_str(), "r")) {
      if (std::fgets(name, sizeof name, file) == nullptr) name[0] = 0;
      std::fclose(file);
    }
    if (std::string(name) != "decode\n") continue;
    if (FILE* file = std::fopen((task + "/schedstat").c_str(), "r")) {
      if (std::fscanf(file, "%llu", &nanoseconds) == 1) found = nanoseconds / 1e3;
      std::fclose(file);
    }
  }
  if (folder != nullptr) closedir(folder);
  return found;
}

// The same work, done in two ways.
struct Subject {
  std::function<double()> cpu_us;  // of the thread that calls the driver
  std::function<void(bool with_arguments)> launch;
  std::function<void()> finish;
};

struct Figures {
  std::vector<double> burst, burst_cpu, arguments, arguments_cpu, trip;
};

void measure(Subject& subject, Figures& figures) {
  for (const bool with_arguments : {false, true}) {
    const double begin = now_us();
    const double cpu = subject.cpu_us();
    for (int i = 0; i < kBurst; ++i) subject.launch(with_arguments);
    subject.finish();
    (with_arguments ? figures.arguments_cpu : figures.burst_cpu)
        .push_back((subject.cpu_us() - cpu) * 1e3 / kBurst);
    const double rate = kBurst / (now_us() - begin) * 1e3;  // thousands a second
    (with_arguments ? figures.arguments : figures.burst).push_back(rate);
  }
  std::vector<double> trips;
  for (int i = 0; i < kTrips; ++i) {
    const double begin = now_us();
    subject.launch(false);
    subject.finish();
    trips.push_back(now_us() - begin);
  }
  figures.trip.push_back(median(trips));
}

Subject native_subject(const char* library) {
  auto& platforms = *new std::vector<worker::Platform>;
  const std::string error = worker::load_platforms(library, platforms);
  if (!error.empty()) {
    std::fprintf(stderr, "%s\n", error.c_str());
    std::exit(2);
  }
  const cl_icd_dispatch* calls = &platforms[0].calls;
  const cl_device_id device = worker::list_devices(platforms[0])[0];
  cl_int status = 0;
  const cl_context context =
      calls->clCreateContext(nullptr, 1, &device, nullptr, nullptr, &status);
  const cl_command_queue queue = calls->clCreateCommandQueue(context, device, 0, &status);
  const char* source = kKernels;
  const cl_program program =
      calls->clCreateProgramWithSource(context, 1, &source, nullptr, &status);
  calls->clBuildProgram(program, 0, nullptr, "", nullptr, nullptr);
  const cl_kernel kernel = calls->clCreateKernel(program, "none", &status);
  const cl_mem buffer = calls->clCreateBuffer(context, CL_MEM_READ_WRITE, 64, nullptr, &status);
  const auto set_arguments = [=] {
    const int number = 1;
    const float real = 1;
    calls->clSetKernelArg(kernel, 0, sizeof buffer, &buffer);
    calls->clSetKernelArg(kernel, 1, sizeof number, &number);
    calls->clSetKernelArg(kernel, 2, sizeof number, &number);
    calls->clSetKernelArg(kernel, 3, sizeof real, &real);
  };
  set_arguments();
  Subject subject;
  subject.launch = [=](bool with_arguments) {
    const size_t one = 1;
    if (with_arguments) set_arguments();
    calls->clEnqueueNDRangeKernel(queue, kernel, 1, nullptr, &one, nullptr, 0, nullptr, nullptr);
  };
  subject.cpu_us = own_cpu_us;
  subject.finish = [=] { calls->clFinish(queue); };
  return subject;
}

Subject worker_subject(TestGuest& guest, pid_t process) {
  guest.open(1, 1);
  guest.build(1, 1, kKernels);
  guest.kernel(1, 1, "none");
  guest.buffer(1, 1, 64);
  Arguments arguments;
  arguments.buffer(0, 1).value(1, 1).value(2, 1).value(3, 1.0f);
  guest.launch(1, 1, 1, arguments);
  Subject subject;
  subject.launch = [&guest, arguments](bool with_arguments) {
    static const Arguments none;
    guest.launch(1, 1, 1, with_arguments ? arguments : none);
  };
  subject.cpu_us = [process] { return decode_cpu_us(process); };
  subject.finish = [&guest] { guest.finish(1); };
  return subject;
}

}  // namespace

}  // namespace aliquot::test

int main(int count, char** words) {
  using namespace aliquot::test;
  if (count < 2) {
    std::fprintf(stderr, "usage: worker_measure WORKER [DRIVER [ROUNDS]]\n");
    return 2;
  }
  WorkerSettings settings;
  settings.program = words[1];
  settings.driver = count > 2 ? words[2] : "libpocl.so.2";
  const int rounds = count > 3 ? std::atoi(words[3]) : 5;
  Subject native = native_subject(settings.driver.c_str());
  TestHost host(settings);
  TestGuest guest(host, 1);
  Subject remoted = worker_subject(guest, host.process());
  settings.turns = WorkerSettings::Turns::kGranted;
  TestHost turn_host(settings);
  turn_host.turns().grant();
  TestGuest turn_guest(turn_host, 1);
  Subject in_turns = worker_subject(turn_guest, turn_host.process());
  native.launch(true);
  native.finish();
  remoted.finish();
  in_turns.finish();
  Figures natively;
  Figures through;
  Figures gated;
  for (int i = 0; i < rounds; ++i) {
    measure(native, natively);
    measure(remoted, through);
    measure(in_turns, gated);
  }
  const auto print = [](const char* name, const char* unit, const std::vector<double>& left,
                        const std::vector<double>& right, const std::vector<double>& turns) {
    std::printf("%-28s %s: native %8.1f, worker %8.1f (%.2f), in a turn %8.1f (%.2f of the worker)\n",
                name, unit, median(left), median(right), median(right) / median(left),
                median(turns), median(turns) / median(right));
  };
  print("launches in a burst", "k/s", natively.burst, through.burst, gated.burst);
  print("  CPU of the calling thread", "ns", natively.burst_cpu, through.burst_cpu, gated.burst_cpu);
  print("4 arguments and a launch", "k/s", natively.arguments, through.arguments, gated.arguments);
  print("  CPU of the calling thread", "ns", natively.arguments_cpu, through.arguments_cpu, gated.arguments_cpu);
  print("launch and wait", "us", natively.trip, through.trip, gated.trip);
  return 0;
}
