#include "agent/link/blob_fetcher.hpp"

#include <filesystem>

#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "agent/update/part_file.hpp"

namespace argosy::agent {

namespace {

namespace asio = boost::asio;
using Progress = std::function<void(std::uint64_t)>;
using Done = std::function<void(std::optional<FetchFailure>)>;
using RunJob = std::function<bool(std::function<void()>)>;

constexpr std::uint64_t progress_step = 64 << 10;

struct Download {
  FetchRequest request;
  StopFlag stop;
  Progress progress;
  std::optional<PartFile> part;
  std::uint64_t reported = 0;
  HttpHead head;
};

// Runs `work` on the job thread and resumes on the loop with its outcome.
template <class T>
Task<Result<T>> in_background(RunJob run_job, std::function<Result<T>()> work) {
  auto io = co_await asio::this_coro::executor;
  const auto initiate = [](auto handler, asio::any_io_executor executor, RunJob run, std::function<Result<T>()> job) {
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    const auto finish = [shared, executor](Result<T> outcome) {
      asio::post(executor, [shared, outcome = std::move(outcome)]() mutable { (*shared)(std::move(outcome)); });
    };
    if (!run([finish, job] { finish(job()); })) finish(make_error(Errc::unavailable, "the job queue is full"));
  };
  auto waiting = asio::async_initiate<decltype(asio::use_awaitable), void(Result<T>)>(
      initiate, asio::use_awaitable, io, std::move(run_job), std::move(work));
  co_return co_await std::move(waiting);
}

bool is_passing(const Error& error) {
  return error.code == Errc::unavailable || error.code == Errc::timeout || error.code == Errc::truncated ||
         error.code == Errc::rate_limited || error.code == Errc::unauthenticated;
}

FetchFailure failure(Error error, std::optional<Duration> retry_after = std::nullopt) {
  const bool passing = is_passing(error);
  return {std::move(error), passing, retry_after};
}

std::string content_range_of(std::uint64_t from, const wire::BlobRef& blob) {
  return "bytes " + std::to_string(from) + "-" + std::to_string(blob.size - 1) + "/" + std::to_string(blob.size);
}

// A part goes on only where it ends; a whole answer to a request for the rest begins afresh.
Result<void> accept_head(Download& download, const HttpHead& head) {
  download.head = head;
  const wire::BlobRef& blob = download.request.blob;
  if (head.status == 200) {
    if (download.part->size() > 0) ARGOSY_CHECK(download.part->restart());
    const auto length = head.header("content-length");
    if (length && *length != std::to_string(blob.size))
      return make_error(Errc::digest_mismatch, "blob " + blob.digest + " has " + *length + " bytes on the server; " +
                                                   std::to_string(blob.size) + " were announced");
    return {};
  }
  if (head.status != 206) return {};
  const std::string expected = content_range_of(download.part->size(), blob);
  const auto range = head.header("content-range");
  if (range == expected) return {};
  ARGOSY_CHECK(download.part->restart());
  return make_error(Errc::unavailable, "asked for '" + expected + "', the server sent '" + range.value_or("nothing") +
                                           "': starting again from the first byte");
}

Result<void> accept_piece(Download& download, std::string_view piece) {
  if (download.stop->load()) return make_error(Errc::cancelled, "the download was cancelled");
  ARGOSY_CHECK(download.part->append(piece));
  const std::uint64_t size = download.part->size();
  if (size - download.reported < progress_step && !download.part->complete()) return {};
  download.reported = size;
  download.progress(size);
  return {};
}

HttpRequest request_of(const Download& download, Duration stall_limit) {
  HttpRequest request;
  request.target = "/device/v1/blobs/" + download.request.blob.digest;
  request.time_limit = stall_limit;
  if (download.part->size() == 0) return request;
  request.headers["Range"] = "bytes=" + std::to_string(download.part->size()) + "-";
  request.headers["If-Range"] = "\"" + download.request.blob.digest + "\"";
  return request;
}

std::optional<FetchFailure> refusal_of(const HttpHead& head, const std::string& digest) {
  if (head.status == 200 || head.status == 206) return std::nullopt;
  return failure(error_of({head, ""}, "blob " + digest), head.retry_after());
}

Task<std::optional<FetchFailure>> transfer(HttpsClient& https, Download& download, Duration stall_limit) {
  if (download.part->complete()) co_return std::nullopt;
  DownloadSink sink;
  sink.on_head = [&download](const HttpHead& head) { return accept_head(download, head); };
  sink.on_piece = [&download](std::string_view piece) { return accept_piece(download, piece); };
  auto getting = https.download(request_of(download, stall_limit), sink);
  auto head = co_await std::move(getting);
  if (!head) co_return failure(std::move(head).error(), download.head.retry_after());
  if (head->status == 416) {
    auto emptied = download.part->restart();
    if (!emptied) co_return failure(std::move(emptied).error());
    co_return failure(make_error(Errc::unavailable, "the server has no such range: starting again"));
  }
  co_return refusal_of(*head, download.request.blob.digest);
}

Task<std::optional<FetchFailure>> fetch_blob(BlobFetcher::Ports ports, FetchRequest request, StopFlag stop,
                                             Progress progress) {
  std::error_code failed;
  const auto there = std::filesystem::file_size(request.whole, failed);
  if (!failed && there == request.blob.size) co_return std::nullopt;
  Download download{request, std::move(stop), std::move(progress), std::nullopt, 0, {}};
  std::function<Result<PartFile>()> open = [request] { return PartFile::open(request.part, request.blob); };
  auto opening = in_background<PartFile>(ports.run_job, std::move(open));
  auto part = co_await std::move(opening);
  if (!part) co_return failure(std::move(part).error());
  download.part.emplace(std::move(*part));
  auto transferring = transfer(*ports.https, download, ports.stall_limit);
  auto trouble = co_await std::move(transferring);
  if (trouble) co_return trouble;
  const auto shared = std::make_shared<PartFile>(std::move(*download.part));
  std::function<Result<void>()> finish = [shared, request] { return shared->finish(request.whole); };
  auto finishing = in_background<void>(ports.run_job, std::move(finish));
  auto finished = co_await std::move(finishing);
  if (!finished) co_return failure(std::move(finished).error());
  co_return std::nullopt;
}

Task<void> run(BlobFetcher::Ports ports, FetchRequest request, StopFlag stop, Progress progress, Done done) {
  auto fetching = fetch_blob(std::move(ports), std::move(request), std::move(stop), std::move(progress));
  auto outcome = co_await std::move(fetching);
  done(std::move(outcome));
}

}  // namespace

void BlobFetcher::fetch(FetchRequest request, StopFlag stop, std::function<void(std::uint64_t)> progress,
                        std::function<void(std::optional<FetchFailure>)> done) {
  const auto io = ports_.io;
  asio::co_spawn(io, run(ports_, std::move(request), std::move(stop), std::move(progress), std::move(done)),
                 asio::detached);
}

}  // namespace argosy::agent
