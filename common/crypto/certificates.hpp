// The certificates of a fleet: its own authority, the devices' client certificates and the server's certificate.
// All PEM text, ECDSA with SHA-256. Any thread; each call takes about a millisecond.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/instant.hpp"
#include "common/crypto/digest.hpp"

namespace argosy {

struct CertificateAndKey {
  std::string certificate_pem;
  std::string private_key_pem;
};

struct Validity {
  Instant not_before;
  Instant not_after;  // after not_before
};

// A new key and its self-signed certificate, which may sign leaf certificates and revocation lists only.
Result<CertificateAndKey> make_authority(std::string_view common_name, Validity validity);

struct ClientCertificateOptions {
  std::string common_name;  // [A-Za-z0-9_-]{1,64}, argosyd's also argosyd@1 to 9; the request's own is ignored
  Validity validity;
  std::string serial_hex;  // up to 40 hex digits, not zero; empty for a random one of 126 bits
};

// Signs the request's key as a TLS client. The request must pass parse_csr.
Result<std::string> issue_client_certificate(const CertificateAndKey& authority, std::string_view csr_pem,
                                             const ClientCertificateOptions& options);

struct ServerNames {
  std::vector<std::string> dns;        // "argosy.example", "localhost"
  std::vector<std::string> addresses;  // "127.0.0.1", "::1"
};

// A new key and its certificate as a TLS server under these names, of which there is at least one.
Result<CertificateAndKey> make_server_certificate(const CertificateAndKey& authority, const ServerNames& names,
                                                  Validity validity);

struct CertificateFacts {
  std::string common_name;
  std::string serial_hex;  // lower case, without leading zeros
  Instant not_before;
  Instant not_after;
  Digest fingerprint;  // SHA-256 of the DER form
  bool is_authority = false;
};

Result<CertificateFacts> read_certificate(std::string_view certificate_pem);

// Whether the certificate was signed by the authority and is valid at `now`; the error says which is not so.
Result<void> check_issued_by(std::string_view certificate_pem, std::string_view authority_pem, Instant now);

// Whether the certificate is for this private key.
Result<void> check_key_matches(std::string_view certificate_pem, std::string_view private_key_pem);

struct Revocation {
  std::string serial_hex;
  Instant at;
};

// A list (CRL, PEM) of what the authority no longer stands for. `number` grows with each list.
Result<std::string> make_revocation_list(const CertificateAndKey& authority, const std::vector<Revocation>& revoked,
                                         std::uint64_t number, Validity validity);

}  // namespace argosy
