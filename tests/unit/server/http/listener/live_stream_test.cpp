#include <future>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "tests/unit/server/http/listener/test_server.hpp"

namespace argosy::server {
namespace {

// Gives "data: 0" to "data: 2" and then waits as a stream without news does.
struct Ticker {
  static Task<Result<std::string>> next(boost::asio::io_context& io, std::shared_ptr<int> sent) {
    if (*sent < 3) co_return "data: " + std::to_string((*sent)++) + "\n\n";
    boost::asio::steady_timer forever(io, std::chrono::hours(1));
    co_await forever.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    co_return std::string();
  }
};

class LiveStreamTest : public ServerTest {
 protected:
  std::shared_ptr<int> token = std::make_shared<int>();  // copies of it count the streams that are alive

  void SetUp() override {
    get("/stream", [this](Request&) { return open(io, token); });
    start();
  }
  static Task<Result<Response>> open(boost::asio::io_context& io, std::shared_ptr<int> token) {
    Response response;
    response.content_type = "text/event-stream";
    auto sent = std::make_shared<int>(0);
    response.body = LiveBody{[&io, sent, token] { return Ticker::next(io, sent); }};
    co_return response;
  }
  bool all_streams_end() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (server_connections() > 0) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }
  std::size_t server_connections() {
    return ask_on_its_thread([this] { return server->connections(); });
  }
};

// Two pieces, and then its end: a good one, or none.
struct Download {
  static Task<Result<std::string>> next(std::shared_ptr<int> sent, bool fails) {
    if (*sent < 2) co_return std::to_string((*sent)++);
    if (fails) co_return make_error(Errc::unavailable, "the database went away");
    co_return std::string();
  }
  static Task<Result<Response>> open(bool fails) {
    Response response;
    LiveBody body;
    body.ends_by_itself = true;
    body.next = [sent = std::make_shared<int>(0), fails] { return next(sent, fails); };
    response.body = std::move(body);
    co_return response;
  }
};

class DownloadTest : public ServerTest {
 protected:
  void SetUp() override {
    get("/whole", [](Request&) { return Download::open(false); });
    get("/part", [](Request&) { return Download::open(true); });
    start();
  }
  std::string body_of(const std::string& path) {
    Client one = client();
    one.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
    one.read_until("\r\n\r\n");
    return one.read_to_end();
  }
};

TEST_F(DownloadTest, EndsWithItsLastChunk) {
  EXPECT_EQ(body_of("/whole"), "1\r\n0\r\n1\r\n1\r\n0\r\n\r\n");
}

TEST_F(DownloadTest, ThatBreaksOffDoesNotLookWhole) {
  EXPECT_EQ(body_of("/part"), "1\r\n0\r\n1\r\n1\r\n");
}

TEST_F(LiveStreamTest, SendsEachPieceAsItComes) {
  Client one = client();
  one.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string head = one.read_until("\r\n\r\n");
  EXPECT_NE(head.find("Transfer-Encoding: chunked"), std::string::npos);
  EXPECT_NE(head.find("Content-Type: text/event-stream"), std::string::npos);
  EXPECT_EQ(one.read_until("data: 2\n\n\r\n"), "9\r\ndata: 0\n\n\r\n9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n");
}

TEST_F(LiveStreamTest, EndsWhenThePeerCloses) {
  Client one = client();
  one.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  one.read_until("data: 2\n\n\r\n");
  EXPECT_EQ(server_connections(), 1U);
  one.close();
  EXPECT_TRUE(all_streams_end());
}

TEST_F(LiveStreamTest, EndsWhenTheServerStops) {
  Client one = client();
  one.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  one.read_until("data: 2\n\n\r\n");
  stop(std::chrono::seconds(20));
  EXPECT_EQ(one.read_to_end(), "0\r\n\r\n");
}

}  // namespace
}  // namespace argosy::server
