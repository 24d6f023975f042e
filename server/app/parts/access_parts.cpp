#include "server/app/parts/access_parts.hpp"

#include <chrono>
#include <utility>

#include "server/access/access_api.hpp"
#include "server/app/leader_work.hpp"
#include "server/app/part_options.hpp"
#include "server/base/round_of.hpp"
#include "server/http/request.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

constexpr Duration people_check_interval{10'000};  // sessions and tokens end by time, too
constexpr Duration failures_interval{10'000};

Task<Result<bool>> is_current(StandingService& standing, PeerCertificate certificate) {
  ARGOSY_CO_TRY(const Digest fingerprint, Digest::parse(certificate.fingerprint));
  co_return co_await standing.is_current(DeviceId(certificate.common_name), fingerprint);
}

Task<Result<void>> check_people(OpenExchanges& exchanges) {
  exchanges.check_people();
  co_return Result<void>{};
}

}  // namespace

AccessParts::AccessParts(Platform& platform, DeviceParts& devices)
    : password_worker(platform.io, {.threads = 1, .queue_limit = 64}),
      access(platform.db, password_worker, access_options(platform.config)),
      audit(platform.db, platform.worker, audit_options(platform.config)),
      authenticator(access,
                    [&devices](PeerCertificate peer) { return is_current(*devices.standing, std::move(peer)); }),
      exchanges(platform.io,
                [this](const Request& head, Permission wanted) { return authenticator.still_allowed(head, wanted); }),
      platform_(platform) {}

void AccessParts::start() {
  news_ = std::make_unique<Notifications>(
      platform_.io,
      Notifications::Options{.conninfo = platform_.config.database_conninfo, .channel = "argosy_authority"},
      [this](const News& news) {
        for (const std::string& authority : news.payloads) exchanges.check(authority);
        if (news.gap) exchanges.check_all();
      });
  rounds_ = std::make_unique<Loops>(platform_.io, loop_observer(platform_.metrics));
  rounds_->add({.name = "open exchanges", .interval = people_check_interval},
               [this](Instant) { return check_people(exchanges); });
  rounds_->add({.name = "failed sign-ins", .interval = failures_interval},
               [this](Instant now) { return access.write_failures(now); });
}

void AccessParts::request_stop() {
  news_.reset();
  if (rounds_) rounds_->request_stop();
}

void AccessParts::add_jobs(LeaderWork& leader) {
  leader.every("access upkeep", 60s, round_of<&AccessService::tick>(access));
  leader.every("sealing the audit log", 1s, round_of<&AuditService::seal>(audit));
  leader.every("archiving the audit log", 60s, round_of<&AuditService::archive>(audit));
}

void AccessParts::add_routes(Router& router) {
  add_session_routes(router, access, access_api_options(platform_.config));
  add_account_routes(router, access, access_api_options(platform_.config));
  add_audit_routes(router, audit);
}

void AccessParts::add_figures(Metrics& metrics) {
  add_metrics(metrics, access);
  add_metrics(metrics, audit);
  add_metrics(metrics, exchanges);
}

}  // namespace argosy::server
