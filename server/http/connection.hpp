// One client's connection from accept to close: reads requests, has the dispatcher answer them, writes the responses.
// On the I/O thread; owned by its own coroutine. The server may ask it to stop after what it is doing.
#pragma once

#include <functional>
#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "server/base/task.hpp"
#include "server/http/byte_stream.hpp"
#include "server/http/connection_budget.hpp"
#include "server/http/dispatcher.hpp"
#include "server/http/request_reader.hpp"
#include "server/http/response.hpp"
#include "server/http/response_writer.hpp"

namespace argosy::server {

struct Request;
struct Route;

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  struct Context {  // what all connections of a listener share; outlives them
    boost::asio::any_io_executor io;
    Dispatcher dispatcher;
    WorkerPool& file_reader;
    RequestReader::Limits limits;
    std::uint64_t next_request = 1;
    std::string request_prefix;  // so that ids of two starts differ
    ConnectionBudget budget;
    std::function<void(ConnectionBudget::Id)> close;  // another connection, which gives way to this one
  };
  Connection(ConnectionBudget::Id id, std::shared_ptr<ByteStream> stream, std::shared_ptr<Context> context);

  Task<void> run();
  // Idle: closes now. Busy: finishes the response. Live: ends the stream.
  void stop();
  void close() { stream_->close(); }
  // Whether the peer came with this certificate (fingerprint in hex).
  bool is_of(std::string_view fingerprint) const;

 private:
  Task<bool> serve_one();  // false: close the connection
  Task<bool> answer_unreadable(Error error);
  Task<Response> respond(Request& request, const Route& route);
  Task<Result<void>> read_body(std::string& body, std::uint64_t limit);
  Task<bool> skip_rest_of_body();
  Task<void> stream_live(const Exchange& exchange, LiveBody body);
  Task<void> linger();
  void identify(Request& request);
  OpenExchanges::Ticket watch(const Request& request, const Route& route);
  void account_for(const Request& request, const Dispatcher::Admission& admission);
  std::chrono::milliseconds patience() const;

  enum class Phase : std::uint8_t { idle, busy, live };
  ConnectionBudget::Id id_;
  std::shared_ptr<ByteStream> stream_;
  std::shared_ptr<Context> context_;
  RequestReader reader_;
  ResponseWriter writer_;
  Phase phase_ = Phase::busy;
  bool stopping_ = false;
  bool unread_ = false;  // the peer may still be sending what nobody will read
  boost::asio::cancellation_signal end_of_live_;
};

}  // namespace argosy::server
