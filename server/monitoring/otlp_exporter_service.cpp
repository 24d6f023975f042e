#include "server/monitoring/otlp_exporter_service.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <stop_token>
#include <string_view>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include "common/base/encoding.hpp"
#include "common/base/random.hpp"
#include "net/http_call.hpp"
#include "server/base/metrics.hpp"
#include "server/work/worker_pool.hpp"

namespace argosy::server {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

constexpr std::string_view metrics_path = "/v1/metrics";
constexpr std::size_t answer_limit = 64 << 10;
constexpr std::size_t headers_limit = 16;

Result<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    const auto byte = from_hex(text.substr(i + 1, 2));
    if (!byte || byte->size() != 1) return make_error(Errc::invalid_argument, "a '%' without two hexadecimal digits");
    decoded.push_back(static_cast<char>(byte->front()));
    i += 2;
  }
  return decoded;
}

bool is_token(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

// What the exporter says itself, or what would make another request of it.
bool is_ours(std::string_view name) {
  constexpr std::string_view ours[] = {"connection", "content-encoding", "content-length", "content-type", "expect",
                                       "host",       "transfer-encoding"};
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  std::string small(name.size(), ' ');
  std::transform(name.begin(), name.end(), small.begin(), lower);
  return std::find(std::begin(ours), std::end(ours), small) != std::end(ours);
}

bool is_field(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

Result<std::pair<std::string, std::string>> header_of(std::string_view text) {
  const auto parts = text.find('=');
  const std::string_view name = trimmed(text.substr(0, parts));
  if (parts == std::string_view::npos || !is_token(name))
    return make_error(Errc::invalid_argument, "a header is not NAME=VALUE; part headers with commas");
  if (is_ours(name))
    return make_error(Errc::invalid_argument, "header '" + std::string(name) + "' is argosyd's own to set");
  ARGOSY_TRY(std::string value, percent_decoded(trimmed(text.substr(parts + 1))));
  if (!is_field(value))
    return make_error(Errc::invalid_argument, "header '" + std::string(name) + "' has a value of other than ASCII");
  return std::pair{std::string(name), std::move(value)};
}

// One request and its answer, on the worker's thread.
struct Post {
  net::HttpServer server;
  net::HttpRequest request;
  std::stop_token stop;
  Result<net::HttpResponse> operator()() const {
    return net::call_http(server, request, "argosyd " ARGOSY_VERSION, std::nullopt, {}, stop);
  }
};

struct Verdict {
  std::optional<Error> error;          // none: the collector took it
  bool may_try_again = false;          // of an error
  std::optional<Duration> after = {};  // no earlier, as the collector asks
};

Verdict verdict_on(const Result<net::HttpResponse>& answer) {
  if (!answer) return {answer.error(), true};
  const int status = answer->head.status;
  if (status >= 200 && status < 300) return {};
  return {make_error(Errc::unavailable, "the collector answered " + std::to_string(status)),
          is_worth_another_try(status), answer->head.retry_after()};
}

}  // namespace

Result<OtlpTarget> otlp_target(const std::string& endpoint, const std::string& headers) {
  if (endpoint.find_first_of("@?#") != std::string::npos)
    return make_error(
        Errc::invalid_argument,
        "the endpoint has a '@', '?' or '#': give no name, password or query, but what the collector wants "
        "to know as a header (otlp.headers)");
  std::string url = endpoint;
  while (url.ends_with('/')) url.pop_back();
  if (!url.ends_with(metrics_path)) url += metrics_path;
  const bool tls = url.starts_with("https://");
  ARGOSY_TRY(const net::HttpUrl parsed, tls ? net::parse_https_url(url) : net::parse_http_url(url));
  OtlpTarget target{{tls, parsed.endpoint}, parsed.target, {}};
  std::string_view rest = headers;
  while (!trimmed(rest).empty()) {
    if (target.headers.size() == headers_limit)
      return make_error(Errc::invalid_argument, "more than " + std::to_string(headers_limit) + " headers");
    const auto end = std::min(rest.find(','), rest.size());
    ARGOSY_TRY(auto header, header_of(rest.substr(0, end)));
    target.headers.push_back(std::move(header));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return target;
}

struct OtlpExporter::Impl {
  Impl(asio::any_io_executor io, OtlpOptions given, Collect collect_given)
      : options(std::move(given)),
        collect(std::move(collect_given)),
        worker(io, {.threads = 1, .queue_limit = 1}),
        pause(io),
        rng(stable_hash(0, as_text(secure_random(8)))) {}
  ~Impl() { stopping.request_stop(); }

  OtlpOptions options;
  Collect collect;
  WorkerPool worker;
  asio::steady_timer pause;
  Rng rng;
  Instant since = wall_clock_now();
  Clock::time_point rests_until{};  // as the collector asked
  OtlpCounters counters;
  std::stop_source stopping;
  std::optional<Loop> loop;

  Post post_of(std::string body) const {
    net::HttpRequest request;
    request.method = "POST";
    request.target = options.target.path;
    request.headers = options.target.headers;
    request.body = std::move(body);
    request.time_limit = options.timeout;
    request.response_limit = answer_limit;
    return {{options.target.server, options.ca_file}, std::move(request), stopping.get_token()};
  }

  Task<Result<void>> export_once(Instant now) {
    if (Clock::now() < rests_until) {
      ++counters.failed;
      co_return Result<void>{};
    }
    const auto families = co_await collect();
    const Post post = post_of(otlp_request(options.resource, families, since, now));
    const auto end = Clock::now() + options.interval;
    for (int attempt = 0;; ++attempt) {
      const auto answer = co_await worker.run(post);
      const Verdict verdict = verdict_on(answer);
      if (!verdict.error) {
        took(*answer);
        co_return Result<void>{};
      }
      if (!co_await may_go_on(verdict, attempt, end)) {
        ++counters.failed;
        co_return *verdict.error;
      }
      ++counters.retries;
    }
  }

  // Waits until the request may be sent again; false: not any more.
  Task<bool> may_go_on(Verdict verdict, int attempt, Clock::time_point end) {
    if (!verdict.may_try_again || loop->stop_requested()) co_return false;
    const Duration jittered = full_jitter(options.retry_base, options.retry_cap, attempt, rng);
    const auto at = Clock::now() + std::max(jittered, verdict.after.value_or(Duration{0}));
    if (at >= end) {
      if (verdict.after) rests_until = at;
      co_return false;
    }
    pause.expires_at(at);
    co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
    co_return !loop->stop_requested();
  }

  void took(const net::HttpResponse& answer) {
    ++counters.exported;
    const auto partial = partial_success_of(answer.body);
    if (!partial) return;
    counters.rejected_points += static_cast<std::uint64_t>(std::max<std::int64_t>(0, partial->rejected_points));
    spdlog::warn("otlp: the collector rejected {} points: {}", partial->rejected_points, partial->message);
  }
};

OtlpExporter::OtlpExporter(asio::any_io_executor io, OtlpOptions options, Collect collect)
    : impl_(std::make_unique<Impl>(io, std::move(options), std::move(collect))) {
  const LoopOptions rhythm{.name = "otlp", .interval = impl_->options.interval, .observe = impl_->options.observe};
  impl_->loop.emplace(io, rhythm, [&impl = *impl_](Instant now) { return impl.export_once(now); });
}

OtlpExporter::~OtlpExporter() = default;

Task<void> OtlpExporter::stop() {
  impl_->loop->request_stop();
  impl_->stopping.request_stop();
  impl_->pause.cancel();
  co_await impl_->loop->stop();
}

const OtlpCounters& OtlpExporter::counters() const {
  return impl_->counters;
}

void add_metrics(Metrics& metrics, const OtlpExporter& exporter) {
  metrics.sampled_counter("argosy_otlp_exported_total", "Exports that the collector took",
                          [&exporter] { return exporter.counters().exported; });
  metrics.sampled_counter("argosy_otlp_failed_total", "Exports that were given up",
                          [&exporter] { return exporter.counters().failed; });
  metrics.sampled_counter("argosy_otlp_retries_total", "Requests sent again",
                          [&exporter] { return exporter.counters().retries; });
  metrics.sampled_counter("argosy_otlp_rejected_points_total", "Points of exports that the collector left out",
                          [&exporter] { return exporter.counters().rejected_points; });
}

}  // namespace argosy::server
