// Owners of OpenSSL's objects and its error queue. For this folder's .cpp files only: no other header includes OpenSSL.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "common/base/error.hpp"

namespace argosy::openssl {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

using Bio = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Request = std::unique_ptr<X509_REQ, Freer<X509_REQ_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Name = std::unique_ptr<X509_NAME, Freer<X509_NAME_free>>;
using Number = std::unique_ptr<BIGNUM, Freer<BN_free>>;

// What is read as PEM is at most this long.
constexpr std::size_t max_pem_bytes = 32 * 1024;

// An error with OpenSSL's own reason, when it left one; empties its queue.
Error last_error(Errc code, std::string what);

// The PEM text that `write` puts into a memory BIO.
template <class Write>
Result<std::string> to_pem(std::string_view what, Write write) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || write(bio.get()) != 1) return last_error(Errc::internal, "cannot write " + std::string(what));
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

Result<Key> read_private_key(std::string_view pem);
Result<Request> read_request(std::string_view pem);
Result<Certificate> read_certificate_pem(std::string_view pem);

// Sets the name's only attribute, its common name: 1 to 64 bytes of UTF-8.
Result<void> set_common_name(X509_NAME* name, std::string_view common_name);
// Empty when there is none; an error when there are several, or one that hides a NUL.
Result<std::string> common_name_of(const X509_NAME* name);

}  // namespace argosy::openssl
