#include "agent/link/local_http.hpp"

#include <thread>

#include <gtest/gtest.h>

#include "tests/support/loopback_http.hpp"

namespace argosy::agent {
namespace {

using argosy::test::HttpAnswer;
using argosy::test::LoopbackHttp;

HttpCall get(const std::string& url) {
  HttpCall call;
  call.url = url;
  return call;
}

TEST(LocalHttp, AnyStatusIsAnAnswer) {
  LoopbackHttp server([](const std::string& request) { return HttpAnswer{503, "busy: " + request}; });
  HttpCall call = get(server.url() + "/v2/repository/models/m/load");
  call.method = "POST";
  const auto reply = LocalHttp().send(call);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->status, 503);
  EXPECT_EQ(reply->body, "busy: POST /v2/repository/models/m/load");
  EXPECT_EQ(LocalHttp().send(get(server.url()))->body, "busy: GET /");
}

TEST(LocalHttp, LargerAnswersThanAskedForAreRefused) {
  LoopbackHttp server([](const std::string&) { return HttpAnswer{200, std::string(2000, 'x')}; });
  HttpCall call = get(server.url());
  call.response_limit = 1000;
  EXPECT_EQ(LocalHttp().send(call).error().code, Errc::too_large);
}

TEST(LocalHttp, NobodyThereIsSaidWithTheAddress) {
  const auto reply = LocalHttp().send(get("http://127.0.0.1:1/metrics"));
  EXPECT_EQ(reply.error().code, Errc::unavailable);
  EXPECT_NE(reply.error().message.find("GET http://127.0.0.1:1/metrics"), std::string::npos);
}

TEST(LocalHttp, SlowAnswersEndInTime) {
  std::atomic<bool> over = false;
  LoopbackHttp server([&](const std::string&) {
    while (!over) std::this_thread::yield();
    return HttpAnswer{200, ""};
  });
  HttpCall call = get(server.url());
  call.time_limit = Duration{50};
  const auto reply = LocalHttp().send(call);
  over = true;
  EXPECT_EQ(reply.error().code, Errc::timeout);
}

TEST(LocalHttp, StopEndsWhatRuns) {
  std::atomic<bool> over = false;
  LocalHttp http;
  LoopbackHttp server([&](const std::string&) {
    http.stop();
    while (!over) std::this_thread::yield();
    return HttpAnswer{200, ""};
  });
  HttpCall call = get(server.url());
  call.time_limit = std::chrono::minutes(10);
  const auto reply = http.send(call);
  over = true;
  EXPECT_EQ(reply.error().code, Errc::cancelled);
}

}  // namespace
}  // namespace argosy::agent
