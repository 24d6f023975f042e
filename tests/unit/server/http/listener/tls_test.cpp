#include <boost/asio/ssl/stream.hpp>

#include "common/crypto/certificates.hpp"
#include "common/crypto/keys.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "tests/unit/server/http/listener/test_server.hpp"

namespace argosy::server {
namespace {

namespace ssl = boost::asio::ssl;

class TlsTest : public ServerTest {
 protected:
  TemporaryFolder folder;
  Validity validity{wall_clock_now() - std::chrono::hours(1), wall_clock_now() + std::chrono::hours(1)};
  CertificateAndKey authority = make_authority("Test CA", validity).value();
  CertificateAndKey stranger = make_authority("Strange CA", validity).value();

  void SetUp() override {
    const auto certificate = make_server_certificate(authority, {{"localhost"}, {"127.0.0.1"}}, validity).value();
    options.tls = TlsFiles{folder.write("server.pem", certificate.certificate_pem),
                           folder.write("server.key", certificate.private_key_pem),
                           folder.write("ca.pem", authority.certificate_pem)};
    get("/who", [](Request& request) { return who(request); });
    start();
  }
  static Task<Result<Response>> who(Request& request) {
    const auto& peer = request.peer_certificate;
    co_return Response::json(peer ? peer->common_name + " " + peer->fingerprint : "nobody");
  }

  struct Device {
    std::string key, certificate;
  };
  Device device(const CertificateAndKey& issuer, const std::string& name) const {
    const std::string key = make_private_key().value();
    return {key, issue_client_certificate(issuer, make_csr(key, name).value(), {name, validity, ""}).value()};
  }
  // The body, or "" when the handshake or the connection failed.
  std::string ask_as(const std::optional<Device>& identity, SSL_SESSION** session = nullptr,
                     const std::string& request = "GET /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") {
    ssl::context context(ssl::context::tls_client);
    context.add_certificate_authority(boost::asio::buffer(authority.certificate_pem));
    context.set_verify_mode(ssl::verify_peer);
    if (identity) {
      context.use_certificate_chain(boost::asio::buffer(identity->certificate));
      context.use_private_key(boost::asio::buffer(identity->key), ssl::context::pem);
    }
    boost::asio::io_context client_io;
    ssl::stream<boost::asio::ip::tcp::socket> stream(client_io, context);
    stream.next_layer().connect({boost::asio::ip::address_v4::loopback(), server->port()});
    boost::system::error_code error;
    if (session != nullptr && *session != nullptr) SSL_set_session(stream.native_handle(), *session);
    stream.handshake(ssl::stream_base::client, error);
    boost::asio::write(stream, boost::asio::buffer(request), error);
    std::string text;
    boost::asio::read(stream, boost::asio::dynamic_buffer(text), error);
    if (session != nullptr) *session = SSL_get1_session(stream.native_handle());
    return parse_reply(text).body;
  }
};

TEST_F(TlsTest, TheCertificateNamesTheDevice) {
  const Device cam = device(authority, "cam-7");
  EXPECT_EQ(ask_as(cam), "cam-7 " + read_certificate(cam.certificate).value().fingerprint.to_hex());
}

TEST_F(TlsTest, WithoutACertificateThePeerIsNobody) {
  EXPECT_EQ(ask_as(std::nullopt), "nobody");
}

TEST_F(TlsTest, ARefusedUploadIsAnsweredAndLetGoAtOnce) {
  const auto before = std::chrono::steady_clock::now();
  EXPECT_NE(ask_as(std::nullopt, nullptr, "PUT /none HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nbegin")
                .find("not-found"),
            std::string::npos);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(4)) << "the client waits for the end";
}

TEST_F(TlsTest, AStrangersCertificateIsRefused) {
  EXPECT_EQ(ask_as(device(stranger, "cam-7")), "");
}

TEST_F(TlsTest, AResumedSessionKeepsItsName) {
  const Device cam = device(authority, "cam-7");
  SSL_SESSION* session = nullptr;
  const std::string first = ask_as(cam, &session);
  ASSERT_NE(session, nullptr);
  const std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)> keep(session, &SSL_SESSION_free);
  EXPECT_EQ(ask_as(cam, &session), first);
  SSL_SESSION_free(session);
}

TEST_F(TlsTest, PlainTextToATlsPortIsLetGo) {
  EXPECT_EQ(ask_get("/who").status, 0);
}

TEST(TlsFilesTest, AWrongFileIsNamed) {
  TemporaryFolder folder;
  const auto junk = folder.write("junk.pem", "junk");
  const auto context = make_tls_context({junk, junk, {}});
  ASSERT_FALSE(context);
  EXPECT_NE(context.error().message.find("junk.pem"), std::string::npos);
}

}  // namespace
}  // namespace argosy::server
