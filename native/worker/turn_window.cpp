#include "worker/turn_window.h"

#include <algorithm>
#include <utility>

namespace aliquot::worker {

namespace {
// From this on a command is measured by itself; shorter ones by how long a run of them takes, which
// costs less and counts the time between them.
constexpr uint64_t kMeasuredAloneNs = 50'000;
}  // namespace

TurnWindow::~TurnWindow() {
  for (const auto& lane : lanes_) {
    for (Flight& flight : lane->flights) calls_.clReleaseEvent(flight.event);
  }
}

void TurnWindow::close(const std::shared_ptr<Lane>& lane) {
  if (std::erase(lanes_, lane) == 0) return;
  lane->closed = true;
  if (!lane->flights.empty()) retire(*lane);  // so that it counts
  for (Flight& flight : lane->flights) drop(*lane, flight);
  lane->flights.clear();
  expected_ns_ -= lane->hidden_ns;
}

void TurnWindow::add(Lane& lane, cl_event event, const Work& work) {
  if (lane.closed) return;
  calls_.clRetainEvent(event);
  Flight flight;
  flight.event = event;
  flight.work = work;
  flight.expected_ns = work.expected_ns + std::exchange(lane.hidden_ns, 0);
  flight.kernels = (work.kernel ? 1 : 0) + std::exchange(lane.hidden, 0);
  lane.flights.push_back(std::move(flight));
  lane.expected_ns += work.expected_ns;
  expected_ns_ += work.expected_ns;
  lane.flushed = false;
}

void TurnWindow::hide(Lane& lane, const Work& work) {
  lane.hidden_ns += work.expected_ns;
  lane.expected_ns += work.expected_ns;
  expected_ns_ += work.expected_ns;
  ++lane.hidden;
  lane.last_hidden = work;
  lane.flushed = false;
}

void TurnWindow::cover(Lane& lane, cl_event event) {
  if (lane.hidden == 0) return;
  lane.hidden_ns -= lane.last_hidden.expected_ns;
  --lane.hidden;
  lane.expected_ns -= lane.last_hidden.expected_ns;
  expected_ns_ -= lane.last_hidden.expected_ns;
  add(lane, event, lane.last_hidden);
}

void TurnWindow::cover_all() {
  for (const auto& lane : lanes_) {
    if (lane->hidden == 0) continue;
    cl_event event = nullptr;
    if (calls_.clEnqueueMarkerWithWaitList(lane->queue, 0, nullptr, &event) != CL_SUCCESS ||
        event == nullptr) {
      continue;  // its own thread will have more to say
    }
    cover(*lane, event);
    calls_.clReleaseEvent(event);
  }
}

bool TurnWindow::ended(cl_event event) const {
  cl_int status = CL_QUEUED;
  return calls_.clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status,
                               nullptr) != CL_SUCCESS ||
         status <= CL_COMPLETE;
}

bool TurnWindow::time_of(cl_event event, cl_profiling_info what, uint64_t& time) const {
  cl_ulong found = 0;
  if (calls_.clGetEventProfilingInfo == nullptr ||
      calls_.clGetEventProfilingInfo(event, what, sizeof found, &found, nullptr) != CL_SUCCESS) {
    return false;
  }
  time = found;
  return found != 0;
}

void TurnWindow::retire() {
  if (empty()) return;
  for (const auto& lane : lanes_) {
    if (!lane->flights.empty()) retire(*lane);
  }
}

// Those that fail may end before others in front of them; in an in-order queue they are found
// later.
void TurnWindow::retire(Lane& lane) {
  auto& flights = lane.flights;
  if (!lane.in_order) {
    for (auto place = flights.begin(); place != flights.end();) {
      if (!ended(place->event)) {
        ++place;
        continue;
      }
      measure(lane, place, place + 1);
      drop(lane, *place);
      place = flights.erase(place);
    }
    return;
  }
  auto run = flights.begin();
  auto place = run;
  for (; place != flights.end() && ended(place->event); ++place) {
    if (place->expected_ns < kMeasuredAloneNs && !place->work.waits) continue;
    if (run != place) measure(lane, run, place);
    measure(lane, place, place + 1);
    run = place + 1;
  }
  if (run != place) measure(lane, run, place);
  for (auto gone = flights.begin(); gone != place; ++gone) drop(lane, *gone);
  flights.erase(flights.begin(), place);
}

// A run is taken to begin with the end of the command before it, or when its own first one was
// enqueued; a single command with its own start.
void TurnWindow::measure(Lane& lane, std::deque<Flight>::iterator first,
                         std::deque<Flight>::iterator last) {
  uint64_t expected = 0;
  for (auto place = first; place != last; ++place) expected += place->expected_ns;
  const bool single = last - first == 1 && first->kernels <= 1;
  uint64_t begin = 0;
  uint64_t end = 0;
  if (!time_of((last - 1)->event, CL_PROFILING_COMMAND_END, end) ||
      !time_of(first->event, single ? CL_PROFILING_COMMAND_START : CL_PROFILING_COMMAND_QUEUED,
               begin)) {
    note_busy(lane, expected);
    tally_.unmeasured = true;
    for (auto place = first; place != last; ++place) count(*place, place->expected_ns);
    return;
  }
  if (lane.in_order) begin = std::max(begin, std::exchange(lane.last_end_ns, end));
  if (end < begin) {
    tally_.unmeasured = true;
    return;
  }
  if (tally_.first_start_ns == 0 || begin < tally_.first_start_ns) tally_.first_start_ns = begin;
  tally_.last_end_ns = std::max(tally_.last_end_ns, end);
  const uint64_t took = end - begin;
  note_busy(lane, took);
  if (single && first->work.cost != nullptr && first->work.cost->kernel() != nullptr) {
    unsplit_kernels_.note(*first->work.cost->kernel(), took, first->work.unsplit);
  }
  for (auto place = first; place != last; ++place) {
    if (place->work.cost == nullptr || expected == 0) continue;
    const double share =
        static_cast<double>(place->work.expected_ns) / static_cast<double>(expected);
    const auto its_ns = static_cast<uint64_t>(static_cast<double>(took) * share);
    place->work.cost->measured(place->work.amount, its_ns);
    count(*place, its_ns);
  }
}

void TurnWindow::note_busy(Lane& lane, uint64_t ns) {
  tally_.busy_ns += ns;
  lane.took_ns.store(lane.took_ns.load(std::memory_order_relaxed) + ns, std::memory_order_relaxed);
}

void TurnWindow::count(const Flight& flight, uint64_t ns) {
  if (flight.work.copied_bytes == 0) return;
  copies_.bytes += flight.work.copied_bytes;
  copies_.ns += ns;
}

void TurnWindow::drop(Lane& lane, Flight& flight) {
  lane.expected_ns -= flight.expected_ns;
  expected_ns_ -= flight.expected_ns;
  tally_.kernels += flight.kernels;
  calls_.clReleaseEvent(flight.event);
}

TurnWindow::Flight* TurnWindow::next_to_end(uint64_t most_ns) {
  Lane* longest = nullptr;
  for (const auto& lane : lanes_) {
    if (lane->flights.empty()) continue;
    if (longest == nullptr || lane->expected_ns > longest->expected_ns) longest = lane.get();
  }
  if (longest == nullptr) return nullptr;
  uint64_t left = expected_ns_;
  for (Flight& flight : longest->flights) {
    left -= flight.expected_ns;
    if (left <= most_ns) return &flight;
  }
  return &longest->flights.back();
}

TurnWindow::Lane* TurnWindow::only_lane() {
  Lane* only = nullptr;
  for (const auto& lane : lanes_) {
    if (lane->flights.empty() && lane->hidden == 0) continue;
    if (only != nullptr || !lane->in_order || lane->held_up) return nullptr;
    only = lane.get();
  }
  return only;
}

std::vector<cl_command_queue> TurnWindow::take_unflushed() {
  std::vector<cl_command_queue> queues;
  for (const auto& lane : lanes_) {
    if (lane->flushed) continue;
    lane->flushed = true;
    if (lane->flights.empty() && lane->hidden == 0) continue;
    calls_.clRetainCommandQueue(lane->queue);
    queues.push_back(lane->queue);
  }
  return queues;
}

TurnWindow::Tally TurnWindow::take_tally() { return std::exchange(tally_, {}); }

}  // namespace aliquot::worker
