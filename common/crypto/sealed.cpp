#include "common/crypto/sealed.hpp"

#include <memory>

#include <openssl/evp.h>

#include "common/base/random.hpp"
#include "common/crypto/openssl_handles.hpp"

namespace argosy {
namespace {

constexpr std::size_t nonce_bytes = 12;
constexpr std::size_t tag_bytes = 16;
constexpr std::size_t most_sealed_bytes = 64 * 1024;

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, openssl::Freer<EVP_CIPHER_CTX_free>>;

Result<Cipher> cipher_of(ByteView key, const std::uint8_t* nonce, std::string_view context, int encrypts) {
  if (key.size() != sealing_key_bytes)
    return make_error(Errc::invalid_argument, "a sealing key has " + std::to_string(sealing_key_bytes) +
                                                  " bytes, not " + std::to_string(key.size()));
  Cipher cipher(EVP_CIPHER_CTX_new());
  int written = 0;
  if (!cipher || EVP_CipherInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.data(), nonce, encrypts) != 1 ||
      EVP_CipherUpdate(cipher.get(), nullptr, &written, as_bytes(context).data(), static_cast<int>(context.size())) !=
          1)
    return openssl::last_error(Errc::internal, "cannot set up AES-256-GCM");
  return cipher;
}

}  // namespace

Result<Bytes> seal(ByteView key, std::string_view secret, std::string_view context) {
  if (secret.size() > most_sealed_bytes) return make_error(Errc::too_large, "the secret is too long to be sealed");
  Bytes sealed = secure_random(nonce_bytes);
  ARGOSY_TRY(const Cipher cipher, cipher_of(key, sealed.data(), context, 1));
  sealed.resize(nonce_bytes + secret.size() + tag_bytes);
  int written = 0, rest = 0;
  std::uint8_t* const text = sealed.data() + nonce_bytes;
  if (EVP_CipherUpdate(cipher.get(), text, &written, as_bytes(secret).data(), static_cast<int>(secret.size())) != 1 ||
      EVP_CipherFinal_ex(cipher.get(), text + written, &rest) != 1 ||
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(tag_bytes), text + secret.size()) != 1)
    return openssl::last_error(Errc::internal, "cannot seal");
  return sealed;
}

Result<std::string> unseal(ByteView key, ByteView sealed, std::string_view context) {
  if (sealed.size() < nonce_bytes + tag_bytes || sealed.size() > nonce_bytes + tag_bytes + most_sealed_bytes)
    return make_error(Errc::corrupt, "a sealed secret of " + std::to_string(sealed.size()) + " bytes");
  ARGOSY_TRY(const Cipher cipher, cipher_of(key, sealed.data(), context, 0));
  const std::size_t size = sealed.size() - nonce_bytes - tag_bytes;
  const std::uint8_t* const text = sealed.data() + nonce_bytes;
  Bytes tag(text + size, text + size + tag_bytes);
  std::string secret(size, '\0');
  auto* const out = reinterpret_cast<std::uint8_t*>(secret.data());
  int written = 0, rest = 0;
  const bool opened =
      EVP_CipherUpdate(cipher.get(), out, &written, text, static_cast<int>(size)) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(tag_bytes), tag.data()) == 1 &&
      EVP_CipherFinal_ex(cipher.get(), out + written, &rest) == 1;
  if (!opened)
    return openssl::last_error(Errc::corrupt,
                               "a sealed secret does not open: it was touched, or sealed by another key");
  return secret;
}

}  // namespace argosy
