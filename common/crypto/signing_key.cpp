#include "common/crypto/signing_key.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include <openssl/ec.h>
#include <openssl/pem.h>

#include "common/crypto/openssl_handles.hpp"

namespace argosy {

using namespace openssl;

namespace {

using DigestContext = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;

int give_passphrase(char* buffer, int size, int, void* passphrase) {
  const auto& text = *static_cast<const std::string_view*>(passphrase);
  if (size < 0 || text.size() > static_cast<std::size_t>(size)) return -1;
  std::memcpy(buffer, text.data(), text.size());
  return static_cast<int>(text.size());
}

Result<void> check_curve(EVP_PKEY* key) {
  std::array<char, 64> group{};
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
      EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) == 1 &&
      std::string_view(group.data()) == "prime256v1")
    return {};
  return make_error(Errc::invalid_argument,
                    "releases are signed with keys on the curve P-256; make one with "
                    "`argosy key make`");
}

Result<Key> private_half(const SigningKey& key) {
  if (key.private_key_pem.size() > max_pem_bytes || key.passphrase.size() > max_passphrase_bytes)
    return make_error(Errc::too_large, "the private key or its passphrase is too long");
  const Bio bio(BIO_new_mem_buf(key.private_key_pem.data(), static_cast<int>(key.private_key_pem.size())));
  if (!bio) return last_error(Errc::internal, "cannot read the private key");
  std::string_view passphrase = key.passphrase;
  Key handle(PEM_read_bio_PrivateKey(bio.get(), nullptr, give_passphrase, &passphrase));
  if (!handle)
    return last_error(Errc::invalid_argument, "cannot read the private key as PEM, or its passphrase is wrong");
  ARGOSY_CHECK(check_curve(handle.get()));
  return handle;
}

Result<Key> public_key(std::string_view pem) {
  if (pem.size() > max_pem_bytes) return make_error(Errc::too_large, "the public key is too long");
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) return last_error(Errc::internal, "cannot read the public key");
  Key handle(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
  if (!handle) return last_error(Errc::invalid_argument, "cannot read the public key as PEM");
  ARGOSY_CHECK(check_curve(handle.get()));
  return handle;
}

Result<std::string> public_pem(EVP_PKEY* key) {
  return to_pem("the public key", [&](BIO* bio) { return PEM_write_bio_PUBKEY(bio, key); });
}

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

Result<std::string> make_signing_key(std::string_view passphrase) {
  if (passphrase.size() > max_passphrase_bytes) return make_error(Errc::too_large, "the passphrase is too long");
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return last_error(Errc::internal, "cannot make a P-256 key");
  const EVP_CIPHER* cipher = passphrase.empty() ? nullptr : EVP_aes_256_cbc();
  return to_pem("the private key", [&](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, key.get(), cipher, passphrase.data(), static_cast<int>(passphrase.size()),
                                         nullptr, nullptr);
  });
}

Result<std::string> public_half(const SigningKey& key) {
  ARGOSY_TRY(const Key handle, private_half(key));
  return public_pem(handle.get());
}

Result<std::string> plain_public_key(std::string_view public_key_pem) {
  ARGOSY_TRY(const Key handle, public_key(public_key_pem));
  return public_pem(handle.get());
}

Result<Bytes> sign_message(const SigningKey& key, std::string_view message) {
  ARGOSY_TRY(const Key handle, private_half(key));
  const DigestContext context(EVP_MD_CTX_new());
  std::size_t size = 0;
  if (!context || EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, handle.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, raw(message), message.size()) != 1)
    return last_error(Errc::internal, "cannot sign");
  Bytes signature(size);
  if (EVP_DigestSign(context.get(), signature.data(), &size, raw(message), message.size()) != 1)
    return last_error(Errc::internal, "cannot sign");
  signature.resize(size);
  return signature;
}

Result<void> check_message(std::string_view public_key_pem, std::string_view message, ByteView signature) {
  ARGOSY_TRY(const Key handle, public_key(public_key_pem));
  const DigestContext context(EVP_MD_CTX_new());
  if (!context || EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, handle.get()) != 1)
    return last_error(Errc::internal, "cannot verify a signature");
  if (EVP_DigestVerify(context.get(), signature.data(), signature.size(), raw(message), message.size()) == 1) return {};
  return last_error(Errc::signature_invalid, "the signature was not made by this key over these bytes");
}

}  // namespace argosy
