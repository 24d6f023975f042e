// The SQL of rules as rows: lists, changes with their versions and audit, and previews. Functors for DbPool::transact:
// they own their arguments and may be repeated.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/rules/rule_service.hpp"

namespace argosy::server {

// Adds the shipped rules that are missing.
struct ShipRules {
  Instant now;
  void operator()(pqxx::work& transaction) const;
};

// A text that is another one once any rule was changed.
struct ReadRulesState {
  std::string operator()(pqxx::work& transaction) const;
};

struct ReadRules {
  std::vector<StoredRule> operator()(pqxx::work& transaction) const;
};

struct ListRules {
  std::optional<std::string> name;  // none: all
  std::vector<ListedRule> operator()(pqxx::work& transaction) const;
};

struct ReadRuleVersions {
  std::string name;
  Result<std::vector<RuleVersion>> operator()(pqxx::work& transaction) const;
};

struct CreateRule {
  Rule rule;
  std::string actor;
  Instant now;
  Result<StoredRule> operator()(pqxx::work& transaction) const;
};

struct ChangeRule {
  enum class What : std::uint8_t { change, reset, remove };
  What what;
  std::string name;
  std::optional<std::int64_t> if_version;
  std::string document;  // of a change
  std::string actor;
  Instant now;
  Result<StoredRule> operator()(pqxx::work& transaction) const;
};

struct PreviewDevices {
  std::vector<std::string> devices;  // some of those that match, whichever
  std::uint64_t matching = 0;
};
struct SelectPreviewDevices {
  Filter filter;
  std::size_t most;
  PreviewDevices operator()(pqxx::work& transaction) const;
};

struct PreviewSlice {
  ReadyRule rule;
  std::vector<std::string> devices;  // few
  PreviewQuestion question;
  struct Answer {
    std::vector<PreviewedPair> pairs;
    std::uint64_t figures = 0;
  };
  Answer operator()(pqxx::work& transaction) const;
};

}  // namespace argosy::server
