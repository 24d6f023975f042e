#include "server/devices/filter_sql.hpp"

#include "common/base/version_range.hpp"

namespace argosy::server {

namespace {

class Writer {
 public:
  explicit Writer(int first) : next_(first) {}

  // Negations go down to the comparisons: what is left are conditions that an index can serve.
  std::string condition(const FilterNode& node, bool negated = false) {
    switch (node.kind) {
      case FilterNode::Kind::comparison:
        return comparison(node.comparison, negated);
      case FilterNode::Kind::negation:
        return condition(node.children.front(), !negated);
      case FilterNode::Kind::all_of:
        return joined(node.children, negated ? " or " : " and ", negated);
      case FilterNode::Kind::any_of:
        return joined(node.children, negated ? " and " : " or ", negated);
    }
    return "true";
  }

  std::vector<std::string> parameters;

 private:
  std::string joined(const std::vector<FilterNode>& nodes, std::string_view joint, bool negated) {
    std::string text = "(";
    for (const FilterNode& node : nodes) {
      if (text.size() > 1) text += joint;
      text += condition(node, negated);
    }
    return text + ")";
  }

  std::string comparison(const FilterComparison& comparison, bool negated) {
    if (comparison.op == FilterOperator::not_equal) negated = !negated;
    if (comparison.field == FilterField::presence) return presence(comparison, negated);
    if (comparison.field == FilterField::intermittent) return intermittent((comparison.value == "true") != negated);
    const std::string text = positive(comparison);
    return negated ? "not " + text : text;
  }

  // There are four, so each condition is a list of those that it is true for.
  static std::string presence(const FilterComparison& comparison, bool negated) {
    const bool contains = comparison.op == FilterOperator::contains;
    std::string list;
    for (const Presence each : {Presence::online, Presence::late, Presence::offline, Presence::never_seen}) {
      const std::string_view name = to_string(each);
      const bool holds = contains ? name.find(comparison.value) != std::string_view::npos : name == comparison.value;
      if (holds != negated) list += (list.empty() ? "'" : ", '") + std::string(name) + "'";
    }
    return list.empty() ? "false" : "s.presence in (" + list + ")";
  }

  // An index has those for which it is true.
  static std::string intermittent(bool wanted) {
    return wanted ? "(s.intermittent_until is not null)" : "(s.intermittent_until is null)";
  }

  std::string positive(const FilterComparison& comparison) {
    const bool contains = comparison.op == FilterOperator::contains;
    switch (comparison.field) {
      case FilterField::id:
        return compare("d.id", comparison.value, contains);
      case FilterField::hardware_class:
        return contains ? one_of("d.hardware_class", "class", comparison)
                        : compare("d.hardware_class", comparison.value, false);
      case FilterField::agent_version:
        return agent_version(comparison, contains);
      case FilterField::label:
        return label(comparison, contains);
      case FilterField::model:
        return model(comparison, contains);
      case FilterField::capability:
        return capability(comparison, contains);
      case FilterField::presence:
      case FilterField::intermittent:
        break;  // have their own
    }
    return "true";
  }

  std::string capability(const FilterComparison& comparison, bool contains) {
    const CapabilityField& field = *capability_of(comparison);
    if (has_order(comparison)) return ordered(comparison, field);
    const std::string path = "'" + std::string(field.json) + "'";
    if (field.kind == CapabilityKind::list) {
      const std::string list = elements("d.capabilities#>" + path);
      return "exists(select from " + list + " as words where " + compare("word", comparison.value, contains) + ")";
    }
    const std::string text = "d.capabilities#>>" + path;
    return "coalesce(" + text + " <> '' and " + compare("(" + text + ")", comparison.value, contains) + ", false)";
  }

  static std::string elements(const std::string& column) {
    return "(select jsonb_array_elements_text(case when jsonb_typeof(" + column + ") = 'array' then " + column +
           " else '[]' end) as word)";
  }

  // One of those that it tells; what is no version compares as nothing. Unequal is the negation of equal.
  std::string ordered(const FilterComparison& comparison, const CapabilityField& field) {
    const std::string name(field.json);
    const bool is_number = field.kind == CapabilityKind::number;
    const std::string told = is_number ? "(values (nullif(d.capabilities#>>'" + name + "', '0')))"
                                       : "(select d.capabilities#>>'{versions," + name +
                                             "}' union all select substr(word, " + std::to_string(name.size() + 2) +
                                             ") from " + elements("d.capabilities->'runtime_versions'") +
                                             " as runtimes where starts_with(word, '" + name + " '))";
    const std::string version = "version_numbers(told.version)";
    const std::string bound = "version_numbers(" + parameter(comparison.value) + ")";
    const std::string condition =
        comparison.op == FilterOperator::series
            ? version + " >= " + bound + " and " + version + " < version_numbers(" +
                  parameter(VersionNumber::of(comparison.value)->first_after_series().text()) + ")"
            : version + " " + std::string(order(comparison.op)) + " " + bound;
    return "exists(select from " + told + " as told(version) where " + condition + ")";
  }

  static std::string_view order(FilterOperator op) {
    switch (op) {
      case FilterOperator::less:
        return "<";
      case FilterOperator::at_most:
        return "<=";
      case FilterOperator::over:
        return ">";
      case FilterOperator::at_least:
        return ">=";
      default:
        return "=";
    }
  }

  // Of a field with few values: it is one of those that the fleet has and that hold the text.
  std::string one_of(std::string_view column, std::string_view kind, const FilterComparison& comparison) {
    return "(" + std::string(column) + " in (select value from fleet_totals where kind = '" + std::string(kind) +
           "' and strpos(value, " + parameter(comparison.value) + ") > 0))";
  }

  // Null: it never said, which is as an empty one.
  std::string agent_version(const FilterComparison& comparison, bool contains) {
    if (comparison.value.empty()) return contains ? "true" : "(coalesce(s.agent_version, '') = '')";
    const std::string text =
        contains ? one_of("s.agent_version", "agent", comparison) : compare("s.agent_version", comparison.value, false);
    return "(s.agent_version is not null and " + text + ")";
  }

  std::string label(const FilterComparison& comparison, bool contains) {
    const std::string key = parameter(comparison.key);
    if (!contains) return "d.labels @> jsonb_build_object(" + key + ", " + parameter(comparison.value) + ")";
    return "coalesce(strpos(d.labels->>" + key + ", " + parameter(comparison.value) + ") > 0, false)";
  }

  std::string model(const FilterComparison& comparison, bool contains) {
    const std::string name = parameter(comparison.key);
    return "exists(select from device_models m where m.device_id = d.id and m.model = " + name +
           " and m.version <> '' and " + compare("m.version", comparison.value, contains) + ")";
  }

  std::string compare(std::string_view what, const std::string& value, bool contains) {
    const std::string column(what);
    if (contains) return "(strpos(" + column + ", " + parameter(value) + ") > 0)";
    return "(" + column + " = " + parameter(value) + ")";
  }

  std::string parameter(const std::string& value) {
    parameters.push_back(value);
    return "$" + std::to_string(next_++) + "::text";
  }

  int next_;
};

}  // namespace

SqlCondition to_sql(const Filter& filter, int first) {
  SqlCondition condition;
  if (!filter.root) return condition;
  Writer writer(first);
  condition.text = writer.condition(*filter.root);
  condition.parameters = std::move(writer.parameters);
  return condition;
}

}  // namespace argosy::server
