#include "common/crypto/password.hpp"

#include <cstdio>
#include <optional>

#include <argon2.h>

#include "common/base/random.hpp"

namespace argosy {

namespace {

constexpr std::size_t salt_bytes = 16;
constexpr std::size_t hash_bytes = 32;
// What verification accepts from the database, so that a damaged row cannot take the machine's memory or its day.
constexpr PasswordCost highest_cost{256 * 1024, 16};

std::optional<PasswordCost> cost_of(std::string_view encoded) {
  if (encoded.size() > 256) return std::nullopt;
  unsigned memory_kib = 0;
  unsigned passes = 0;
  unsigned lanes = 0;
  const std::string text(encoded);
  const int read = std::sscanf(text.c_str(), "$argon2id$v=19$m=%9u,t=%9u,p=%9u$", &memory_kib, &passes, &lanes);
  if (read != 3 || lanes != 1 || memory_kib > highest_cost.memory_kib || passes > highest_cost.passes)
    return std::nullopt;
  return PasswordCost{memory_kib, passes};
}

}  // namespace

Result<std::string> hash_password(std::string_view password, PasswordCost cost) {
  if (password.empty()) return make_error(Errc::invalid_argument, "the password is empty");
  if (password.size() > max_password_bytes)
    return make_error(Errc::invalid_argument,
                      "the password is longer than " + std::to_string(max_password_bytes) + " bytes");
  const Bytes salt = secure_random(salt_bytes);
  std::string encoded(argon2_encodedlen(cost.passes, cost.memory_kib, 1, salt_bytes, hash_bytes, Argon2_id), '\0');
  const int code = argon2id_hash_encoded(cost.passes, cost.memory_kib, 1, password.data(), password.size(), salt.data(),
                                         salt.size(), hash_bytes, encoded.data(), encoded.size());
  if (code != ARGON2_OK)
    return make_error(Errc::internal, std::string("cannot hash the password: ") + argon2_error_message(code));
  encoded.resize(encoded.find('\0'));
  return encoded;
}

Result<bool> verify_password(std::string_view encoded, std::string_view password) {
  if (!cost_of(encoded)) return make_error(Errc::corrupt, "the stored password is not an Argon2id hash; set it anew");
  if (password.size() > max_password_bytes) return false;
  const int code = argon2id_verify(std::string(encoded).c_str(), password.data(), password.size());
  if (code == ARGON2_OK) return true;
  if (code == ARGON2_VERIFY_MISMATCH) return false;
  return make_error(Errc::corrupt, std::string("the stored password cannot be read: ") + argon2_error_message(code));
}

bool needs_rehash(std::string_view encoded, PasswordCost cost) {
  const auto found = cost_of(encoded);
  return !found || found->memory_kib < cost.memory_kib || found->passes < cost.passes;
}

}  // namespace argosy
