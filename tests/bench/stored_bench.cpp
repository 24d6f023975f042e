// What scripts/bench does to a database of windows that no argosyd leads:
//
//   argosy-stored-bench pack CONNINFO        packs all windows, as though two hours had passed; JSON on stdout
//   argosy-stored-bench year CONNINFO MODEL  a year of days, a day of hours and an hour of windows of each device
//
// One thread, one connection.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/random.hpp"
#include "server/db/binary_copy.hpp"
#include "server/db/rows.hpp"
#include "server/telemetry/partition_store.hpp"
#include "server/telemetry/stored/closing_store.hpp"
#include "server/telemetry/stored/day_entries.hpp"
#include "server/telemetry/stored/packing_store.hpp"
#include "server/telemetry/stored/rollup.hpp"
#include "server/telemetry/window_figures.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr int days_of_year = 365;
constexpr int kinds = 48;  // of values, which repeat
constexpr std::size_t bins = 23;

double cpu_s() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}

template <class Work>
auto commit(CopyingConnection& connection, Work work) {
  pqxx::work transaction(connection);
  if constexpr (std::is_void_v<std::invoke_result_t<Work&, pqxx::work&>>) {
    work(transaction);
    transaction.commit();
  } else {
    auto answer = work(transaction);
    transaction.commit();
    return answer;
  }
}

// PostgreSQL may be analysing what has just come in.
void close_hours(CopyingConnection& connection, Instant now) {
  for (int attempts = 20;; --attempts) {
    try {
      return commit(connection, CloseHours{now});
    } catch (const pqxx::sql_error& error) {
      if (error.sqlstate() != "55P03" || attempts == 0) throw;
      std::this_thread::sleep_for(1s);
    }
  }
}

json pack(CopyingConnection& connection) {
  const Instant now = wall_clock_now() + 2h;
  commit(connection, KeepPartitions{.now = now});
  close_hours(connection, now);
  const auto begin = std::chrono::steady_clock::now();
  const double cpu = cpu_s();
  std::uint64_t windows = 0, rows = 0;
  while (const auto next = commit(connection, FindWaiting{}).next) {
    const auto slice = commit(connection, PackSlice{*next});
    windows += slice.windows;
    rows += slice.rows;
    if (slice.is_last) commit(connection, DropPacked{*next});
  }
  commit(connection, KeepPartitions{.now = now});
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return {{"windows", windows},
          {"rows", rows},
          {"pack_us_per_window", 1e6 * seconds / static_cast<double>(windows)},
          {"argosyd_pack_us_per_window", 1e6 * (cpu_s() - cpu) / static_cast<double>(windows)}};
}

// What `windows` windows of 300 inferences each come to: latencies about `usual` ms, drawn `draws` times.
TakenWindow sum_of(Rng& random, std::uint64_t windows, int draws) {
  TakenWindow sum;
  sum.count = 300 * windows;
  sum.errors = windows;
  const std::uint64_t times = std::max<std::uint64_t>(1, sum.count / static_cast<std::uint64_t>(draws));
  for (int i = 0; i < draws; ++i) sum.latency.add(12 * std::exp(0.25 * random.normal()), times);
  for (const char* name : {"brightness", "contrast", "level", "sharpness"}) {
    wire::FeatureCounts feature{name, std::vector<std::uint64_t>(bins)};
    for (int i = 0; i < draws; ++i) feature.counts[1 + random.below(bins - 2)] += times;
    sum.features.push_back(std::move(feature));
  }
  for (int label = 0; label < 10; ++label) sum.classes[label] = 29 * windows + random.below(2 * windows);
  return sum;
}

std::vector<Bytes> values_of(Rng& random, std::uint64_t windows, int draws, Duration covered) {
  std::vector<Bytes> values;
  for (int i = 0; i < kinds; ++i) {
    auto sum = sum_of(random, windows, draws);
    sum.ended_at = sum.received_at = sum.started_at + covered;
    values.push_back(encode_figures(sum));
  }
  return values;
}

struct Year {
  std::string model;
  std::vector<std::string> devices;
  Instant now;
  std::vector<TakenWindow> of_days;
  std::vector<Bytes> of_hours, of_windows;
  Rng random{1};

  void fill() {
    for (int i = 0; i < kinds; ++i) of_days.push_back(sum_of(random, 1440, 20'000));
    of_hours = values_of(random, 60, 6'000, 1h);
    of_windows = values_of(random, 1, 300, 1min);
  }
  const Bytes& any(const std::vector<Bytes>& values) { return values[random.below(values.size())]; }

  DayEntries days_between(Instant from, Instant to) {
    DayEntries days;
    for (Instant day = from; day < to; day += 24h) {
      auto& sum = of_days[random.below(of_days.size())];
      sum.started_at = day;
      sum.ended_at = sum.received_at = day + 24h;
      days.add(sum);
    }
    return days;
  }
  void write_days(pqxx::work& transaction, Instant from, Instant to) {
    BinaryCopy rows(transaction, "telemetry_days", "month, windows, device_id, model, version, entries, shapes");
    for (Instant month = month_of(from), next; month < to; month = next) {
      next = month_of(month + 31 * 24h);
      for (const auto& device : devices) {
        const auto days = days_between(std::max(from, month), std::min(to, next));
        rows.begin_row();
        rows.put(month);
        rows.put(std::int64_t{30 * 1440});
        rows.put(std::string_view(device));
        rows.put(std::string_view(model));
        rows.put(std::string_view("1.0"));
        rows.put(ByteView(days.entries));
        rows.put(ByteView(days.shapes));
      }
    }
    rows.complete();
  }
  void write_hours(pqxx::work& transaction, Instant from, Instant to) {
    BinaryCopy rows(transaction, "telemetry_hours", "hour, windows, device_id, model, version, figures");
    for (Instant at = from; at < to; at += 1h) {
      for (const auto& device : devices) {
        rows.begin_row();
        rows.put(at);
        rows.put(std::int64_t{60});
        rows.put(std::string_view(device));
        rows.put(std::string_view(model));
        rows.put(std::string_view("1.0"));
        rows.put(ByteView(any(of_hours)));
      }
    }
    rows.complete();
  }
  void write_windows(pqxx::work& transaction, Instant from, Instant to) {
    BinaryCopy rows(transaction, "telemetry_windows", "started_at, seq, epoch, device_id, model, version, figures");
    std::int64_t seq = 0;
    for (Instant at = from; at < to; at += 1min) {
      ++seq;
      for (const auto& device : devices) {
        rows.begin_row();
        rows.put(at);
        rows.put(seq);
        rows.put(std::int64_t{1});
        rows.put(std::string_view(device));
        rows.put(std::string_view(model));
        rows.put(std::string_view("1.0"));
        rows.put(ByteView(any(of_windows)));
      }
    }
    rows.complete();
  }
  void operator()(pqxx::work& transaction) {
    for (const auto& row : transaction.exec("select id from devices order by id")) devices.push_back(row[0].c_str());
    const Instant today = floor_to(now, 24h), unpacked_from = now - 70min;  // as much as waits at most
    write_days(transaction, today - days_of_year * 24h, today);
    write_hours(transaction, today, floor_to(unpacked_from, 1h));
    write_windows(transaction, unpacked_from, now);
    transaction.exec_params0("update telemetry_levels set days_until = $1", today);
  }
};

json year(CopyingConnection& connection, std::string model) {
  Year year{.model = std::move(model),
            .devices = {},
            .now = wall_clock_now(),
            .of_days = {},
            .of_hours = {},
            .of_windows = {}};
  year.fill();
  commit(connection, CloseHours{year.now});
  commit(connection, std::ref(year));
  commit(connection, KeepPartitions{.now = year.now});
  for (const char* table : {"telemetry_days", "telemetry_hours", "telemetry_windows"})
    commit(connection, [table](pqxx::work& transaction) { transaction.exec0(std::string("analyze ") + table); });
  return {{"devices", year.devices.size()}, {"day_rows", year.devices.size() * days_of_year}};
}

int run(const std::vector<std::string>& arguments) {
  CopyingConnection connection(arguments.at(1));
  const auto answer = arguments.at(0) == "pack" ? pack(connection) : year(connection, arguments.at(2));
  std::puts(answer.dump().c_str());
  return 0;
}

}  // namespace
}  // namespace argosy::server

int main(int count, char** arguments) {
  try {
    return argosy::server::run({arguments + 1, arguments + count});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "argosy-stored-bench: %s\n", error.what());
    return 1;
  }
}
