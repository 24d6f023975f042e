#include "server/app/init_pki.hpp"

#include <boost/asio/ip/address.hpp>

#include "common/base/file.hpp"
#include "common/crypto/certificates.hpp"
#include "common/crypto/keys.hpp"

namespace argosy::server {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::hours clock_slack{24};
constexpr std::chrono::hours authority_life{24 * 366 * 30};
constexpr std::chrono::hours server_life{24 * 366 * 10};  // renewed by deleting the file and running this again

ServerNames names_of(const std::vector<std::string>& hosts) {
  ServerNames names;
  for (const std::string& host : hosts) {
    boost::system::error_code not_an_address;
    boost::asio::ip::make_address(host, not_an_address);
    (not_an_address ? names.dns : names.addresses).push_back(host);
  }
  return names;
}

class PkiFolder {
 public:
  explicit PkiFolder(fs::path folder) : folder_(std::move(folder)) {}

  fs::path certificate(const std::string& name) const { return folder_ / (name + ".pem"); }
  fs::path key(const std::string& name) const { return folder_ / (name + ".key"); }

  // Errc::conflict when one file of the two is there without the other.
  Result<bool> has(const std::string& name) const {
    const bool has_certificate = fs::exists(certificate(name));
    if (has_certificate == fs::exists(key(name))) return has_certificate;
    return make_error(Errc::conflict, "of " + certificate(name).string() + " and " + key(name).string() +
                                          " only one exists; restore the other, or delete it to make both again");
  }
  Result<CertificateAndKey> read(const std::string& name) const {
    CertificateAndKey both;
    ARGOSY_TRY(both.certificate_pem, read_file(certificate(name)));
    ARGOSY_TRY(both.private_key_pem, read_file(key(name)));
    return both;
  }
  Result<void> write(const std::string& name, const CertificateAndKey& both) {
    ARGOSY_CHECK(write_file_atomically(key(name), both.private_key_pem, 0600));
    ARGOSY_CHECK(write_file_atomically(certificate(name), both.certificate_pem, 0644));
    made_.push_back(name);
    return {};
  }
  Result<void> write_empty_list(const CertificateAndKey& authority, Instant now) const {
    const fs::path file = folder_ / "crl.pem";
    if (fs::exists(file)) return {};
    ARGOSY_TRY(const CertificateFacts facts, read_certificate(authority.certificate_pem));
    ARGOSY_TRY(const std::string list, make_revocation_list(authority, {}, 1, {now - clock_slack, facts.not_after}));
    return write_file_atomically(file, list, 0644);
  }
  std::vector<std::string> made() && { return std::move(made_); }

 private:
  fs::path folder_;
  std::vector<std::string> made_;
};

Result<CertificateAndKey> make_client(const CertificateAndKey& authority, const std::string& name, Validity validity) {
  CertificateAndKey client;
  ARGOSY_TRY(client.private_key_pem, make_private_key());
  ARGOSY_TRY(const std::string request, make_csr(client.private_key_pem, name));
  ARGOSY_TRY(client.certificate_pem, issue_client_certificate(authority, request, {name, validity, {}}));
  return client;
}

std::vector<std::string> broker_names() {
  std::vector<std::string> names;
  for (std::int64_t share = 0; share <= most_shares; ++share) names.push_back(broker_name(share));
  return names;
}

}  // namespace

std::string broker_name(std::int64_t share) {
  return share == 0 ? "argosyd" : "argosyd@" + std::to_string(share);
}

Result<std::vector<std::string>> init_pki(const fs::path& folder, const std::vector<std::string>& hosts, Instant now) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return make_error(Errc::io, "cannot make the folder '" + folder.string() + "': " + error.message());
  PkiFolder pki(folder);

  ARGOSY_TRY(const bool has_authority, pki.has("ca"));
  if (!has_authority) {
    ARGOSY_TRY(const auto made, make_authority("Argosy fleet", {now - clock_slack, now + authority_life}));
    ARGOSY_CHECK(pki.write("ca", made));
  }
  ARGOSY_TRY(const CertificateAndKey authority, pki.read("ca"));

  const Validity validity{now - clock_slack, now + server_life};
  for (const std::string name : {"server", "broker"}) {
    ARGOSY_TRY(const bool exists, pki.has(name));
    if (exists) continue;
    ARGOSY_TRY(const auto made, make_server_certificate(authority, names_of(hosts), validity));
    ARGOSY_CHECK(pki.write(name, made));
  }
  for (const std::string& name : broker_names()) {
    ARGOSY_TRY(const bool exists, pki.has(name));
    if (exists) continue;
    ARGOSY_TRY(const auto made, make_client(authority, name, validity));
    ARGOSY_CHECK(pki.write(name, made));
  }
  ARGOSY_CHECK(pki.write_empty_list(authority, now));
  return std::move(pki).made();
}

}  // namespace argosy::server
