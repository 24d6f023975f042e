#include "server/app/verify_audit.hpp"

#include <charconv>
#include <iostream>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "server/access/audit_service.hpp"
#include "server/db/db_pool.hpp"
#include "server/work/worker_pool.hpp"

namespace argosy::server {
namespace {

Result<std::optional<ChainHead>> parse_noted(const std::string& text) {
  if (text.empty()) return std::optional<ChainHead>{};
  const std::size_t colon = std::min(text.find(':'), text.size());
  ChainHead head;
  const auto [end, error] = std::from_chars(text.data(), text.data() + colon, head.seal);
  auto hash = Digest::parse(text.substr(std::min(colon + 1, text.size())));
  if (error != std::errc{} || end != text.data() + colon || !hash) {
    return make_error(Errc::invalid_argument, "--verify-audit=SEAL:HASH takes a head as argosyd's log tells it");
  }
  head.hash = *hash;
  return std::optional(head);
}

Error broken(const ChainFault& fault) {
  return make_error(Errc::corrupt, fault.what);
}

// The archive must end where the database says it does; one that lies elsewhere is not looked at.
Result<std::string> compare_archive(const ChainHead& files, const ChainHead& archived) {
  if (archived.seal == 0) return std::string();
  if (files.seal == 0)
    return "the archive of rows 1 to " + std::to_string(archived.seal) + " is not here: not checked\n";
  if (files.seal < archived.seal || (files.seal == archived.seal && files.hash != archived.hash)) {
    return make_error(Errc::corrupt, "the archive ends at seal " + std::to_string(files.seal) +
                                         " with another hash or earlier than the database says, at seal " +
                                         std::to_string(archived.seal));
  }
  return "archive: " + std::to_string(archived.seal) + " rows, whole\n";
}

Task<Result<void>> walk_all(AuditService& audit, ChainHead files, std::optional<ChainHead> noted) {
  ARGOSY_CO_TRY(const ChainState chain, co_await audit.chain());
  ARGOSY_CO_TRY(const std::string about_archive, compare_archive(files, chain.archived));
  std::cout << about_archive;
  if (noted) {
    ARGOSY_CO_TRY(const auto fault, co_await audit.has(*noted));
    if (fault) co_return broken(*fault);
  }
  std::size_t rows = 0;
  for (AuditService::Walk walk; !walk.complete;) {
    ARGOSY_CO_TRY(walk, co_await audit.walk(walk.reached.seal));
    if (walk.fault) co_return broken(*walk.fault);
    rows += walk.rows;
    if (walk.complete) {
      std::cout << "audit log: " << rows << " rows, whole; head " << walk.reached.seal << ":"
                << walk.reached.hash.to_hex() << "\n";
    }
  }
  std::cout << chain.unsealed << " rows wait to be sealed; " << chain.rows_before
            << " were written before there was a chain\n";
  co_return Result<void>{};
}

}  // namespace

int verify_audit(const Config& config, const std::string& noted) {
  const auto complain = [](const Error& error) {
    std::cerr << "argosyd: " << error.message << "\n";
    return 1;
  };
  const auto head = parse_noted(noted);
  if (!head) return complain(head.error());
  const auto files = walk_archive(audit_archive(config));
  if (!files) return complain(files.error());
  boost::asio::io_context io(1);
  DbPool db(io.get_executor(), {.conninfo = config.database_conninfo, .threads = 1});
  WorkerPool worker(io.get_executor(), {});
  AuditService audit(db, worker, {});
  Result<void> outcome = make_error(Errc::internal, "the walk did not end");
  boost::asio::co_spawn(io, walk_all(audit, *files, *head),
                        [&](const std::exception_ptr& failure, Result<void> walked) {
                          if (!failure) outcome = std::move(walked);
                        });
  io.run();
  return outcome ? 0 : complain(outcome.error());
}

}  // namespace argosy::server
