// The HTTP endpoints of signing in, accounts, tokens and the audit log. The services must outlive the router.
#pragma once

#include <string>

#include "server/access/access_service.hpp"

namespace argosy::server {

class Router;

class AuditService;

struct AccessApiOptions {
  bool secure_cookie = false;  // the operators' address is https
  std::string public_url;      // in links: "https://argosy.example"
};

// POST /api/v1/login, login/link, logout; GET /api/v1/me; DELETE /api/v1/me/sessions; PUT /api/v1/me/password
void add_session_routes(Router& router, AccessService& access, AccessApiOptions options);
// GET/POST /api/v1/users, PATCH /api/v1/users/{id}; GET/POST /api/v1/tokens, DELETE /api/v1/tokens/{id}
void add_account_routes(Router& router, AccessService& access, AccessApiOptions options);
// GET /api/v1/audit, audit/head, audit/verify
void add_audit_routes(Router& router, AuditService& audit);

// The address that a one-time token opens: the token is after '#', so that no server and no proxy logs it.
std::string login_link(const std::string& public_url, const std::string& token);

}  // namespace argosy::server
