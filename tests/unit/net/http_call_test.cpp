#include "net/http_call.hpp"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

#include "common/base/file.hpp"
#include "tests/support/loopback_http.hpp"

namespace argosy::net {
namespace {

using argosy::test::HttpAnswer;
using argosy::test::LoopbackHttp;

HttpServer at(const LoopbackHttp& server) {
  return {parse_server_url(server.url()).value(), ""};
}

TEST(CallHttp, AnyStatusIsAnAnswer) {
  LoopbackHttp server([](const std::string& request) { return HttpAnswer{503, "busy: " + request}; });
  const auto answer = call_http(at(server), {"POST", "/api/v1/models", {}, "{}"}, "test");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->head.status, 503);
  EXPECT_EQ(answer->body, "busy: POST /api/v1/models");
}

TEST(CallHttp, TheAnswersBodyIsLimited) {
  LoopbackHttp server([](const std::string&) { return HttpAnswer{200, std::string(2000, 'x')}; });
  HttpRequest request{"GET", "/", {}, ""};
  request.response_limit = 1000;
  EXPECT_EQ(call_http(at(server), request, "test").error().code, Errc::too_large);
}

TEST(CallHttp, NobodyThereIsSaidWithTheAddress) {
  const auto answer = call_http({parse_server_url("http://127.0.0.1:1").value(), ""}, {"GET", "/", {}, ""}, "test");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::unavailable);
  EXPECT_NE(answer.error().message.find("http://127.0.0.1:1"), std::string::npos);
}

TEST(CallHttp, WhoSaysNothingIsGivenUp) {
  std::atomic<bool> over = false;
  LoopbackHttp server([&](const std::string&) {
    while (!over) std::this_thread::yield();
    return HttpAnswer{200, ""};
  });
  HttpRequest request{"GET", "/", {}, ""};
  request.time_limit = Duration{50};
  const auto answer = call_http(at(server), request, "test");
  over = true;
  EXPECT_EQ(answer.error().code, Errc::timeout);
}

TEST(CallHttp, AnUploadTellsHowFarItIs) {
  const std::string file = testing::TempDir() + "argosy_upload_" + std::to_string(::getpid());
  ASSERT_TRUE(write_file_atomically(file, std::string(300, 'u')));
  LoopbackHttp server([](const std::string& request) { return HttpAnswer{201, request}; });
  std::uint64_t sent = 0;
  const Upload upload{file, [&](std::uint64_t bytes) { sent = bytes; }};
  const auto answer = call_http(at(server), {"PUT", "/blobs/1", {}, ""}, "test", upload);
  ::unlink(file.c_str());
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "PUT /blobs/1");
  EXPECT_GT(sent, 300U);
}

TEST(CallHttp, AServerWithoutTlsIsNotBelieved) {
  LoopbackHttp server([](const std::string&) { return HttpAnswer{200, ""}; });
  HttpServer secure = at(server);
  secure.url.tls = true;
  HttpRequest request{"GET", "/", {}, ""};
  request.time_limit = Duration{200};
  EXPECT_FALSE(call_http(secure, request, "test"));
  secure.ca_file = "/no/such/ca.pem";
  EXPECT_EQ(call_http(secure, request, "test").error().code, Errc::invalid_argument);
}

}  // namespace
}  // namespace argosy::net
