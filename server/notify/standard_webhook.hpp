// Signatures of webhooks, as Standard Webhooks 1.0.0 has them (github.com/standard-webhooks): who receives a message
// can tell that it came from here, is whole, and is not an old one. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/notify/target.hpp"

namespace argosy::server {

inline constexpr std::string_view signing_secret_prefix = "whsec_";

// A new one: 32 bytes from the operating system.
std::string make_signing_secret();

// "v1,<base64>" over "id.timestamp.body". Errc::invalid_argument when the secret is not one.
Result<std::string> webhook_signature(const std::string& secret, std::string_view id, std::int64_t unix_s,
                                      std::string_view body);

// webhook-id, webhook-timestamp and webhook-signature; the last with a signature of each secret that is valid now, so
// that a receiver may know the old one or the new one.
Result<std::vector<std::pair<std::string, std::string>>> webhook_headers(const std::vector<SigningSecret>& secrets,
                                                                         std::string_view id, std::string_view body,
                                                                         Instant now);

// With a new secret in front; the one that was in front signs on until `old_until`. What is over is left out.
std::vector<SigningSecret> rotated(std::vector<SigningSecret> secrets, std::string fresh, Instant old_until,
                                   Instant now);

}  // namespace argosy::server
