// Who may call what, written down here and nowhere read from: each endpoint of both listeners, each kind of caller. The
// routes must ask for the same; api_document_test.cpp compares the routes with the API document.
#include <map>
#include <set>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include "common/base/file.hpp"
#include "common/crypto/certificates.hpp"
#include "common/crypto/keys.hpp"
#include "server/access/policy.hpp"
#include "server/http/router.hpp"
#include "tests/integration/server/app/server_fixture.hpp"

namespace argosy::server {
namespace {

// n: nobody in particular; v, p, o, a: viewer, publisher, operator, admin; d: a device with its certificate.
struct Endpoint {
  const char* operation;
  const char* admitted;
  bool people_alone = false;  // a token of the same role is refused
};
const std::vector<Endpoint> operators_table{
    {"GET /livez", "nvpoa"},
    {"GET /readyz", "nvpoa"},
    {"GET /metrics", "nvpoa"},
    {"GET /metrics/fleet", "nvpoa"},
    {"GET /api/v1/openapi.json", "nvpoa"},
    {"POST /api/v1/login", "nvpoa"},
    {"POST /api/v1/login/link", "nvpoa"},
    {"POST /api/v1/logout", "vpoa"},
    {"GET /api/v1/me", "vpoa"},
    {"DELETE /api/v1/me/sessions", "vpoa", true},
    {"PUT /api/v1/me/password", "vpoa", true},
    {"GET /api/v1/users", "a"},
    {"POST /api/v1/users", "a"},
    {"PATCH /api/v1/users/{id}", "a"},
    {"GET /api/v1/tokens", "a"},
    {"POST /api/v1/tokens", "a"},
    {"DELETE /api/v1/tokens/{id}", "a"},
    {"GET /api/v1/audit", "a"},
    {"GET /api/v1/audit/head", "a"},
    {"GET /api/v1/audit/verify", "a"},
    {"GET /api/v1/claims", "a"},
    {"POST /api/v1/claims", "a"},
    {"DELETE /api/v1/claims/{id}", "a"},
    {"GET /api/v1/routes", "oa"},
    {"POST /api/v1/routes", "a"},
    {"GET /api/v1/routes/{id}", "oa"},
    {"PATCH /api/v1/routes/{id}", "a"},
    {"DELETE /api/v1/routes/{id}", "a"},
    {"POST /api/v1/routes/{id}/rotate", "a"},
    {"POST /api/v1/routes/{id}/preview", "a"},
    {"POST /api/v1/routes/preview", "a"},
    {"POST /api/v1/routes/{id}/test", "a"},
    {"GET /api/v1/deliveries", "oa"},
    {"GET /api/v1/deliveries/{id}", "oa"},
    {"POST /api/v1/deliveries/{id}/redeliver", "a"},
    {"GET /api/v1/telemetry/accuracy", "vpoa"},
    {"POST /api/v1/labels", "poa"},
    {"GET /api/v1/labels", "vpoa"},
    {"GET /api/v1/labels/status", "vpoa"},
    {"GET /api/v1/overview", "vpoa"},
    {"GET /api/v1/devices", "vpoa"},
    {"GET /api/v1/devices/{id}", "vpoa"},
    {"GET /api/v1/devices/{id}/assignments", "vpoa"},
    {"PATCH /api/v1/devices/{id}", "oa"},
    {"POST /api/v1/devices/{id}/suggested", "oa"},
    {"POST /api/v1/devices/{id}/replacement", "oa"},
    {"GET /api/v1/replacements", "vpoa"},
    {"GET /api/v1/inventory", "vpoa"},
    {"DELETE /api/v1/devices/{id}", "oa"},
    {"GET /api/v1/devices/{id}/series", "vpoa"},
    {"GET /api/v1/devices/{id}/presence", "vpoa"},
    {"GET /api/v1/devices/{id}/diagnostics", "vpoa"},
    {"POST /api/v1/devices/{id}/diagnostics", "oa"},
    {"GET /api/v1/devices/{id}/diagnostics/{diagnostics}", "vpoa"},
    {"GET /api/v1/connectivity", "vpoa"},
    {"GET /api/v1/devices/{id}/events", "vpoa"},
    {"GET /api/v1/devices/{id}/drift", "vpoa"},
    {"GET /api/v1/drift", "vpoa"},
    {"GET /api/v1/devices/{id}/telemetry-integrity", "vpoa"},
    {"GET /api/v1/devices/{id}/quarantine", "vpoa"},
    {"GET /api/v1/telemetry/series", "vpoa"},
    {"GET /api/v1/telemetry/worst", "vpoa"},
    {"GET /api/v1/telemetry/facets", "vpoa"},
    {"GET /api/v1/telemetry/export", "vpoa"},
    {"GET /api/v1/models", "vpoa"},
    {"POST /api/v1/models", "pa"},
    {"GET /api/v1/models/{model}", "vpoa"},
    {"GET /api/v1/models/{model}/releases", "vpoa"},
    {"POST /api/v1/models/{model}/releases", "pa"},
    {"GET /api/v1/models/{model}/releases/{version}", "vpoa"},
    {"PUT /api/v1/models/{model}/releases/{version}/signature", "pa"},
    {"GET /api/v1/models/{model}/drafts", "vpoa"},
    {"GET /api/v1/models/{model}/drafts/{version}", "vpoa"},
    {"PUT /api/v1/models/{model}/drafts/{version}", "pa"},
    {"DELETE /api/v1/models/{model}/drafts/{version}", "pa"},
    {"POST /api/v1/models/{model}/drafts/{version}/publish", "pa"},
    {"GET /api/v1/models/{model}/patches", "vpoa"},
    {"POST /api/v1/models/{model}/patches", "poa"},
    {"DELETE /api/v1/models/{model}/patches/{from}/{to}", "poa"},
    {"PUT /api/v1/blobs/{digest}", "pa"},
    {"GET /api/v1/blobs/{digest}", "vpoa"},
    {"POST /api/v1/models/{model}/releases/{version}/withdraw", "pa"},
    {"POST /api/v1/models/{model}/releases/{version}/recall", "oa"},
    {"GET /api/v1/rollouts", "vpoa"},
    {"POST /api/v1/rollouts", "oa"},
    {"POST /api/v1/rollouts/preview", "oa"},
    {"GET /api/v1/rollouts/{id}", "vpoa"},
    {"GET /api/v1/rollouts/{id}/devices", "vpoa"},
    {"GET /api/v1/rollouts/{id}/decisions", "vpoa"},
    {"GET /api/v1/rollouts/{id}/evidence", "vpoa"},
    {"GET /api/v1/rollouts/{id}/validation", "vpoa"},
    {"GET /api/v1/evidence-key", "vpoa"},
    {"POST /api/v1/rollouts/{id}/start", "oa"},
    {"POST /api/v1/rollouts/{id}/approve", "oa"},
    {"POST /api/v1/rollouts/{id}/refuse", "oa"},
    {"POST /api/v1/rollouts/{id}/cancel", "oa"},
    {"POST /api/v1/rollouts/{id}/pause", "oa"},
    {"POST /api/v1/rollouts/{id}/resume", "oa"},
    {"POST /api/v1/rollouts/{id}/promote", "oa"},
    {"POST /api/v1/rollouts/{id}/halt", "oa"},
    {"POST /api/v1/rollouts/{id}/rollback", "oa"},
    {"POST /api/v1/rollouts/{id}/retry", "oa"},
    {"POST /api/v1/rollouts/{id}/assign", "oa"},
    {"POST /api/v1/rollouts/{id}/unassign", "oa"},
    {"GET /api/v1/alerts", "vpoa"},
    {"GET /api/v1/alerts/groups", "vpoa"},
    {"GET /api/v1/alerts/history", "vpoa"},
    {"GET /api/v1/alerts/{id}", "vpoa"},
    {"GET /api/v1/alerts/{id}/deliveries", "oa"},
    {"POST /api/v1/alerts/{id}/acknowledge", "oa"},
    {"DELETE /api/v1/alerts/{id}/acknowledge", "oa"},
    {"GET /api/v1/silences", "vpoa"},
    {"POST /api/v1/silences", "oa"},
    {"PUT /api/v1/silences/{id}", "oa"},
    {"DELETE /api/v1/silences/{id}", "oa"},
    {"GET /api/v1/rules", "vpoa"},
    {"POST /api/v1/rules", "oa"},
    {"POST /api/v1/rules/preview", "vpoa"},
    {"GET /api/v1/rules/{name}", "vpoa"},
    {"PATCH /api/v1/rules/{name}", "oa"},
    {"DELETE /api/v1/rules/{name}", "oa"},
    {"POST /api/v1/rules/{name}/reset", "oa"},
    {"GET /api/v1/rules/{name}/versions", "vpoa"},
    {"GET /api/v1/reactions", "vpoa"},
    {"GET /api/v1/events", "vpoa"},
    {"GET /api/v1/stream", "vpoa"},
};
const std::vector<Endpoint> devices_table{
    {"POST /device/v1/enrol", "nd"},      {"GET /device/v1/challenge", "nd"}, {"POST /device/v1/return", "nd"},
    {"POST /device/v1/renew", "d"},       {"GET /device/v1/desired", "d"},    {"POST /device/v1/state", "d"},
    {"POST /device/v1/telemetry", "d"},   {"POST /device/v1/labels", "d"},    {"GET /device/v1/blobs/{digest}", "d"},
    {"POST /device/v1/diagnostics", "d"},
};
using Operations = std::set<std::string>;

Operations of_table(const std::vector<Endpoint>& table) {
  Operations operations;
  for (const Endpoint& endpoint : table) operations.insert(endpoint.operation);
  return operations;
}

// Whom a route admits, in the letters of the table.
std::string admitted_by(const Route& route, bool to_devices) {
  if (route.permission == Permission::open) return to_devices ? "nd" : "nvpoa";
  if (route.permission == Permission::act_as_device) return "d";
  std::string letters;
  for (const Role role : roles_with(route.permission)) letters += to_string(role)[0];
  return letters;
}

Operations of_router(const Router& router) {
  Operations operations;
  for (const Route& route : router.routes()) operations.insert(std::string(to_string(route.method)) + " " + route.path);
  return operations;
}

struct Caller {
  std::string name;
  char letter;          // in the table; 0: was admitted once, and is not any more
  std::string headers;  // whole lines
  bool is_token = false;
};

class RolesTest : public ServerFixture {
 protected:
  // "GET /api/v1/devices/{id}" gives the method, and the path with something that does not exist.
  static std::pair<std::string, std::string> concrete(const std::string& operation) {
    const std::size_t blank = operation.find(' ');
    std::string path = operation.substr(blank + 1);
    for (std::size_t open = path.find('{'); open != std::string::npos; open = path.find('{')) {
      path.replace(open, path.find('}') - open + 1, "987654321");
    }
    return {operation.substr(0, blank), path};
  }
  std::string hashed(const std::string& secret) { return "decode('" + sha256(as_bytes(secret)).to_hex() + "', 'hex')"; }
  // A session of a new user of this role; each request has its own, as some end it.
  Caller person(const std::string& role, bool disabled = false) {
    const std::string secret = "session" + std::to_string(++people_);
    database.exec("with made as (insert into users (name, role, disabled_at) values ('u" + std::to_string(people_) +
                  "', '" + role + "', " + (disabled ? "now()" : "null") +
                  ") returning id) insert into sessions (token_hash, user_id, csrf, expires_at) select " +
                  hashed(secret) + ", id, 'csrf', now() + interval '1 hour' from made");
    return {disabled ? "a disabled " + role : "the person " + role, disabled ? '\0' : role[0],
            "Cookie: argosy_session=" + secret + "\r\nX-CSRF-Token: csrf\r\n"};
  }
  Caller bearer(const std::string& name, char letter, const std::string& secret) {
    return {name, letter, "Authorization: Bearer " + secret + "\r\n", true};
  }
  std::vector<Caller> tokens() {
    std::vector<Caller> callers{{"nobody", 'n', ""}};
    for (const std::string role : {"viewer", "publisher", "operator", "admin"}) {
      callers.push_back(bearer("the token " + role, role[0], token(role)));
    }
    database.exec("insert into api_tokens (name, role, token_hash, created_by, revoked_at) values ('gone', 'admin', " +
                  hashed("argosy_gone") + ", 'test', now())");
    callers.push_back(bearer("a revoked token", 0, "argosy_gone"));
    database.exec("insert into users (name, role, disabled_at) values ('left', 'admin', now())");
    database.exec("insert into api_tokens (name, role, token_hash, created_by, maker_id) select 'orphan', 'admin', " +
                  hashed("argosy_orphan") + ", 'user:left', id from users where name = 'left'");
    callers.push_back(bearer("the token of a disabled admin", 0, "argosy_orphan"));
    return callers;
  }
  static std::string request_of(const Endpoint& endpoint, const std::string& headers) {
    const auto [method, path] = concrete(endpoint.operation);
    return method + " " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers +
           "Content-Length: 2\r\n\r\n{}";
  }
  static void expect(const Endpoint& endpoint, const Caller& caller, const test::Reply& reply) {
    const std::string what = std::string(endpoint.operation) + " as " + caller.name;
    const std::string_view admitted = endpoint.admitted;
    const bool open = admitted.find('n') != std::string_view::npos;
    EXPECT_NE(reply.status, 500) << what << "\n" << reply.body;
    EXPECT_NE(reply.status, 0) << what;
    if (open) return;  // 401 is also how a sign-in answers that fails
    if (caller.letter == 0 || caller.letter == 'n') {
      EXPECT_EQ(reply.status, 401) << what;
    } else if (admitted.find(caller.letter) == std::string_view::npos || (endpoint.people_alone && caller.is_token)) {
      EXPECT_EQ(reply.status, 403) << what;
    } else {
      EXPECT_TRUE(reply.status != 401 && reply.status != 403) << what << " " << reply.status;
    }
  }
  // A device that is enrolled with a certificate of its own.
  CertificateAndKey device(const std::string& name) {
    CertificateAndKey authority{read_file(folder.path() / "pki" / "ca.pem").value(),
                                read_file(folder.path() / "pki" / "ca.key").value()};
    CertificateAndKey own;
    own.private_key_pem = make_private_key().value();
    const Instant now = wall_clock_now();
    ClientCertificateOptions options;
    options.common_name = name;
    options.validity = {now - std::chrono::hours(1), now + std::chrono::hours(24)};
    own.certificate_pem =
        issue_client_certificate(authority, make_csr(own.private_key_pem, name).value(), options).value();
    database.exec("insert into devices (id, hardware_class, certificate_fingerprint) values ('" + name +
                  "', 'test', '" + read_certificate(own.certificate_pem).value().fingerprint.to_hex() + "')");
    return own;
  }
  test::Reply ask_device(std::uint16_t port, const std::string& request, const CertificateAndKey* own) {
    boost::asio::ssl::context context(boost::asio::ssl::context::tls_client);
    context.load_verify_file(folder.path() / "pki" / "ca.pem");
    context.set_verify_mode(boost::asio::ssl::verify_peer);
    if (own != nullptr) {
      context.use_certificate(boost::asio::buffer(own->certificate_pem), boost::asio::ssl::context::pem);
      context.use_private_key(boost::asio::buffer(own->private_key_pem), boost::asio::ssl::context::pem);
    }
    boost::asio::io_context io;
    boost::asio::ssl::stream<boost::asio::ip::tcp::socket> stream(io, context);
    stream.next_layer().connect({boost::asio::ip::address_v4::loopback(), port});
    stream.handshake(boost::asio::ssl::stream_base::client);
    boost::asio::write(stream, boost::asio::buffer(request));
    std::string text;
    boost::system::error_code end;
    boost::asio::read(stream, boost::asio::dynamic_buffer(text), end);
    return test::parse_reply(text);
  }

 private:
  int people_ = 0;
};

TEST_F(RolesTest, TheTableHasEachEndpoint) {
  RunningServer server(database, folder);
  EXPECT_EQ(of_router(server->operator_routes()), of_table(operators_table));
  EXPECT_EQ(of_router(server->device_routes()), of_table(devices_table));
}

TEST_F(RolesTest, EachRouteAsksForWhatThoseOfTheTableHave) {
  RunningServer server(database, folder);
  const auto check = [](const Router& router, const std::vector<Endpoint>& table, bool to_devices) {
    std::map<std::string, std::string> admitted;
    for (const Endpoint& endpoint : table) admitted[endpoint.operation] = endpoint.admitted;
    for (const Route& route : router.routes()) {
      const std::string operation = std::string(to_string(route.method)) + " " + route.path;
      EXPECT_EQ(admitted_by(route, to_devices), admitted[operation]) << operation;
    }
  };
  check(server->operator_routes(), operators_table, false);
  check(server->device_routes(), devices_table, true);
}

TEST_F(RolesTest, OperatorsListenerAdmitsWhomTheTableSays) {
  RunningServer server(database, folder);
  const auto callers = tokens();
  for (const Endpoint& endpoint : operators_table) {
    auto all = callers;
    for (const char* role : {"viewer", "publisher", "operator", "admin"}) all.push_back(person(role));
    all.push_back(person("admin", true));
    for (const Caller& caller : all) {
      test::Client client(server->operator_port());
      client.send(request_of(endpoint, caller.headers));
      expect(endpoint, caller, client.read_reply());
    }
  }
}

TEST_F(RolesTest, DevicesListenerAdmitsWhomTheTableSays) {
  RunningServer server(database, folder);
  const CertificateAndKey present = device("cam-1"), revoked = device("cam-2");
  database.exec("update devices set revoked_at = now() where id = 'cam-2'");
  const std::string admin = "Authorization: Bearer " + token("admin") + "\r\n";
  for (const Endpoint& endpoint : devices_table) {
    const std::string plain = request_of(endpoint, "");
    expect(endpoint, {"nobody", 'n', ""}, ask_device(server->device_port(), plain, nullptr));
    expect(endpoint, {"an admin's token", 'n', ""},
           ask_device(server->device_port(), request_of(endpoint, admin), nullptr));
    expect(endpoint, {"a device", 'd', ""}, ask_device(server->device_port(), plain, &present));
    expect(endpoint, {"a revoked device", 0, ""}, ask_device(server->device_port(), plain, &revoked));
  }
}

}  // namespace
}  // namespace argosy::server
