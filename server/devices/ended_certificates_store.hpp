// Certificates that end before their time, written by whoever ends them inside its own transaction: the revocation list
// and the leader follow (revocation_service.hpp). For this folder's *_store.cpp.
#pragma once

#include <string>

#include <pqxx/pqxx>

#include "common/base/instant.hpp"

namespace argosy::server {

// The present certificate has been followed by the next one, which is in use from now on.
void end_replaced_certificate(pqxx::work& transaction, const std::string& device);
// The next certificate, which was handed out and not used yet, will not be handed out again.
void end_unused_certificate(pqxx::work& transaction, const std::string& device);
// Both, and the device's key, which is refused for good.
void end_all_certificates(pqxx::work& transaction, const std::string& device);

// Present certificates that have expired within the hour before `now`, once each: nobody renewed them, and a connection
// that was made with one may still be open.
void end_expired_certificates(pqxx::work& transaction, Instant now);

bool is_refused_key(pqxx::work& transaction, const std::string& key_sha256);
// How many of its certificates ended before their time and have not expired since.
int count_ended_certificates(pqxx::work& transaction, const std::string& device);

}  // namespace argosy::server
