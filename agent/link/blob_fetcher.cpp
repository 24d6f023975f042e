#include "agent/link/blob_fetcher.hpp"

#include <chrono>
#include <exception>

#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace argosy::agent {

namespace {

namespace asio = boost::asio;
using Progress = std::function<void(std::uint64_t)>;
using Done = std::function<void(std::optional<FetchFailure>)>;
using RunJob = std::function<bool(std::function<void()>)>;

constexpr std::uint64_t progress_step = 64 << 10;
constexpr std::size_t most_read_ahead = 4 << 20;
constexpr std::chrono::milliseconds between_looks_for_turn{250};

struct Measures {  // of all downloads
  std::shared_ptr<LinkRate> rate;
  std::shared_ptr<Throttle> throttle;
};

struct Download {
  FetchRequest request;
  StopFlag stop;
  Progress progress;
  std::shared_ptr<BlobIntake> intake;
  DownloadGate* gate = nullptr;
  std::uint64_t end = 0;  // as far as it may go now
  std::uint64_t reported = 0;
  HttpHead head = {};
  std::optional<Hold> hold = {};
  std::string from = {};  // the host that a redirect led to

  bool complete() const { return intake->size() == request.blob.size; }
};

// What `work` comes to; an exception must not end the job thread, and the agent with it.
template <class T>
Result<T> outcome_of(const std::function<Result<T>()>& work) {
  try {
    return work();
  } catch (const std::exception& error) {
    return make_error(Errc::internal, error.what());
  }
}

// Runs `work` on the job thread and resumes on the loop with its outcome.
template <class T>
Task<Result<T>> in_background(RunJob run_job, std::function<Result<T>()> work) {
  auto io = co_await asio::this_coro::executor;
  const auto initiate = [](auto handler, asio::any_io_executor executor, RunJob run, std::function<Result<T>()> job) {
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    const auto finish = [shared, executor](Result<T> outcome) {
      asio::post(executor, [shared, outcome = std::move(outcome)]() mutable { (*shared)(std::move(outcome)); });
    };
    if (!run([finish, job] { finish(outcome_of(job)); }))
      finish(make_error(Errc::unavailable, "the job queue is full"));
  };
  co_return co_await asio::async_initiate<decltype(asio::use_awaitable), void(Result<T>)>(
      initiate, asio::use_awaitable, io, std::move(run_job), std::move(work));
}

bool is_passing(const Error& error) {
  return error.code == Errc::unavailable || error.code == Errc::timeout || error.code == Errc::truncated ||
         error.code == Errc::rate_limited || error.code == Errc::unauthenticated;
}

FetchFailure failure(Error error, std::optional<Duration> retry_after = std::nullopt) {
  const bool passing = is_passing(error);
  return {std::move(error), passing, retry_after};
}

FetchFailure held(Hold hold) {
  return {make_error(Errc::unavailable, hold.why), true, std::nullopt, std::move(hold)};
}

std::string content_range_of(const Download& download) {
  return "bytes " + std::to_string(download.intake->size()) + "-" + std::to_string(download.end - 1) + "/" +
         std::to_string(download.request.blob.size);
}

// A part goes on only where it ends; a whole answer to a request for the rest begins afresh.
Result<void> accept_head(Download& download, const HttpHead& head) {
  if (download.stop->load()) return make_error(Errc::cancelled, "the download was cancelled");
  download.head = head;
  const wire::BlobRef& blob = download.request.blob;
  if (head.status == 200) {
    if (download.intake->size() > 0) ARGOSY_CHECK(download.intake->restart());
    const auto length = head.header("content-length");
    if (length && *length != std::to_string(blob.size))
      return make_error(Errc::digest_mismatch, "blob " + blob.digest + " has " + *length + " bytes on the server; " +
                                                   std::to_string(blob.size) + " were announced");
    return {};
  }
  if (head.status != 206) return {};
  const std::string expected = content_range_of(download);
  const auto range = head.header("content-range");
  if (range == expected) return {};
  ARGOSY_CHECK(download.intake->restart());
  return make_error(Errc::unavailable, "asked for '" + expected + "', the server sent '" + range.value_or("nothing") +
                                           "': starting again from the first byte");
}

Result<void> accept_piece(Download& download, std::string_view piece) {
  if (download.stop->load()) return make_error(Errc::cancelled, "the download was cancelled");
  ARGOSY_CHECK(download.intake->append(piece));
  const std::uint64_t size = download.intake->size();
  if (size - download.reported >= progress_step || download.complete()) {
    download.reported = size;
    download.progress(size);
  }
  if (download.gate == nullptr) return {};
  ARGOSY_TRY(download.hold, download.gate->spend(piece.size()));
  if (!download.hold || download.complete()) return {};
  return make_error(Errc::unavailable, download.hold->why);
}

// Another host's tag says nothing of ours: there the range alone goes along, and Content-Range and the digest prove it.
HttpRequest request_of(const Download& download, const std::string& target, bool is_ours, Duration stall_limit) {
  HttpRequest request;
  request.target = target;
  request.time_limit = stall_limit;
  const std::uint64_t from = download.intake->size();
  const bool to_the_end = download.end == download.request.blob.size;
  if (from == 0 && to_the_end) return request;
  request.headers.emplace_back(
      "Range", "bytes=" + std::to_string(from) + "-" + (to_the_end ? "" : std::to_string(download.end - 1)));
  if (from > 0 && is_ours) request.headers.emplace_back("If-Range", "\"" + download.request.blob.digest + "\"");
  return request;
}

DownloadSink sink_of(Download& download, const std::shared_ptr<Throttle>& throttle) {
  DownloadSink sink;
  sink.on_head = [&download](const HttpHead& head) { return accept_head(download, head); };
  sink.on_piece = [&download](std::string_view piece) { return accept_piece(download, piece); };
  if (!throttle->is_limited()) return sink;
  sink.piece_bytes = throttle->burst_bytes(DownloadSink::largest_piece);
  sink.read_ahead_bytes = throttle->burst_bytes(most_read_ahead);
  sink.pause_after = [throttle](std::size_t bytes) { return throttle->take(bytes, std::chrono::steady_clock::now()); };
  return sink;
}

std::optional<FetchFailure> refusal_of(const HttpHead& head, const Download& download) {
  if (head.status == 200 || head.status == 206) return std::nullopt;
  const std::string where = download.from.empty() ? "" : " at '" + download.from + "'";
  return failure(error_of({head, ""}, "blob " + download.request.blob.digest + where), head.retry_after());
}

// A client for a host that a redirect leads to: it gets no certificate of ours, and is judged like any on the web.
Result<std::unique_ptr<HttpsClient>> client_for(const BlobFetcher::Ports& ports, const Endpoint& endpoint) {
  auto client = std::make_unique<HttpsClient>(ports.io, endpoint, ports.proxies.for_host(endpoint.host));
  Trust trust;
  trust.ca_pem = ports.redirects.ca_pem;
  trust.system_authorities = true;
  ARGOSY_CHECK(client->set_trust(trust));
  return client;
}

// From our server, or from where it leads to.
Task<Result<HttpHead>> get(const BlobFetcher::Ports& ports, const DownloadSink& sink, Download& download) {
  net::HttpUrl at{ports.https->endpoint(), "/device/v1/blobs/" + download.request.blob.digest};
  std::unique_ptr<HttpsClient> elsewhere;
  for (int redirects = 0;; ++redirects) {
    HttpsClient& client = elsewhere ? *elsewhere : *ports.https;
    auto head = co_await client.download(request_of(download, at.target, !elsewhere, ports.stall_limit), sink);
    if (!head || !is_redirect(head->status)) co_return head;
    if (redirects == max_redirects)
      co_return make_error(Errc::forbidden, "'" + at.endpoint.host + "' leads on after " +
                                                std::to_string(max_redirects) + " redirects: that is one too many");
    ARGOSY_CO_TRY(at, follow_redirect(ports.redirects, at, *head));
    ARGOSY_CO_TRY(elsewhere, client_for(ports, at.endpoint));
    download.from = at.endpoint.host;
  }
}

Task<std::optional<FetchFailure>> transfer(const BlobFetcher::Ports& ports, const DownloadSink& sink,
                                           Download& download) {
  if (download.complete()) co_return std::nullopt;
  auto head = co_await get(ports, sink, download);
  if (!head && download.hold) co_return held(std::move(*download.hold));
  if (!head) co_return failure(std::move(head).error(), download.head.retry_after());
  if (head->status == 416) {
    auto emptied = download.intake->restart();
    if (!emptied) co_return failure(std::move(emptied).error());
    co_return failure(make_error(Errc::unavailable, "the server has no such range: starting again"));
  }
  co_return refusal_of(*head, download);
}

// Whether it may begin, and how many bytes it may take.
std::variant<Leave, FetchFailure> ask_gate(DownloadGate* gate, BlobKind kind) {
  if (gate == nullptr) return Leave{};
  auto ruling = gate->admit(kind);
  if (!ruling) return failure(std::move(ruling).error());
  if (auto* hold = std::get_if<Hold>(&*ruling)) return held(std::move(*hold));
  return std::get<Leave>(*ruling);
}

std::uint64_t end_of(const Leave& leave, const BlobIntake& intake, const wire::BlobRef& blob) {
  const std::uint64_t left = blob.size - std::min(intake.size(), blob.size);
  return intake.size() + std::min(leave.bytes.value_or(left), left);
}

Task<std::optional<FetchFailure>> fetch_blob(BlobFetcher::Ports ports, FetchRequest request, StopFlag stop,
                                             Progress progress, Measures measures) {
  using Opened = std::unique_ptr<BlobIntake>;
  auto answer = ask_gate(ports.gate, request.kind);
  if (auto* refused = std::get_if<FetchFailure>(&answer)) co_return std::move(*refused);
  auto intake = co_await in_background<Opened>(ports.run_job, request.open);
  if (!intake) co_return failure(std::move(intake).error());
  if (!*intake) co_return std::nullopt;
  const std::uint64_t end = end_of(std::get<Leave>(answer), **intake, request.blob);
  Download download{std::move(request), std::move(stop), std::move(progress), std::move(*intake), ports.gate, end};
  const DownloadSink sink = sink_of(download, measures.throttle);
  const std::uint64_t before = download.intake->size();
  const auto start = std::chrono::steady_clock::now();
  auto trouble = co_await transfer(ports, sink, download);
  if (ports.gate != nullptr) ports.gate->settle();
  const std::uint64_t after = download.intake->size();
  if (after > before) measures.rate->add(after - before, std::chrono::steady_clock::now() - start);
  if (trouble) co_return trouble;
  std::function<Result<void>()> finish = [intake = download.intake] { return intake->finish(); };
  auto finished = co_await in_background<void>(ports.run_job, std::move(finish));
  if (!finished) co_return failure(std::move(finished).error());
  co_return std::nullopt;
}

// The right to make one file, which ends with its scope, however that is left.
class Turn {
 public:
  // Null while somebody else has it.
  static std::unique_ptr<Turn> take(const std::shared_ptr<FilesInMaking>& in_making, const std::string& file) {
    if (!in_making->insert(file).second) return nullptr;
    return std::unique_ptr<Turn>(new Turn(in_making, file));
  }
  ~Turn() { in_making_->erase(file_); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  Turn(std::shared_ptr<FilesInMaking> in_making, std::string file)
      : in_making_(std::move(in_making)), file_(std::move(file)) {}
  std::shared_ptr<FilesInMaking> in_making_;
  std::string file_;
};

// Null when it was stopped before its turn came.
Task<std::unique_ptr<Turn>> wait_for_turn(std::shared_ptr<FilesInMaking> in_making, std::string file, StopFlag stop) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  while (!stop->load()) {
    if (auto turn = Turn::take(in_making, file)) co_return turn;
    timer.expires_after(between_looks_for_turn);
    co_await timer.async_wait(asio::use_awaitable);
  }
  co_return nullptr;
}

Task<std::optional<FetchFailure>> fetch_in_turn(BlobFetcher::Ports ports, FetchRequest request, StopFlag stop,
                                                Progress progress, Measures measures,
                                                std::shared_ptr<FilesInMaking> in_making) {
  const auto turn = co_await wait_for_turn(std::move(in_making), request.made(), stop);
  if (!turn) co_return failure(make_error(Errc::cancelled, "the download was cancelled"));
  auto outcome = co_await fetch_blob(std::move(ports), std::move(request), std::move(stop), std::move(progress),
                                     std::move(measures));
  co_return outcome;
}

// Whatever is thrown on the way, somebody waits for the outcome.
Task<void> run(BlobFetcher::Ports ports, FetchRequest request, StopFlag stop, Progress progress, Done done,
               Measures measures, std::shared_ptr<FilesInMaking> in_making) {
  const std::string blob = request.blob.digest;
  std::optional<FetchFailure> outcome;
  try {
    outcome = co_await fetch_in_turn(std::move(ports), std::move(request), std::move(stop), std::move(progress),
                                     std::move(measures), std::move(in_making));
  } catch (const std::exception& error) {
    outcome = failure(make_error(Errc::internal, "blob " + blob + ": " + error.what()));
  }
  done(std::move(outcome));
}

}  // namespace

void LinkRate::add(std::uint64_t bytes, std::chrono::nanoseconds time) {
  if (bytes < enough_bytes) return;
  const double seconds = std::max(1e-6, std::chrono::duration<double>(time).count());
  const double seen = static_cast<double>(bytes) / seconds;
  rate_ = rate_ ? *rate_ + newest_weight * (seen - *rate_) : seen;
}

std::optional<std::uint64_t> LinkRate::bytes_per_s() const {
  if (!rate_) return std::nullopt;
  return static_cast<std::uint64_t>(*rate_);
}

BlobFetcher::BlobFetcher(Ports ports)
    : ports_(std::move(ports)),
      throttle_(std::make_shared<Throttle>(ports_.gate == nullptr ? 0 : ports_.gate->rules().bytes_per_s)) {}

void BlobFetcher::fetch(FetchRequest request, StopFlag stop, std::function<void(std::uint64_t)> progress,
                        std::function<void(std::optional<FetchFailure>)> done) {
  const auto io = ports_.io;
  asio::co_spawn(io,
                 run(ports_, std::move(request), std::move(stop), std::move(progress), std::move(done),
                     Measures{rate_, throttle_}, in_making_),
                 asio::detached);
}

}  // namespace argosy::agent
