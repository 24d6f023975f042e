// blob_server.py as a child of the test, with an authority of its own.
#pragma once

#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "agent/link/https_client.hpp"
#include "common/base/file.hpp"
#include "common/crypto/certificates.hpp"
#include "tests/unit/agent/link/child_server.hpp"
#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent::test {

class BlobServer {
 public:
  explicit BlobServer(const std::string& blob, ServerNames names = {{"localhost"}, {"127.0.0.1"}}) {
    const Validity validity{wall_clock_now() - std::chrono::hours(1), wall_clock_now() + std::chrono::hours(1)};
    authority_ = make_authority("Test fleet", validity).value();
    const CertificateAndKey server = make_server_certificate(authority_, names, validity).value();
    put("server.pem", server.certificate_pem + authority_.certificate_pem);
    put("server.key", server.private_key_pem);
    put("blob", blob);
    child_.emplace(std::vector<std::string>{ARGOSY_BLOB_SERVER, path("server.pem"), path("server.key"), path("blob"),
                                            path("manners")});
  }
  BlobServer(const BlobServer&) = delete;
  BlobServer& operator=(const BlobServer&) = delete;

  void behave(const std::string& words) { put("manners", words); }
  Endpoint endpoint(const std::string& host = "127.0.0.1") const { return {host, child_->port()}; }
  std::string url(const std::string& host = "localhost") const {
    return "https://" + host + ":" + child_->port() + "/blob";
  }
  const CertificateAndKey& authority() const { return authority_; }
  Trust trust() const {
    Trust trust;
    trust.ca_pem = authority_.certificate_pem;
    return trust;
  }
  // "Range|If-Range|word" of each request.
  std::vector<std::string> requests() const { return lines_of("manners.log"); }
  // Of each GET: the path, the names of its header fields, and "certificate" or "no certificate".
  std::vector<std::string> heads() const { return lines_of("manners.heads"); }

 private:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void put(const std::string& name, const std::string& text) { EXPECT_TRUE(write_file_atomically(path(name), text)); }

  std::vector<std::string> lines_of(const std::string& name) const {
    const auto text = read_file(path(name));
    std::istringstream log(text ? *text : "");
    std::vector<std::string> lines;
    for (std::string line; std::getline(log, line);) lines.push_back(line);
    return lines;
  }

  TempFolder folder_;
  CertificateAndKey authority_;
  std::optional<ChildServer> child_;
};

}  // namespace argosy::agent::test
