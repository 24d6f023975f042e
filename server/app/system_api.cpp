#include "server/app/system_api.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

#include "common/base/embedded.hpp"
#include "server/access/permission.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"

namespace argosy {
std::span<const EmbeddedFile> embedded_api();
}

namespace argosy::server {
namespace {

using nlohmann::json;

Task<Result<Response>> livez(Request&) {
  co_return Response::json(R"({"status":"alive"})");
}

constexpr std::chrono::seconds ready_within{3};

// One question to the database at a time, however many ask; one that stands still holds up nobody for longer than
// `ready_within`. On the I/O thread.
struct DatabaseProbe {
  explicit DatabaseProbe(DbPool& pool) : db(pool) {}

  struct Question {
    explicit Question(const boost::asio::any_io_executor& io) : answered(io, ready_within) {}
    boost::asio::steady_timer answered;  // expires where there is no answer
    std::optional<Result<void>> answer = {};
  };
  DbPool& db;
  std::shared_ptr<Question> question = {};  // under way

  static Task<void> ask(std::shared_ptr<DatabaseProbe> probe, std::shared_ptr<Question> question) {
    question->answer = co_await probe->db.ping();
    question->answered.cancel();
    probe->question.reset();
  }

  static Task<Result<void>> answer(std::shared_ptr<DatabaseProbe> probe) {
    const auto io = co_await boost::asio::this_coro::executor;
    auto question = probe->question;
    if (!question) {
      question = std::make_shared<Question>(io);
      probe->question = question;
      boost::asio::co_spawn(io, ask(probe, question), boost::asio::detached);  // which may be answered at once
    }
    boost::system::error_code ended;
    if (!question->answer)
      co_await question->answered.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ended));
    if (question->answer) co_return *question->answer;
    co_return make_error(Errc::unavailable, "for " + std::to_string(ready_within.count()) + " s or longer");
  }
};

Task<Result<Response>> readyz(std::shared_ptr<DatabaseProbe> probe, std::function<SystemStatus()> status) {
  const auto pong = co_await DatabaseProbe::answer(probe);
  if (!pong) co_return make_error(Errc::unavailable, "the database does not answer: " + pong.error().message);
  const SystemStatus now = status();
  const json answer = {{"status", "ready"},
                       {"version", ARGOSY_VERSION},
                       {"leading", now.leading},
                       {"mqtt", now.mqtt_connected},
                       {"revocations_waiting", now.revocations.waiting}};
  co_return Response::json(answer.dump());
}

Task<Result<Response>> metrics_text(Metrics& metrics) {
  co_return Response::prometheus(metrics.text());
}

Task<Result<Response>> openapi(Request&) {
  Response response = Response::json(std::string(openapi_document()));
  response.headers.emplace_back("Cache-Control", "no-cache");
  co_return response;
}

void add_open(Router& router, std::string path, Handler handler) {
  router.add(
      {.method = Method::get, .path = std::move(path), .permission = Permission::open, .handler = std::move(handler)});
}

}  // namespace

std::string_view openapi_document() {
  return embedded_api().front().content;
}

void add_system_routes(Router& router, DbPool& db, std::function<SystemStatus()> status) {
  add_open(router, "/livez", livez);
  const auto probe = std::make_shared<DatabaseProbe>(db);
  add_open(router, "/readyz", [probe, status](Request&) { return readyz(probe, status); });
  add_open(router, "/api/v1/openapi.json", openapi);
}

void add_metrics_route(Router& router, Metrics& metrics) {
  add_open(router, "/metrics", [&metrics](Request&) { return metrics_text(metrics); });
}

}  // namespace argosy::server
