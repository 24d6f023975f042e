#include "server/http/http_server.hpp"

#include <nlohmann/json.hpp>

#include "common/json/json_reader.hpp"
#include "server/access/permission.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"
#include "tests/unit/server/http/listener/test_server.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

Task<Result<Response>> echo(Request& request) {
  co_return Response::json(request.body);
}
Task<Result<Response>> hello(Request& request) {
  co_return Response::json("\"hello " + std::string(request.param("name")) + "\"");
}
Task<Result<Response>> fail(Request&) {
  co_return make_error(Errc::internal, "secret database words");
}
Task<Result<Response>> throw_something(Request&) {
  throw std::runtime_error("boom");
  co_return Response::no_content();
}
Task<Result<Response>> needs_json(Request& request) {
  ARGOSY_CO_TRY(auto body, JsonReader::parse(request.body));
  co_return Response::no_content();
}
// Counts a streamed body without keeping it.
Task<Result<Response>> count_bytes(Request& request) {
  std::vector<std::uint8_t> piece(1000);
  std::uint64_t total = 0;
  for (;;) {
    auto count = co_await request.stream->read(piece.data(), piece.size());
    if (!count) co_return std::move(count).error();
    if (*count == 0) break;
    total += *count;
  }
  co_return Response::json(std::to_string(total), 201);
}

class HttpServerTest : public ServerTest {
 protected:
  void SetUp() override {
    get("/hello/{name}", hello);
    get("/fail", fail);
    get("/throw", throw_something);
    get("/people", hello, Permission::read_fleet);
    router.add({.method = Method::post,
                .path = "/echo",
                .permission = open_to_everybody,
                .handler = echo,
                .body_limit = 1000});
    router.add({.method = Method::post, .path = "/json", .permission = open_to_everybody, .handler = needs_json});
    router.add({.method = Method::put,
                .path = "/count",
                .permission = open_to_everybody,
                .handler = count_bytes,
                .streaming = true});
    options.limits.timeouts = {.idle = std::chrono::seconds(5),
                               .header = std::chrono::milliseconds(300),
                               .transfer = std::chrono::milliseconds(300)};
    start();
  }
  static std::string slug_of(const Reply& reply) {
    EXPECT_EQ(reply.headers.at("Content-Type"), "application/problem+json");
    const std::string type = json::parse(reply.body).at("type");
    return type.substr(type.rfind('/') + 1);
  }
};

TEST_F(HttpServerTest, AnswersOneRequestAfterAnotherOnOneConnection) {
  Client one = client();
  for (const char* name : {"ada", "bob"}) {
    one.send("GET /hello/" + std::string(name) + " HTTP/1.1\r\nHost: x\r\n\r\n");
    const Reply reply = one.read_reply();
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, "\"hello " + std::string(name) + "\"");
    EXPECT_EQ(reply.headers.at("X-Content-Type-Options"), "nosniff");
    EXPECT_FALSE(reply.headers.at("X-Request-Id").empty());
  }
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  Client one = client();
  one.send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1"
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n2\r\n1\r\n3\r\n0\r\n\r\n"
      "GET /hello/x HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(one.read_reply().body, "1");
  EXPECT_EQ(one.read_reply().body, "23");
  EXPECT_EQ(one.read_reply().body, "\"hello x\"");
}

TEST_F(HttpServerTest, NotFoundAndWrongMethodAreProblems) {
  EXPECT_EQ(slug_of(ask_get("/nothing")), "not-found");
  const Reply wrong = ask("DELETE /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.at("Allow"), "POST");
  EXPECT_EQ(slug_of(wrong), "method-not-allowed");
}

TEST_F(HttpServerTest, MalformedJsonIsNamed) {
  const Reply reply = ask("POST /json HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\n{\"a\":");
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(slug_of(reply), "malformed-json");
}

TEST_F(HttpServerTest, FailuresStayInsideButNameTheRequest) {
  for (const char* path : {"/fail", "/throw"}) {
    const Reply reply = ask_get(path);
    EXPECT_EQ(reply.status, 500);
    EXPECT_EQ(reply.body.find("secret"), std::string::npos);
    EXPECT_NE(reply.body.find(reply.headers.at("X-Request-Id")), std::string::npos);
  }
}

TEST_F(HttpServerTest, AnonymousCallersAreToldToSignIn) {
  const Reply reply = ask_get("/people");
  EXPECT_EQ(reply.status, 401);
  EXPECT_EQ(slug_of(reply), "unauthenticated");
}

TEST_F(HttpServerTest, WithoutAPolicyOnlyWhatIsOpenIsServed) {
  const auto refused = Dispatcher::nobody_may(Permission::read_fleet, {Principal::Kind::user, "ada"});
  EXPECT_EQ(refused.error().code, Errc::unauthenticated);
}

TEST_F(HttpServerTest, ATenMegabyteHeaderIsRefusedClearly) {
  Client one = client();
  one.send("GET / HTTP/1.1\r\nHost: x\r\nX-Large: ");
  const std::string piece(64 * 1024, 'a');
  for (int i = 0; i < 160; ++i) ASSERT_TRUE(one.send(piece)) << "the server must read on, or the answer is lost";
  const Reply reply = parse_reply(one.read_to_end());
  EXPECT_EQ(reply.status, 431);
  EXPECT_EQ(slug_of(reply), "headers-too-large");
  EXPECT_EQ(ask_get("/hello/again").status, 200);
}

TEST_F(HttpServerTest, ABodyOverTheLimitIsRefusedBeforeItIsSent) {
  Client one = client();
  one.send("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n");
  const Reply reply = parse_reply(one.read_to_end());
  EXPECT_EQ(reply.status, 413);
  EXPECT_EQ(slug_of(reply), "too-large");
}

TEST_F(HttpServerTest, AChunkedBodyOverTheLimitIsRefused) {
  Client one = client();
  one.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "1f4\r\n" + std::string(500, 'a') + "\r\n";
  for (int i = 0; i < 100; ++i) one.send(chunk);
  one.send("0\r\n\r\n");
  EXPECT_EQ(parse_reply(one.read_to_end()).status, 413);
}

TEST_F(HttpServerTest, StreamsALargeBody) {
  Client one = client();
  const std::size_t size = 5'000'000;
  one.send("PUT /count HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
           std::string(size, 'b'));
  const Reply reply = one.read_reply();
  EXPECT_EQ(reply.status, 201);
  EXPECT_EQ(reply.body, std::to_string(size));
  one.send("GET /hello/next HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(one.read_reply().status, 200);
}

TEST_F(HttpServerTest, SendsContinueOnlyWhenTheBodyIsWanted) {
  Client one = client();
  one.send("PUT /count HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(one.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  one.send("abc");
  EXPECT_EQ(one.read_reply().body, "3");
  one.send("PUT /nothing HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(one.read_reply().status, 404);
}

TEST_F(HttpServerTest, ATruncatedUploadIsToldSo) {
  Client one = client();
  one.send("PUT /count HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nonly this");
  one.end_writing();
  const Reply reply = parse_reply(one.read_to_end());
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(slug_of(reply), "truncated");
}

TEST_F(HttpServerTest, SlowClientsAreLetGo) {
  Client in_header = client();
  in_header.send("GET /hello/x HTT");
  Client in_body = client();
  in_body.send("PUT /count HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
  EXPECT_EQ(in_header.read_to_end(), "");
  EXPECT_EQ(in_body.read_to_end(), "");
}

TEST_F(HttpServerTest, WhatIsNoHttpIsRefused) {
  for (const char* text : {"hello\r\n\r\n", "GET /hello/x HTTP/1.1\r\n\r\n", "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
                           "GET /a%00b HTTP/1.1\r\nHost: x\r\n\r\n", "BREW / HTTP/1.1\r\nHost: x\r\n\r\n",
                           "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
                           "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na",
                           "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "* / HTTP/1.1\r\n\r\n"}) {
    EXPECT_EQ(ask(text).status, 400) << text;
  }
}

TEST_F(HttpServerTest, OldClientsGetOneAnswerAndTheEnd) {
  Client one = client();
  one.send("GET /hello/x HTTP/1.0\r\n\r\n");
  const Reply reply = parse_reply(one.read_to_end());
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.at("Connection"), "close");
  EXPECT_EQ(reply.body, "\"hello x\"");
}

TEST_F(HttpServerTest, HeadHasTheLengthButNoBody) {
  const Reply reply = ask("HEAD /hello/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.at("Content-Length"), "9");
  EXPECT_EQ(reply.body, "");
}

TEST_F(HttpServerTest, StoppingEndsIdleConnectionsAtOnce) {
  Client idle = client();
  idle.send("GET /hello/x HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(idle.read_reply().status, 200);
  const auto before = std::chrono::steady_clock::now();
  stop(std::chrono::seconds(20));
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(10));
  EXPECT_EQ(idle.read_to_end(), "");
}

TEST_F(HttpServerTest, CountsRequestsByRoute) {
  ask_get("/hello/x");
  EXPECT_NE(
      metrics.text().find("argosy_http_requests_total{listener=\"operator\",route=\"/hello/{name}\",method=\"GET\","
                          "status=\"200\"} 1"),
      std::string::npos)
      << metrics.text();
}

class SmallServerTest : public ServerTest {};

TEST_F(SmallServerTest, ATakenPortIsNamed) {
  start();
  HttpServer::Options same = options;
  same.port = server->port();
  HttpServer second(io.get_executor(), same, Dispatcher({.listener = "x", .authenticate = {}, .around = {}}), *workers);
  EXPECT_EQ(second.start().error().code, Errc::conflict);
}

}  // namespace
}  // namespace argosy::server
