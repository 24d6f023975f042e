// What goes on under a right ends with it, on the instance that ended it and on every other.
#include "tests/integration/server/app/server_fixture.hpp"

namespace argosy::server {
namespace {

class AuthorityTest : public ServerFixture {
 protected:
  static std::string head(const std::string& path, const std::string& secret) {
    return "GET " + path + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + secret + "\r\n\r\n";
  }
  // A stream that is open, and has been greeted.
  static std::unique_ptr<test::Client> open_stream(std::uint16_t port, const std::string& headers) {
    auto client = std::make_unique<test::Client>(port);
    client->send("GET /api/v1/stream?scope=overview HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n");
    EXPECT_NE(client->read_until("retry: 2000").find(" 200 "), std::string::npos);
    return client;
  }
  static std::string bearer(const std::string& secret) { return "Authorization: Bearer " + secret + "\r\n"; }
  // Reads on until the server ends the stream; the test's own time limit ends one that goes on.
  static void expect_end(test::Client& client) { client.read_to_end(); }
  std::string made_token(const std::string& maker) {
    const std::string secret = "argosy_of_" + maker;
    database.exec("insert into users (name, role) values ('" + maker + "', 'admin')");
    database.exec(
        "insert into api_tokens (name, role, token_hash, created_by, maker_id) select 'ci', 'viewer', decode('" +
        sha256(as_bytes(secret)).to_hex() + "', 'hex'), 'user:' || name, id from users where name = '" + maker + "'");
    return secret;
  }
  std::string id_of(const std::string& table, const std::string& name) {
    return database.value<std::string>("select id from " + table + " where name = '" + name + "'");
  }
};

TEST_F(AuthorityTest, ARevokedTokensStreamEndsHereAndOnTheOtherInstance) {
  RunningServer here(database, folder), there(database, folder);
  const std::string admin = token("admin"), viewer = token("viewer");
  const auto on_this = open_stream(here->operator_port(), bearer(viewer));
  const auto on_that = open_stream(there->operator_port(), bearer(viewer));
  const auto of_another = open_stream(there->operator_port(), bearer(admin));
  EXPECT_EQ(ask(here->operator_port(), "DELETE", "/api/v1/tokens/" + id_of("api_tokens", "viewer"), admin).status, 204);
  expect_end(*on_this);
  expect_end(*on_that);
  EXPECT_EQ(ask(there->operator_port(), "GET", "/api/v1/me", viewer).status, 401);
  EXPECT_TRUE(of_another->send("x")) << "it goes on";
}

TEST_F(AuthorityTest, TheStreamsOfADisabledPersonsTokensAndSessionsEnd) {
  RunningServer here(database, folder), there(database, folder);
  const std::string admin = token("admin"), of_ada = made_token("ada");
  database.exec(
      "insert into sessions (token_hash, user_id, csrf, expires_at) select sha256('secret'), id, 'c', now() + "
      "interval '1 hour' from users where name = 'ada'");
  database.exec("insert into users (name, role) values ('root', 'admin')");
  const auto by_token = open_stream(there->operator_port(), bearer(of_ada));
  const auto by_session = open_stream(there->operator_port(), "Cookie: argosy_session=secret\r\n");
  EXPECT_EQ(ask(here->operator_port(), "PATCH", "/api/v1/users/" + id_of("users", "ada"), admin, "{\"disabled\":true}")
                .status,
            200);
  expect_end(*by_token);
  expect_end(*by_session);
}

TEST_F(AuthorityTest, ARightThatIsEndedByHandInTheDatabaseEndsTheStream) {
  RunningServer server(database, folder);
  const auto stream = open_stream(server->operator_port(), bearer(token("viewer")));
  database.exec("update api_tokens set revoked_at = now()");
  expect_end(*stream);
}

TEST_F(AuthorityTest, WhatHappenedWhileTheDatabaseWasAwayIsMadeUpFor) {
  RunningServer server(database, folder);
  const auto stream = open_stream(server->operator_port(), bearer(token("viewer")));
  database.exec("alter table api_tokens disable trigger tokens_end");  // as if the news had been missed
  database.exec("update api_tokens set revoked_at = now()");
  database.disconnect_others();
  expect_end(*stream);
}

TEST_F(AuthorityTest, ARunningDownloadEnds) {
  RunningServer server(database, folder);
  const std::string secret = token("viewer");
  const std::string content(64U << 20, 'x');
  const std::string digest = sha256(as_bytes(content)).to_hex();
  const std::string publisher = token("publisher");
  test::Client upload(server->operator_port());
  upload.send("PUT /api/v1/blobs/" + digest + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + publisher +
              "\r\nContent-Length: " + std::to_string(content.size()) + "\r\n\r\n" + content);
  ASSERT_LT(upload.read_reply().status, 300);
  test::Client download(server->operator_port());
  download.send(head("/api/v1/blobs/" + digest, secret));
  download.read_until("\r\n\r\n");  // and no more: the rest does not fit the sockets' buffers
  database.exec("update api_tokens set revoked_at = now() where name = 'viewer'");
  EXPECT_LT(download.read_to_end().size(), content.size());
}

TEST_F(AuthorityTest, ARequestWhoseBodyOutlivesItsRightIsRefused) {
  RunningServer server(database, folder);
  const std::string secret = token("publisher");
  test::Client client(server->operator_port());
  client.send("POST /api/v1/models HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + secret +
              "\r\nContent-Length: 12\r\n\r\n{\"name\":");
  ASSERT_EQ(ask(server->operator_port(), "GET", "/api/v1/me", secret).status, 200);
  database.exec("update api_tokens set revoked_at = now()");
  const Instant late = wall_clock_now() + Duration(150);  // longer than an admission is good for
  while (wall_clock_now() < late) EXPECT_EQ(ask(server->operator_port(), "GET", "/api/v1/me", secret).status, 401);
  client.send("\"m\"}");
  EXPECT_EQ(client.read_reply().status, 401);
  EXPECT_EQ(database.value<int>("select count(*) from models"), 0);
}

TEST_F(AuthorityTest, SigningOutEverywhereEndsTheStream) {
  RunningServer server(database, folder);
  made_token("ada");
  database.exec(
      "insert into sessions (token_hash, user_id, csrf, expires_at) select sha256('secret'), id, 'c', now() + "
      "interval '1 hour' from users where name = 'ada'");
  const auto stream = open_stream(server->operator_port(), "Cookie: argosy_session=secret\r\n");
  test::Client client(server->operator_port());
  client.send(
      "DELETE /api/v1/me/sessions HTTP/1.1\r\nHost: x\r\nCookie: argosy_session=secret\r\nX-CSRF-Token: "
      "c\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(client.read_reply().status, 204);
  expect_end(*stream);
}

}  // namespace
}  // namespace argosy::server
