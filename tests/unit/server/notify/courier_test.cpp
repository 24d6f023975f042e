// The courier against a real server on loopback.
#include "server/notify/courier.hpp"

#include <gtest/gtest.h>

#include "tests/support/loopback_http.hpp"
#include "tests/support/run_task.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

Courier::Options open_to(const char* networks, std::chrono::milliseconds timeout = 5s) {
  Courier::Options options;
  options.addresses = AddressRules::parse(networks).value();
  options.timeout = timeout;
  return options;
}

class CourierTest : public ::testing::Test {
 protected:
  Answered carry(Courier& courier, const std::string& url) {
    return test::run_task(io, courier.carry(HttpPost{url, {{"X-Of-A-Test", "yes"}}, "{}"}));
  }
  boost::asio::io_context io;
};

TEST_F(CourierTest, BringsAMessageAndTheAnswerBack) {
  const test::LoopbackHttp receiver([](const std::string&) { return test::HttpAnswer{202, "thanks"}; });
  Courier courier(io.get_executor(), open_to("127.0.0.0/8"));
  const Answered answered = carry(courier, receiver.url() + "/hook");
  EXPECT_EQ(answered.error, "");
  EXPECT_EQ(answered.status, 202);
  EXPECT_EQ(answered.body, "thanks");
  EXPECT_EQ(receiver.requests(), std::vector<std::string>{"POST /hook"});
}

TEST_F(CourierTest, ConnectsToNoAddressThatIsNotAllowedWhateverItIsCalled) {
  const test::LoopbackHttp receiver([](const std::string&) { return test::HttpAnswer{}; });
  const std::string port = receiver.url().substr(receiver.url().rfind(':'));
  Courier courier(io.get_executor(), open_to(""));
  for (const char* host :
       {"127.0.0.1", "localhost", "2130706433", "0x7f000001", "127.1", "[::ffff:127.0.0.1]", "0.0.0.0"}) {
    const Answered answered = carry(courier, std::string("http://") + host + port + "/");
    EXPECT_EQ(answered.status, 0) << host;
    EXPECT_NE(answered.error.find("notify.allowed_networks"), std::string::npos) << host << ": " << answered.error;
  }
  EXPECT_TRUE(receiver.requests().empty());
}

TEST_F(CourierTest, FollowsNoRedirect) {
  const test::LoopbackHttp receiver([](const std::string&) { return test::HttpAnswer{302, ""}; });
  Courier courier(io.get_executor(), open_to("127.0.0.0/8"));
  EXPECT_EQ(carry(courier, receiver.url()).status, 302);
  EXPECT_EQ(receiver.requests().size(), 1u);
}

TEST_F(CourierTest, AnEndlessAnswerIsBrokenOff) {
  const test::LoopbackHttp receiver([](const std::string&) {
    return test::HttpAnswer{200, std::string(1 << 20, 'x')};
  });
  Courier courier(io.get_executor(), open_to("127.0.0.0/8"));
  const Answered answered = carry(courier, receiver.url());
  EXPECT_NE(answered.error.find("longer than 65536 bytes"), std::string::npos) << answered.error;
  EXPECT_LE(answered.body.size(), 65536u);
}

TEST_F(CourierTest, AReceiverThatDoesNotAnswerHoldsUpNobody) {
  std::atomic<bool> go_on = false;
  const test::LoopbackHttp dead([&](const std::string&) {
    while (!go_on) std::this_thread::yield();
    return test::HttpAnswer{};
  });
  const test::LoopbackHttp well([](const std::string&) { return test::HttpAnswer{}; });
  Courier courier(io.get_executor(), open_to("127.0.0.0/8", 2s));
  std::optional<Answered> late;
  boost::asio::co_spawn(io, courier.carry(HttpPost{dead.url(), {}, "{}"}),
                        [&](std::exception_ptr, Answered answered) { late = std::move(answered); });
  EXPECT_EQ(carry(courier, well.url()).status, 200);
  EXPECT_FALSE(late);
  EXPECT_TRUE(test::run_until(io, [&] { return late.has_value(); }));
  EXPECT_NE(late->error, "");
  go_on = true;
}

TEST_F(CourierTest, KnowsNoOtherSchemes) {
  Courier courier(io.get_executor(), open_to("0.0.0.0/0"));
  for (const char* url : {"file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/"})
    EXPECT_NE(carry(courier, url).error, "") << url;
}

TEST_F(CourierTest, GoesWhileMessagesAreUnderWay) {
  std::atomic<bool> go_on = false;
  const test::LoopbackHttp dead([&](const std::string&) {
    while (!go_on) std::this_thread::yield();
    return test::HttpAnswer{};
  });
  {
    Courier courier(io.get_executor(), open_to("127.0.0.0/8"));
    boost::asio::co_spawn(io, courier.carry(HttpPost{dead.url(), {}, "{}"}),
                          [](std::exception_ptr, const Answered&) {});
    test::run_until(io, [&] { return !dead.requests().empty(); });
  }
  go_on = true;
}

}  // namespace
}  // namespace argosy::server
