#include "server/notify/standard_webhook.hpp"

#include <algorithm>

#include "common/base/encoding.hpp"
#include "common/base/random.hpp"
#include "common/crypto/digest.hpp"

namespace argosy::server {
namespace {

constexpr std::size_t secret_bytes = 32;

bool is_over(const SigningSecret& secret, Instant now) {
  return secret.until && *secret.until <= now;
}

}  // namespace

std::string make_signing_secret() {
  return std::string(signing_secret_prefix) + to_base64(secure_random(secret_bytes));
}

Result<std::string> webhook_signature(const std::string& secret, std::string_view id, std::int64_t unix_s,
                                      std::string_view body) {
  if (!secret.starts_with(signing_secret_prefix))
    return make_error(Errc::invalid_argument, "a webhook's secret begins with whsec_");
  ARGOSY_TRY(const Bytes key, from_base64(secret.substr(signing_secret_prefix.size())));
  const std::string content = std::string(id) + "." + std::to_string(unix_s) + "." + std::string(body);
  return "v1," + to_base64(hmac_sha256(key, as_bytes(content)).bytes);
}

Result<std::vector<std::pair<std::string, std::string>>> webhook_headers(const std::vector<SigningSecret>& secrets,
                                                                         std::string_view id, std::string_view body,
                                                                         Instant now) {
  const std::int64_t unix_s = to_ms(now) / 1000;
  std::string signatures;
  for (const SigningSecret& secret : secrets) {
    if (is_over(secret, now)) continue;
    ARGOSY_TRY(const std::string one, webhook_signature(secret.text, id, unix_s, body));
    signatures += (signatures.empty() ? "" : " ") + one;
  }
  return std::vector<std::pair<std::string, std::string>>{{"webhook-id", std::string(id)},
                                                          {"webhook-timestamp", std::to_string(unix_s)},
                                                          {"webhook-signature", signatures}};
}

std::vector<SigningSecret> rotated(std::vector<SigningSecret> secrets, std::string fresh, Instant old_until,
                                   Instant now) {
  if (!secrets.empty()) secrets.front().until = old_until;
  std::erase_if(secrets, [now](const SigningSecret& secret) { return is_over(secret, now); });
  secrets.insert(secrets.begin(), SigningSecret{std::move(fresh), std::nullopt});
  if (secrets.size() > most_signing_secrets) secrets.resize(most_signing_secrets);
  return secrets;
}

}  // namespace argosy::server
