#include "server/rules/rule_store.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "server/db/rows.hpp"
#include "server/devices/filter_sql.hpp"
#include "server/journal/journal_store.hpp"
#include "server/rules/health_figures_store.hpp"
#include "server/telemetry/stored/stored_telemetry_store.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;

constexpr auto columns_of_rule = "r.id, r.document::text as document, r.version, r.updated_at, r.updated_by";

std::optional<StoredRule> rule_in(const pqxx::row& row) {
  auto rule = stored_rule(row["document"].as<std::string>());
  if (!rule) return std::nullopt;
  return StoredRule{row["id"].as<RuleId>(), std::move(*rule), row["version"].as<std::int64_t>(),
                    row["updated_at"].as<Instant>(), row["updated_by"].as<std::string>("")};
}

Error no_rule(const std::string& name) {
  return make_error(Errc::not_found, "there is no rule \"" + name + "\"");
}

// As every version is: beside the ones before it, of which the oldest go.
void keep_version(pqxx::work& transaction, const StoredRule& stored, std::string_view what) {
  transaction.exec_params0(
      R"sql(
        insert into rule_versions (rule_id, version, document, changed_at, changed_by, what)
        values ($1, $2, $3::jsonb, $4::timestamptz, nullif($5, ''), $6)
      )sql",
      stored.id, stored.version, rule_to_json(stored.rule).dump(), stored.updated_at, stored.updated_by,
      std::string(what));
  transaction.exec_params0("delete from rule_versions where rule_id = $1 and version <= $2", stored.id,
                           stored.version - static_cast<std::int64_t>(rule_versions_limit));
}

// None: there is one of that name, or there are as many as there may be.
std::optional<StoredRule> insert_rule(pqxx::work& transaction, const Rule& rule, const std::string& actor,
                                      Instant now) {
  const auto rows = transaction.exec_params(
      R"sql(
        insert into rules (name, document, updated_at, updated_by)
        select $1, $2::jsonb, $3::timestamptz, nullif($4, '')
        where (select count(*) from rules where deleted_at is null) < $5
        on conflict (name) where deleted_at is null do nothing
        returning id
      )sql",
      rule.name, rule_to_json(rule).dump(), now, actor, rule_limit);
  if (rows.empty()) return std::nullopt;
  return StoredRule{rows[0][0].as<RuleId>(), rule, 1, now, actor};
}

void audit(pqxx::work& transaction, const std::string& actor, const char* action, const StoredRule& stored) {
  append_audit(transaction, actor, action, "rule:" + stored.rule.name,
               json{{"version", stored.version}, {"rule", rule_to_json(stored.rule)}}.dump());
}

Result<Rule> changed_rule(const ChangeRule& change, const StoredRule& known) {
  const auto* shipped = shipped_rule(known.rule.name);
  switch (change.what) {
    case ChangeRule::What::change:
      return read_rule(change.document, &known.rule);
    case ChangeRule::What::reset:
      if (shipped == nullptr)
        return make_error(Errc::illegal_transition,
                          "\"" + known.rule.name + "\" was not shipped: there is nothing to go back to");
      return *shipped;
    case ChangeRule::What::remove:
      if (shipped != nullptr)
        return make_error(Errc::illegal_transition,
                          "\"" + known.rule.name + "\" is one of those that are shipped: disable it instead");
      return known.rule;
  }
  return known.rule;
}

const char* word_of(ChangeRule::What what) {
  return what == ChangeRule::What::change ? "changed" : what == ChangeRule::What::reset ? "reset" : "deleted";
}

const char* action_of(ChangeRule::What what) {
  return what == ChangeRule::What::change  ? "rule.update"
         : what == ChangeRule::What::reset ? "rule.reset"
                                           : "rule.delete";
}

}  // namespace

void ShipRules::operator()(pqxx::work& transaction) const {
  for (const auto& rule : shipped_rules()) {
    const auto stored = insert_rule(transaction, rule, "", now);
    if (stored) keep_version(transaction, *stored, "shipped");
  }
}

std::string ReadRulesState::operator()(pqxx::work& transaction) const {
  return transaction.exec1("select state from rules_state")[0].as<std::string>();
}

std::vector<StoredRule> ReadRules::operator()(pqxx::work& transaction) const {
  std::vector<StoredRule> rules;
  for (const auto& row : transaction.exec(std::string("select ") + columns_of_rule +
                                          " from rules r where r.deleted_at is null order by r.id"))
    if (auto rule = rule_in(row)) rules.push_back(std::move(*rule));
  return rules;
}

std::vector<ListedRule> ListRules::operator()(pqxx::work& transaction) const {
  static const std::string sql = std::string("select ") + columns_of_rule + R"sql(
      , coalesce(c.pending, 0) as pending, coalesce(c.firing, 0) as firing
    from rules r
    left join lateral (
      select count(*) filter (where a.state = 'pending') as pending,
        count(*) filter (where a.state = 'firing') as firing
      from alerts a
      where a.rule = r.name and a.state <> 'resolved'
    ) c on true
    where r.deleted_at is null and ($1::text is null or r.name = $1)
    order by r.id
  )sql";
  std::vector<ListedRule> rules;
  for (const auto& row : transaction.exec_params(sql, name)) {
    if (auto rule = rule_in(row))
      rules.push_back({std::move(*rule), row["pending"].as<std::int64_t>(), row["firing"].as<std::int64_t>()});
  }
  return rules;
}

Result<std::vector<RuleVersion>> ReadRuleVersions::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      R"sql(
        select v.version, v.what, v.changed_at, v.changed_by, v.document::text as document
        from rules r
        join rule_versions v on v.rule_id = r.id
        where r.name = $1 and r.deleted_at is null
        order by v.version desc
      )sql",
      name);
  if (rows.empty()) return no_rule(name);
  std::vector<RuleVersion> versions;
  for (const auto& row : rows) {
    auto rule = stored_rule(row["document"].as<std::string>());
    if (!rule) continue;
    versions.push_back({row["version"].as<std::int64_t>(), row["what"].as<std::string>(),
                        row["changed_at"].as<Instant>(), row["changed_by"].as<std::string>(""), std::move(*rule)});
  }
  return versions;
}

Result<StoredRule> CreateRule::operator()(pqxx::work& transaction) const {
  auto stored = insert_rule(transaction, rule, actor, now);
  if (!stored) {
    const bool exists =
        !transaction.exec_params("select from rules where name = $1 and deleted_at is null", rule.name).empty();
    if (exists) return make_error(Errc::conflict, "there is a rule \"" + rule.name + "\" already; change that one");
    return make_error(Errc::conflict, "there are " + std::to_string(rule_limit) +
                                          " rules, which is as many as there may be; delete one first");
  }
  keep_version(transaction, *stored, "created");
  audit(transaction, actor, "rule.create", *stored);
  return std::move(*stored);
}

Result<StoredRule> ChangeRule::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      std::string("select ") + columns_of_rule + " from rules r where r.name = $1 and r.deleted_at is null for update",
      name);
  const auto known = rows.empty() ? std::nullopt : rule_in(rows[0]);
  if (!known) return no_rule(name);
  if (if_version && *if_version != known->version)
    return make_error(Errc::precondition_failed, "\"" + name + "\" is at version " + std::to_string(known->version) +
                                                     " and not " + std::to_string(*if_version) +
                                                     ": somebody changed it; look at it again");
  ARGOSY_TRY(Rule rule, changed_rule(*this, *known));
  const bool stays = what != What::remove && rule == known->rule;
  if (stays) return *known;
  StoredRule changed{known->id, std::move(rule), known->version + 1, now, actor};
  transaction.exec_params0(
      R"sql(
        update rules
        set document = $2::jsonb, version = $3, updated_at = $4::timestamptz, updated_by = $5,
          deleted_at = case when $6 then $4::timestamptz end
        where id = $1
      )sql",
      changed.id, rule_to_json(changed.rule).dump(), changed.version, now, actor, what == What::remove);
  keep_version(transaction, changed, word_of(what));
  audit(transaction, actor, action_of(what), changed);
  return changed;
}

PreviewDevices SelectPreviewDevices::operator()(pqxx::work& transaction) const {
  SqlCondition condition = to_sql(filter, 1);
  const auto rows = transaction.exec_params(std::string(R"sql(
        select d.id, count(*) over () as matching
        from devices d
        join device_state s on s.device_id = d.id
        where d.revoked_at is null and
      )sql") + condition.text + " order by md5(d.id) limit " +
                                                std::to_string(most),
                                            pqxx::prepare::make_dynamic_params(condition.parameters));
  PreviewDevices found;
  for (const auto& row : rows) {
    found.devices.push_back(row[0].as<std::string>());
    found.matching = row[1].as<std::uint64_t>();
  }
  return found;
}

PreviewSlice::Answer PreviewSlice::operator()(pqxx::work& transaction) const {
  const Instant from = learns_from(rule.rule, question.from);
  std::map<std::pair<std::string, std::string>, std::vector<RuleFigure>> figures;  // by device, model
  if (rule.metric.is_of_health()) {
    for (auto& [device, of_device] : read_health_figures(transaction, rule, devices, from, question.to))
      figures[{device, ""}] = std::move(of_device);
  } else {
    StoredRange range{.devices = devices, .model = rule.rule.model, .from = from, .to = question.to};
    range.parts = parts_of(rule.metric.of);
    visit_stored(transaction, range, [&](TakenWindow&& window) {
      if (const auto figure = figure_in(rule, window)) figures[{window.device, window.model}].push_back(*figure);
    });
  }
  Answer answer;
  for (auto& [pair, of_pair] : figures) {
    std::sort(of_pair.begin(), of_pair.end(), [](const RuleFigure& a, const RuleFigure& b) { return a.at < b.at; });
    answer.figures += of_pair.size();
    answer.pairs.push_back(preview_pair(rule.rule, question, pair.first, pair.second, of_pair));
  }
  return answer;
}

}  // namespace argosy::server
