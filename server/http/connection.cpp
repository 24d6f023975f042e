#include "server/http/connection.hpp"

#include <array>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "server/http/problem.hpp"
#include "server/http/request.hpp"
#include "server/http/route.hpp"

namespace argosy::server {
namespace {

namespace asio = boost::asio;

constexpr std::uint64_t small_rest_bytes = 64 * 1024;
constexpr std::uint64_t linger_bytes = 32ULL << 20;
constexpr std::chrono::seconds linger_time{5};
constexpr std::uint64_t most_ignored_bytes = 64 * 1024;  // of what a peer sends while it follows a live stream
constexpr auto no_end = ByteStream::Clock::time_point::max();

// The body of a streaming route, straight from the connection.
class ConnectionBody final : public BodyStream {
 public:
  explicit ConnectionBody(RequestReader& reader) : reader_(reader) {}
  std::optional<std::uint64_t> content_length() const override { return reader_.content_length(); }
  Task<Result<std::size_t>> read(std::uint8_t* buffer, std::size_t size) override {
    return reader_.read_body(buffer, size);
  }

 private:
  RequestReader& reader_;
};

Error too_large(std::uint64_t limit) {
  return make_error(Errc::too_large, "the body is larger than the " + std::to_string(limit) + " bytes allowed here");
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Reads until the peer ends or breaks the connection, then ends the live stream that it no longer reads.
Task<void> watch_peer(std::shared_ptr<ByteStream> stream, std::shared_ptr<Connection> connection) {
  std::array<std::uint8_t, 512> ignored;
  for (std::uint64_t total = 0; total < most_ignored_bytes;) {
    const auto count = co_await stream->read_some(ignored.data(), ignored.size());
    if (!count || *count == 0) break;
    total += *count;
  }
  connection->stop();
}

}  // namespace

Connection::Connection(ConnectionBudget::Id id, std::shared_ptr<ByteStream> stream, std::shared_ptr<Context> context)
    : id_(id),
      stream_(std::move(stream)),
      context_(std::move(context)),
      reader_(*stream_, context_->limits),
      writer_(*stream_, context_->file_reader, context_->limits.timeouts) {}

Task<void> Connection::run() {
  const auto self = shared_from_this();
  stream_->expires_after(context_->limits.timeouts.header);
  const auto shaken = co_await stream_->handshake();
  bool go_on = shaken.has_value();
  while (go_on && !stopping_) {
    go_on = co_await serve_one();
  }
  if (shaken) {
    co_await linger();
  }
  stream_->close();
}

void Connection::stop() {
  stopping_ = true;
  if (phase_ == Phase::idle) stream_->close();
  if (phase_ == Phase::live) end_of_live_.emit(asio::cancellation_type::terminal);
}

bool Connection::is_of(std::string_view fingerprint) const {
  const auto certificate = stream_->peer_certificate();
  return certificate && certificate->fingerprint == fingerprint;
}

void Connection::identify(Request& request) {
  request.id = context_->request_prefix + std::to_string(context_->next_request++);
  request.now = wall_clock_now();
  request.peer_address = stream_->peer_address();
  request.peer_certificate = stream_->peer_certificate();
}

// What the listener's budget knows of this connection after the caller was, or was not, recognised.
void Connection::account_for(const Request& request, const Dispatcher::Admission& admission) {
  if (request.principal.kind != Principal::Kind::anonymous) {
    stream_->end_all_by(no_end);
    const auto evicted = context_->budget.sign(id_, request.principal.actor());
    if (evicted) context_->close(*evicted);
  } else if (admission.answer && admission.answer->status == 401) {
    context_->budget.unsign(id_);
  }
}

std::chrono::milliseconds Connection::patience() const {
  const HttpTimeouts& timeouts = context_->limits.timeouts;
  return context_->budget.is_signed(id_) ? timeouts.idle : timeouts.stranger;
}

Task<bool> Connection::serve_one() {
  phase_ = Phase::idle;
  stream_->end_all_by(no_end);
  const auto next = co_await reader_.read_header(patience());
  phase_ = Phase::busy;
  stream_->end_all_by(reader_.began_at() + context_->limits.timeouts.unsigned_request);
  const auto start = std::chrono::steady_clock::now();
  if (next && *next == RequestReader::Next::end) co_return false;
  auto parsed = next ? reader_.request() : Result<Request>(next.error());
  if (!parsed) {
    const bool go_on = co_await answer_unreadable(parsed.error());
    co_return go_on;
  }
  Request request = std::move(*parsed);
  identify(request);

  Dispatcher::Admission admission = co_await context_->dispatcher.admit(request);
  OpenExchanges::Ticket ticket;
  account_for(request, admission);
  if (!admission.answer) {
    if (admission.route->streaming) ticket = watch(request, *admission.route);
    admission.answer = co_await respond(request, *admission.route);
  }
  const bool rest_is_small = reader_.body_done() || (!reader_.client_waits() && reader_.content_length() &&
                                                     *reader_.content_length() <= small_rest_bytes);
  const Exchange exchange{request, reader_.keep_alive() && rest_is_small && !stopping_, reader_.http_1_0(),
                          stream_->is_tls()};
  if (!ticket && admission.route != nullptr && !std::holds_alternative<std::string>(admission.answer->body)) {
    ticket = watch(request, *admission.route);
  }
  const auto live = std::get_if<LiveBody>(&admission.answer->body)
                        ? std::optional(std::get<LiveBody>(admission.answer->body))
                        : std::nullopt;
  const Written written = co_await writer_.write(exchange, std::move(*admission.answer));
  context_->dispatcher.record(request, admission.route, written.status, written.bytes, seconds_since(start));
  if (live && written.complete && request.method != Method::head) {
    co_await stream_live(exchange, *live);
    co_return false;
  }
  unread_ = !reader_.body_done();
  if (!written.complete || !exchange.keep_alive) co_return false;
  const bool skipped = co_await skip_rest_of_body();
  co_return skipped;
}

// While the ticket is held, the connection ends with the caller's right to it.
OpenExchanges::Ticket Connection::watch(const Request& request, const Route& route) {
  return context_->dispatcher.watch(request, route, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->stop();
    self->close();
  });
}

Task<bool> Connection::answer_unreadable(Error error) {
  const bool deserves_answer = error.code == Errc::too_large || error.code == Errc::invalid_argument;
  if (!deserves_answer) co_return false;
  Response response = problem(error);
  if (error.code == Errc::too_large) {
    response = problem(431, "headers-too-large", "The header is too large", error.message);
  }
  Request unknown;
  identify(unknown);
  const Exchange exchange{unknown, false, false, stream_->is_tls()};
  const Written written = co_await writer_.write(exchange, std::move(response));
  context_->dispatcher.record(unknown, nullptr, written.status, written.bytes, 0);
  unread_ = true;
  co_return false;
}

Task<Response> Connection::respond(Request& request, const Route& route) {
  ConnectionBody body(reader_);
  if (route.streaming) {
    request.stream = &body;
  } else {
    const auto read = co_await read_body(request.body, route.body_limit);
    if (!read) co_return problem(read.error());
    auto refusal = co_await context_->dispatcher.admit_again(route, request);
    if (refusal) co_return std::move(*refusal);
  }
  Response response = co_await context_->dispatcher.handle(route, request);
  request.stream = nullptr;
  co_return response;
}

Task<Result<void>> Connection::read_body(std::string& body, std::uint64_t limit) {
  constexpr std::size_t step = 16 * 1024;
  if (reader_.content_length().value_or(0) > limit) co_return too_large(limit);
  for (;;) {
    const std::size_t have = body.size();
    if (have > limit) co_return too_large(limit);
    body.resize(have + step);
    const auto count = co_await reader_.read_body(reinterpret_cast<std::uint8_t*>(body.data()) + have, step);
    body.resize(have + (count ? *count : 0));
    if (!count) co_return count.error();
    if (*count == 0) co_return Result<void>{};
  }
}

Task<bool> Connection::skip_rest_of_body() {
  std::array<std::uint8_t, 4096> ignored;
  while (!reader_.body_done()) {
    const auto count = co_await reader_.read_body(ignored.data(), ignored.size());
    if (!count) co_return false;
  }
  unread_ = false;
  co_return true;
}

Task<void> Connection::stream_live(const Exchange& exchange, LiveBody body) {
  phase_ = Phase::live;
  stream_->expires_never();  // for the watcher's read; each write sets its own deadline
  asio::co_spawn(context_->io, watch_peer(stream_, shared_from_this()), asio::detached);
  bool ended_well = !body.ends_by_itself;
  while (!stopping_) {
    const auto [failure, piece] =
        co_await asio::co_spawn(context_->io, body.next(),
                                asio::bind_cancellation_slot(end_of_live_.slot(), asio::as_tuple(asio::use_awaitable)));
    if (failure || !piece || stopping_) break;
    if (piece->empty()) {
      ended_well = true;
      break;
    }
    const auto written = co_await writer_.write_piece(exchange, *piece);
    if (!written) break;
  }
  if (ended_well) {
    auto ending = writer_.write_piece(exchange, {});
    co_await std::move(ending);
  }
  phase_ = Phase::busy;
  stream_->close();
}

// A peer that is still sending would lose the response if the connection were reset under it: read on for a while.
Task<void> Connection::linger() {
  stream_->end_all_by(no_end);
  stream_->expires_after(linger_time);
  if (!unread_) {
    co_await stream_->end_writing();
    co_return;
  }
  stream_->half_close();
  std::vector<std::uint8_t> ignored(64 * 1024);
  for (std::uint64_t total = 0; total < linger_bytes;) {
    const auto count = co_await stream_->read_some(ignored.data(), ignored.size());
    if (!count || *count == 0) break;
    total += *count;
  }
}

}  // namespace argosy::server
