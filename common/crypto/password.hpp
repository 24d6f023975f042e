// People's passwords, kept as Argon2id in its encoded string form ("$argon2id$v=19$m=..."), which names its own
// parameters and salt. Each call takes tens of milliseconds and `memory_kib` of memory: never on an I/O thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/error.hpp"

namespace argosy {

constexpr std::size_t max_password_bytes = 1024;

// OWASP Password Storage Cheat Sheet (2024), the choice for small memory: 19 MiB, two passes, one lane.
struct PasswordCost {
  std::uint32_t memory_kib = 19 * 1024;
  std::uint32_t passes = 2;
};

// Errc::invalid_argument for an empty password or one over max_password_bytes.
Result<std::string> hash_password(std::string_view password, PasswordCost cost = {});

// False for a wrong password; an error when `encoded` is not an Argon2id hash within sane bounds.
Result<bool> verify_password(std::string_view encoded, std::string_view password);

// Whether `encoded` was made with less than `cost`, so that the next good login should hash afresh.
bool needs_rehash(std::string_view encoded, PasswordCost cost = {});

}  // namespace argosy
