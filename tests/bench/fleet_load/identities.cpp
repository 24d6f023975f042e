#include "tests/bench/fleet_load/identities.hpp"

#include <chrono>
#include <utility>

#include "common/base/file.hpp"
#include "common/base/instant.hpp"
#include "common/crypto/keys.hpp"
#include "net/tls_client.hpp"

namespace argosy::fleet_load {

namespace {

constexpr std::chrono::hours valid_for{48};
constexpr std::chrono::minutes valid_before{5};

}  // namespace

Result<Identities> Identities::open(const std::string& folder) {
  Identities identities;
  ARGOSY_TRY(identities.authority_.certificate_pem, read_file(folder + "/ca.pem"));
  ARGOSY_TRY(identities.authority_.private_key_pem, read_file(folder + "/ca.key"));
  ARGOSY_TRY(identities.private_key_, make_private_key());
  ARGOSY_TRY(identities.request_, make_csr(identities.private_key_, "device"));
  ARGOSY_TRY(identities.context_, net::make_client_context({.authorities_pem = identities.authority_.certificate_pem}));
  return identities;
}

Result<std::string> Identities::certificate_of(const std::string& name) {
  const auto known = certificates_.find(name);
  if (known != certificates_.end()) return known->second;
  const Instant now = wall_clock_now();
  ARGOSY_TRY(std::string made,
             issue_client_certificate(authority_, request_, {name, {now - valid_before, now + valid_for}, ""}));
  return certificates_.emplace(name, std::move(made)).first->second;
}

}  // namespace argosy::fleet_load
