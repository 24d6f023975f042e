#include "common/crypto/openssl_handles.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

namespace argosy::openssl {

namespace {

// An encrypted key must fail, not ask for its passphrase on somebody's terminal.
int refuse_passphrase(char*, int, int, void*) {
  return -1;
}

template <class Handle, class Read>
Result<Handle> from_pem(std::string_view what, std::string_view pem, Read read) {
  const std::string name(what);
  if (pem.size() > max_pem_bytes)
    return make_error(Errc::too_large, name + " is larger than " + std::to_string(max_pem_bytes) + " bytes");
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) return last_error(Errc::internal, "cannot read " + name);
  Handle handle(read(bio.get(), nullptr, refuse_passphrase, nullptr));
  if (!handle) return last_error(Errc::invalid_argument, "cannot read " + name + " as PEM");
  return handle;
}

}  // namespace

Error last_error(Errc code, std::string what) {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  if (reason != nullptr) what += std::string(" (") + reason + ")";
  ERR_clear_error();
  return make_error(code, std::move(what));
}

Result<Key> read_private_key(std::string_view pem) {
  return from_pem<Key>("the private key", pem, PEM_read_bio_PrivateKey);
}

Result<Request> read_request(std::string_view pem) {
  return from_pem<Request>("the certificate signing request", pem, PEM_read_bio_X509_REQ);
}

Result<Certificate> read_certificate_pem(std::string_view pem) {
  return from_pem<Certificate>("the certificate", pem, PEM_read_bio_X509);
}

Result<void> set_common_name(X509_NAME* name, std::string_view common_name) {
  if (common_name.empty() || common_name.size() > 64 || common_name.find('\0') != std::string_view::npos)
    return make_error(Errc::invalid_argument, "a common name has 1 to 64 bytes, \"" +
                                                  std::string(common_name.substr(0, 80)) + "\" has " +
                                                  std::to_string(common_name.size()));
  const auto* bytes = reinterpret_cast<const unsigned char*>(common_name.data());
  if (X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, bytes, static_cast<int>(common_name.size()), -1,
                                 0) != 1)
    return last_error(Errc::invalid_argument, "the common name is not UTF-8");
  return {};
}

Result<std::string> common_name_of(const X509_NAME* name) {
  const int index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (index < 0) return std::string();
  if (X509_NAME_get_index_by_NID(name, NID_commonName, index) >= 0)
    return make_error(Errc::invalid_argument, "the subject has more than one common name");
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
  if (size < 0) return last_error(Errc::invalid_argument, "the common name is not a text");
  std::string text(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  if (text.find('\0') != std::string::npos)
    return make_error(Errc::invalid_argument, "the common name holds a NUL character");
  return text;
}

}  // namespace argosy::openssl
