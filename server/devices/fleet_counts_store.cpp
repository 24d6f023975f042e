#include "server/devices/fleet_counts_store.hpp"

#include <string>

#include "common/base/version_range.hpp"

namespace argosy::server {

namespace {

struct Counted {
  std::string kind, name, value;
};

// As the counts have it: "8.6" of 8.6.0.
std::string numbers_of(const std::string& version) {
  std::string numbers = VersionNumber::of(version)->text();  // a filter's bound is one
  while (numbers.ends_with(".0")) numbers.resize(numbers.size() - 2);
  return numbers;
}

// Of a list of words a device may hold several that contain something; of versions it is their order that is asked.
std::optional<Counted> counted_capability(const FilterComparison& comparison) {
  const bool is_equality = comparison.op == FilterOperator::equal || comparison.op == FilterOperator::not_equal;
  const std::string_view name = capability_of(comparison)->name;
  if (capability_of(comparison)->kind == CapabilityKind::version && is_equality)
    return Counted{"capability", std::string(name), numbers_of(comparison.value)};
  if (name == "board" || (name == "accelerators" && is_equality))
    return Counted{"capability", std::string(name), comparison.value};
  return std::nullopt;
}

// Which count is that of the devices for which the comparison is true, were it for being equal.
std::optional<Counted> counted_as(const FilterComparison& comparison) {
  switch (comparison.field) {
    case FilterField::hardware_class:
      return Counted{"class", "", comparison.value};
    case FilterField::presence:
      return Counted{"presence", "", comparison.value};
    case FilterField::agent_version:
      if (comparison.value.empty()) return std::nullopt;  // those that never said do not count
      return Counted{"agent", "", comparison.value};
    case FilterField::label:
      return Counted{"label", comparison.key, comparison.value};
    case FilterField::model:
      if (comparison.value.empty()) return std::nullopt;  // serving nothing yet is no version
      return Counted{"model", comparison.key, comparison.value};
    case FilterField::capability:
      return counted_capability(comparison);
    case FilterField::intermittent:
    case FilterField::id:
      return std::nullopt;
  }
  return std::nullopt;
}

// Of a value, or of all that hold it. A model of which a device has no version yet serves none.
std::int64_t total_of(pqxx::work& transaction, const Counted& counted, bool contains) {
  const std::string match = contains ? "strpos(value, $3) > 0 and (kind <> 'model' or value <> '')" : "value = $3";
  const std::string where = " where kind = $1 and name = $2 and " + match;
  return transaction
      .exec_params1("select coalesce(sum(devices), 0)::bigint from (select devices from fleet_counts" + where +
                        " union all select by from fleet_count_changes" + where + ") as t",
                    counted.kind, counted.name, counted.value)[0]
      .as<std::int64_t>();
}

std::optional<std::int64_t> count_node(pqxx::work& transaction, const FilterNode& node) {
  if (node.kind == FilterNode::Kind::negation) {
    const auto inner = count_node(transaction, node.children.front());
    return inner ? std::optional(count_fleet(transaction) - *inner) : std::nullopt;
  }
  if (node.kind != FilterNode::Kind::comparison) return std::nullopt;
  const auto counted = counted_as(node.comparison);
  if (!counted) return std::nullopt;
  const std::int64_t total = total_of(transaction, *counted, node.comparison.op == FilterOperator::contains);
  return node.comparison.op == FilterOperator::not_equal ? count_fleet(transaction) - total : total;
}

constexpr std::size_t comparisons_looked_up = 8;

}  // namespace

std::int64_t count_fleet(pqxx::work& transaction) {
  return transaction
      .exec1(
          R"sql(
            select coalesce(sum(devices), 0)::bigint
            from (
              select devices from fleet_counts where kind = 'class'
              union all
              select by from fleet_count_changes where kind = 'class'
            ) as t
          )sql")[0]
      .as<std::int64_t>();
}

std::optional<std::int64_t> count_by_totals(pqxx::work& transaction, const Filter& filter) {
  if (!filter.root) return count_fleet(transaction);
  return count_node(transaction, *filter.root);
}

bool matches_nobody(pqxx::work& transaction, const Filter& filter) {
  if (!filter.root) return false;
  if (filter.root->kind != FilterNode::Kind::all_of) return count_node(transaction, *filter.root) == 0;
  std::size_t looked_up = 0;
  for (const FilterNode& each : filter.root->children) {
    if (++looked_up > comparisons_looked_up) return false;
    if (count_node(transaction, each) == 0) return true;
  }
  return false;
}

std::vector<InventoryField> ReadInventory::operator()(pqxx::work& transaction) const {
  std::vector<InventoryField> fields;
  for (const pqxx::row& row : transaction.exec_params(
           R"sql(
             select name, value, devices, of_name
             from (
               select name, value, devices, row_number() over (partition by name order by devices desc, value) as place,
                 count(*) over (partition by name) as of_name, sum(devices) over (partition by name) as weight
               from fleet_totals
               where kind = 'capability'
             ) as ranked
             where place <= $1
             order by name <> 'board', name <> 'accelerators', weight desc, name, place
           )sql",
           most_values)) {
    const auto name = row["name"].as<std::string>();
    if (fields.empty() || fields.back().name != name) fields.push_back({name, {}, row["of_name"].as<std::int64_t>()});
    fields.back().values.push_back({row["value"].as<std::string>(), row["devices"].as<std::int64_t>()});
  }
  return fields;
}

std::size_t FoldFleetCounts::operator()(pqxx::work& transaction) const {
  const pqxx::row counted = transaction.exec_params1(
      R"sql(
        with gone as (
          delete from fleet_count_changes
          where id in (select id from fleet_count_changes order by id limit $1 for update skip locked)
          returning kind, name, value, by
        ),
        sums as (
          select kind, name, value, sum(by)::bigint as by from gone group by 1, 2, 3
        ),
        written as (
          insert into fleet_counts as c (kind, name, value, devices)
          select kind, name, value, by from sums where by <> 0 order by 1, 2, 3
          on conflict (kind, name, value) do update set devices = c.devices + excluded.devices
        )
        select count(*) from gone
      )sql",
      limit);
  const auto folded = counted[0].as<std::size_t>();
  if (folded > 0) transaction.exec0("delete from fleet_counts where devices = 0");
  return folded;
}

std::size_t RecountFleet::operator()(pqxx::work& transaction) const {
  return transaction
      .exec(
          R"sql(
            insert into fleet_count_changes (kind, name, value, by)
            select kind, name, value, coalesce(r.devices, 0) - coalesce(t.devices, 0)
            from fleet_recount r
            full join fleet_totals t using (kind, name, value)
            where coalesce(r.devices, 0) <> coalesce(t.devices, 0)
          )sql")
      .affected_rows();
}

}  // namespace argosy::server
