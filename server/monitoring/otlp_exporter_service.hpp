// Sends figures to a collector that speaks OTLP over HTTP, in JSON, once an interval. What the collector puts off is
// tried again with full jitter, as late as it asks, until the interval is over; then that export is given up, and the
// next one tells the newer figures. One request at a time, on a thread of its own; the rest on the I/O thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "common/base/error.hpp"
#include "common/base/figure_family.hpp"
#include "net/url.hpp"
#include "server/base/loop.hpp"
#include "server/base/task.hpp"
#include "server/monitoring/otlp.hpp"

namespace argosy::server {

class Metrics;

struct OtlpTarget {
  net::ServerUrl server;
  std::string path;  // of the collector's metrics
  std::vector<std::pair<std::string, std::string>> headers;
};
// `endpoint` is https://HOST[:PORT][/PATH], or http, and may name /v1/metrics itself; `headers` are NAME=VALUE, parted
// by commas, with percent-encoded values, as in OTEL_EXPORTER_OTLP_HEADERS. Errc::invalid_argument says what is wrong,
// and shows no header, nor an endpoint that may hold a password.
Result<OtlpTarget> otlp_target(const std::string& endpoint, const std::string& headers);

struct OtlpOptions {
  OtlpTarget target;
  std::string ca_file;  // for https; empty: the system's authorities
  OtlpResource resource;
  Duration interval{60'000};
  Duration timeout{10'000};  // of one request
  Duration retry_base{1000};
  Duration retry_cap{30'000};
  LoopObserver observe = {};
};

struct OtlpCounters {
  std::uint64_t exported = 0;         // requests that the collector took
  std::uint64_t failed = 0;           // given up, or not begun because the collector asked for a rest
  std::uint64_t retries = 0;          // sent again
  std::uint64_t rejected_points = 0;  // of the requests that it took
};

class OtlpExporter {
 public:
  using Collect = std::function<Task<std::vector<FigureFamily>>()>;

  // `collect` answers what is to be told now; on the I/O thread.
  OtlpExporter(boost::asio::any_io_executor io, OtlpOptions options, Collect collect);
  ~OtlpExporter();    // as stop()
  Task<void> stop();  // ends a request that is under way
  const OtlpCounters& counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

void add_metrics(Metrics& metrics, const OtlpExporter& exporter);

}  // namespace argosy::server
