#include "net/tls_client.hpp"

#include <gtest/gtest.h>

namespace argosy::net {
namespace {

TEST(TlsClient, TakesTls12OrLaterAndLooksAtTheServer) {
  const auto context = make_client_context({.system_authorities = true});
  ASSERT_TRUE(context) << context.error().message;
  SSL_CTX* native = (*context)->native_handle();
  const auto options = SSL_CTX_get_options(native);
  EXPECT_TRUE(options & SSL_OP_NO_TLSv1);
  EXPECT_TRUE(options & SSL_OP_NO_TLSv1_1);
  EXPECT_FALSE(options & SSL_OP_NO_TLSv1_2);
  EXPECT_EQ(SSL_CTX_get_verify_mode(native), SSL_VERIFY_PEER);
}

TEST(TlsClient, NamesWhatCannotBeUsed) {
  const auto error_of = [](TlsClientOptions options) {
    const auto context = make_client_context(options);
    EXPECT_FALSE(context);
    return context ? std::string() : context.error().message;
  };
  EXPECT_NE(error_of({.authorities_pem = "junk"}).find("the authority's certificate"), std::string::npos);
  EXPECT_NE(error_of({.authorities_file = "/no/such.pem"}).find("the authority's certificate"), std::string::npos);
  EXPECT_NE(error_of({.certificate_pem = "junk"}).find("our own certificate"), std::string::npos);
}

}  // namespace
}  // namespace argosy::net
