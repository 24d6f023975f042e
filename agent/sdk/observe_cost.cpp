// What telling the agent of an inference costs the program that tells it: the calls that scripts/bench observe times
// and counts. Prints one JSON object.
#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "agent/sdk/argosy_observe.h"

namespace {

using Clock = std::chrono::steady_clock;
using Nanoseconds = std::chrono::nanoseconds;

constexpr int calls = 20'000;
constexpr auto inference = std::chrono::microseconds(200);  // of a program that computes between its calls

struct Cost {
  long long median_ns = 0;
  long long p99_ns = 0;
};

// Calls are timed one by one, with time between them for whoever listens; the clock's own time is taken off.
template <class Call>
Cost cost_of(Call&& call, long long clock_ns = 0) {
  std::vector<long long> times;
  times.reserve(calls);
  for (int i = 0; i < calls; ++i) {
    const auto start = Clock::now();
    call(i);
    times.push_back(std::chrono::duration_cast<Nanoseconds>(Clock::now() - start).count() - clock_ns);
    const auto next = Clock::now() + inference;
    while (Clock::now() < next) {
    }
  }
  std::sort(times.begin(), times.end());
  return {times[calls / 2], times[calls * 99 / 100]};
}

// A counter and a histogram, as a metrics library keeps them inside the program, here at their cheapest.
class InProcess {
 public:
  void observe(double milliseconds) {
    count_.fetch_add(1, std::memory_order_relaxed);
    const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), milliseconds) - bounds_.begin();
    buckets_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  }

 private:
  std::array<double, 11> bounds_{5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500};
  std::array<std::atomic<long>, 12> buckets_{};
  std::atomic<long> count_{0};
};

// A socket that nobody else sends to, read empty after each call.
class EmptyDatagrams {
 public:
  EmptyDatagrams() { ::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends_); }
  void send() const { static_cast<void>(::sendto(ends_[0], "", 0, MSG_DONTWAIT | MSG_NOSIGNAL, nullptr, 0)); }
  void drain() const {
    char byte;
    while (::recv(ends_[1], &byte, 1, MSG_DONTWAIT) >= 0) {
    }
  }

 private:
  int ends_[2] = {-1, -1};
};

argosy_observation full_observation(const char* model, int i) {
  argosy_observation observation = argosy_observation_of(model, static_cast<std::uint64_t>(2'000 + i % 500));
  observation.predicted = i % 10;
  observation.confidence = 0.93;
  return observation;
}

void print(const char* name, const Cost& cost) {
  std::printf("\"%s_ns\": %lld, \"%s_p99_ns\": %lld, ", name, cost.median_ns, name, cost.p99_ns);
}

int measure_costs(const argosy_observer& observer, const char* model) {
  const Cost clock = cost_of([](int) {});
  InProcess metrics;
  const EmptyDatagrams datagrams;
  int taken = 0;
  print("observe", cost_of(
                       [&](int i) {
                         const auto observation = full_observation(model, i);
                         taken += argosy_observe(&observer, &observation);
                       },
                       clock.median_ns));
  print("empty_sendto", cost_of(
                            [&](int i) {
                              if (i % 8 == 0) datagrams.drain();
                              datagrams.send();
                            },
                            clock.median_ns));
  print("in_process", cost_of([&](int i) { metrics.observe(2 + i % 3); }, clock.median_ns));
  std::printf("\"taken_share\": %.4f}\n", static_cast<double>(taken) / calls);
  return 0;
}

// As many as asked for in each millisecond, for as long as asked for; what the agent has no room for is dropped.
int flood(const argosy_observer& observer, const char* model, long rate, long seconds) {
  const auto start = Clock::now();
  long sent = 0, taken = 0;
  for (long millisecond = 1; millisecond <= 1000 * seconds; ++millisecond) {
    for (; sent < rate * millisecond / 1000; ++sent) {
      const auto observation = full_observation(model, static_cast<int>(sent % 1000));
      taken += argosy_observe(&observer, &observation);
    }
    std::this_thread::sleep_until(start + std::chrono::milliseconds(millisecond));
  }
  const double elapsed = std::chrono::duration<double>(Clock::now() - start).count();
  std::printf("{\"offered_per_s\": %.0f, \"taken_per_s\": %.0f}\n", static_cast<double>(sent) / elapsed,
              static_cast<double>(taken) / elapsed);
  return 0;
}

long number_of(const char* text) {
  long number = 0;
  std::from_chars(text, text + std::strlen(text), number);
  return number;
}

}  // namespace

int main(int argc, char** argv) {
  argosy_observer observer;
  if ((argc != 3 && argc != 5) || argosy_observer_open(&observer, argv[1]) != 0) {
    std::fprintf(stderr, "usage: argosy-observe-cost SOCKET MODEL [RATE SECONDS]\n");
    return 2;
  }
  if (argc == 5) return flood(observer, argv[2], number_of(argv[3]), number_of(argv[4]));
  std::printf("{");
  return measure_costs(observer, argv[2]);
}
