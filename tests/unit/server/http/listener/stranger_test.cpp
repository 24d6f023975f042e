// What a listener lets strangers do to those who have signed, and to each other.
#include <deque>
#include <thread>

#include "server/access/permission.hpp"
#include "server/access/role.hpp"
#include "server/http/http_server.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"
#include "tests/unit/server/http/listener/test_server.hpp"

namespace argosy::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Task<Result<Response>> name_of_caller(Request& request) {
  co_return Response::json("\"" + request.principal.actor() + "\"");
}
Task<Result<Response>> size_of_body(Request& request) {
  co_return Response::json(std::to_string(request.body.size()));
}
Task<Result<Principal>> by_header(const Request& request) {
  const auto name = request.header("x-name");
  if (!name) co_return Principal{};
  if (*name == "mallory") co_return make_error(Errc::unauthenticated, "not you");
  co_return Principal{Principal::Kind::user, std::string(*name), Role::admin};
}

class StrangerTest : public ServerTest {
 protected:
  void SetUp() override {
    get("/hello", name_of_caller, Permission::read_fleet);
    get("/open", name_of_caller);
    router.add({.method = Method::post,
                .path = "/echo",
                .permission = open_to_everybody,
                .handler = size_of_body,
                .body_limit = 2'000'000});
    router.add(
        {.method = Method::post, .path = "/signed", .permission = Permission::read_fleet, .handler = size_of_body});
    authenticate = [](const Request& request) { return by_header(request); };
    options.limits.timeouts = {.idle = seconds(20),
                               .stranger = seconds(20),
                               .header = seconds(20),
                               .transfer = seconds(20),
                               .unsigned_request = seconds(20),
                               .body = {.grace = seconds(20), .bytes_per_s = 1000}};
  }
  static std::string request(const std::string& method, const std::string& target, const std::string& headers) {
    return method + " " + target + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n";
  }
  static std::string as(const std::string& name) { return request("GET", "/hello", "X-Name: " + name + "\r\n"); }

  // The status of the answer to a peer that sends one byte after the other; 0 where the server hangs up.
  static int status_while_dripping(Client& peer, int bytes) {
    const std::jthread dripping([&peer, bytes] {
      for (int sent = 0; sent < bytes && peer.send("a"); ++sent) {
      }
    });
    return peer.read_reply().status;
  }
};

TEST_F(StrangerTest, HalfRequestsFromOneAddressShutNobodyOut) {
  options.connections = {.connections = 40, .unsigned_per_address = 10, .per_peer = 4, .reserve = 10};
  start();
  Client signed_in = client();
  signed_in.send(as("ada"));
  EXPECT_EQ(signed_in.read_reply().status, 200);
  std::deque<Client> half;
  for (int i = 0; i < 200; ++i) {
    half.emplace_back(server->port());
    half.back().send("GET /hel");
    if (i % 20 != 0) continue;
    Client newcomer = client();
    newcomer.send(as("bob"));
    EXPECT_EQ(newcomer.read_reply().status, 200) << "after " << i << " half requests";
    signed_in.send(as("ada"));
    EXPECT_EQ(signed_in.read_reply().status, 200) << "after " << i << " half requests";
  }
  EXPECT_LE(ask_on_its_thread([this] { return server->strangers(); }), 10U);
  EXPECT_GT(ask_on_its_thread([this] { return server->counters().evicted; }), 100U);
}

TEST_F(StrangerTest, APeersOldestConnectionGivesWayToItsNewest) {
  options.connections = {.connections = 40, .unsigned_per_address = 10, .per_peer = 2, .reserve = 10};
  start();
  std::deque<Client> mine;
  for (int i = 0; i < 3; ++i) {
    mine.emplace_back(server->port());
    mine.back().send(as("ada"));
    EXPECT_EQ(mine.back().read_reply().status, 200);
  }
  EXPECT_EQ(mine.front().read_to_end(), "");
  mine.back().send(as("ada"));
  EXPECT_EQ(mine.back().read_reply().status, 200);
}

TEST_F(StrangerTest, WhoWasRefusedCountsAsAStranger) {
  start();
  Client one = client();
  one.send(as("ada"));
  EXPECT_EQ(one.read_reply().status, 200);
  EXPECT_EQ(ask_on_its_thread([this] { return server->strangers(); }), 0U);
  one.send(as("mallory"));
  EXPECT_EQ(one.read_reply().status, 401);
  EXPECT_EQ(server->strangers(), 1U);
}

TEST_F(StrangerTest, ABodyThatDripsIsLetGoEvenOfOneWhoSigned) {
  options.limits.timeouts.body = {.grace = milliseconds(200), .bytes_per_s = 100'000'000};
  start();
  Client slow = client();
  slow.send(request("POST", "/signed", "X-Name: ada\r\nContent-Length: 1000000\r\n"));
  EXPECT_NE(status_while_dripping(slow, 1'000'000), 200);
}

TEST_F(StrangerTest, ARequestThatNobodySignsEndsHoweverItDrips) {
  options.limits.timeouts.unsigned_request = milliseconds(200);
  start();
  Client slow = client();
  slow.send(request("POST", "/echo", "Content-Length: 1000000\r\n"));
  EXPECT_NE(status_while_dripping(slow, 1'000'000), 200);
}

TEST_F(StrangerTest, AHeaderThatDripsIsLetGo) {
  options.limits.timeouts.header = milliseconds(200);
  options.limits.header_bytes = 1 << 20;
  start();
  Client slow = client();
  slow.send("GET /open HTTP/1.1\r\nHost: x\r\nX-Filler: ");
  EXPECT_EQ(status_while_dripping(slow, 900'000), 0);
}

TEST_F(StrangerTest, SilenceBeforeTheFirstRequestIsNotLong) {
  options.limits.timeouts.stranger = milliseconds(100);
  start();
  EXPECT_EQ(client().read_to_end(), "");
}

TEST_F(StrangerTest, WhoHasSignedMayRestBetweenRequests) {
  options.limits.timeouts.stranger = milliseconds(1);
  start();
  Client one = client();
  one.send(as("ada") + as("ada"));
  EXPECT_EQ(one.read_reply().status, 200);
  EXPECT_EQ(one.read_reply().status, 200);
}

}  // namespace
}  // namespace argosy::server
