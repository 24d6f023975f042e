#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include "tests/integration/server/app/server_fixture.hpp"

namespace argosy::server {
namespace {

using RolesTest = ServerFixture;

// The path with something in its placeholders that does not exist.
std::string concrete(std::string path) {
  for (std::size_t open = path.find('{'); open != std::string::npos; open = path.find('{')) {
    path.replace(open, path.find('}') - open + 1, "987654321");
  }
  return path;
}

int expected_refusal(const Route& route, const std::optional<Role>& role) {
  if (route.access == Access::open) return 0;
  if (!role) return 401;
  return allows(route.access, {Principal::Kind::token, "t", *role}) ? 0 : 403;
}

// A token has no password: refused by the handler, whatever the role.
bool refuses_tokens(const Route& route) {
  return route.path == "/api/v1/me/password";
}

TEST_F(RolesTest, EveryRouteAsksForItsRole) {
  RunningServer server(database, folder);
  std::vector<std::pair<std::optional<Role>, std::string>> callers{{std::nullopt, ""}};
  for (const Role role : {Role::viewer, Role::publisher, Role::operator_, Role::admin}) {
    callers.emplace_back(role, token(std::string(to_string(role))));
  }
  int checked = 0;
  for (const Route& route : server->operator_routes().routes()) {
    if (refuses_tokens(route)) continue;
    for (const auto& [role, secret] : callers) {
      const auto reply =
          ask(server->operator_port(), std::string(to_string(route.method)), concrete(route.path), secret, "{}");
      const int refusal = expected_refusal(route, role);
      const std::string what = std::string(to_string(route.method)) + " " + route.path + " as " +
                               (role ? std::string(to_string(*role)) : "nobody");
      if (refusal != 0) {
        EXPECT_EQ(reply.status, refusal) << what;
      } else if (route.access != Access::open) {  // 401 is also how a sign-in answers that fails
        EXPECT_TRUE(reply.status != 401 && reply.status != 403) << what << " " << reply.status;
      }
      EXPECT_NE(reply.status, 500) << what << "\n" << reply.body;
      EXPECT_NE(reply.status, 0) << what;
      ++checked;
    }
  }
  EXPECT_GT(checked, 200);
}

TEST_F(RolesTest, DeviceRoutesAskForACertificate) {
  RunningServer server(database, folder);
  boost::asio::ssl::context context(boost::asio::ssl::context::tls_client);
  context.load_verify_file(folder.path() / "pki" / "ca.pem");
  context.set_verify_mode(boost::asio::ssl::verify_peer);
  for (const Route& route : server->device_routes().routes()) {
    boost::asio::io_context io;
    boost::asio::ssl::stream<boost::asio::ip::tcp::socket> stream(io, context);
    stream.next_layer().connect({boost::asio::ip::address_v4::loopback(), server->device_port()});
    stream.handshake(boost::asio::ssl::stream_base::client);
    boost::asio::write(stream,
                       boost::asio::buffer(std::string(to_string(route.method)) + " " + concrete(route.path) +
                                           " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer " +
                                           token("admin") + "\r\nContent-Length: 2\r\n\r\n{}"));
    std::string text;
    boost::system::error_code end;
    boost::asio::read(stream, boost::asio::dynamic_buffer(text), end);
    EXPECT_EQ(test::parse_reply(text).status, route.access == Access::open ? 400 : 401) << route.path << "\n" << text;
    database.exec("delete from api_tokens");
  }
}

}  // namespace
}  // namespace argosy::server
