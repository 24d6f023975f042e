#include "server/devices/filter_sql.hpp"

namespace argosy::server {

namespace {

class Writer {
 public:
  explicit Writer(int first) : next_(first) {}

  std::string condition(const FilterNode& node) {
    switch (node.kind) {
      case FilterNode::Kind::comparison:
        return comparison(node.comparison);
      case FilterNode::Kind::negation:
        return "not " + condition(node.children.front());
      case FilterNode::Kind::all_of:
        return joined(node.children, " and ");
      case FilterNode::Kind::any_of:
        return joined(node.children, " or ");
    }
    return "true";
  }

  std::vector<std::string> parameters;

 private:
  std::string joined(const std::vector<FilterNode>& nodes, std::string_view joint) {
    std::string text = "(";
    for (const FilterNode& node : nodes) {
      if (text.size() > 1) text += joint;
      text += condition(node);
    }
    return text + ")";
  }

  std::string comparison(const FilterComparison& comparison) {
    std::string text = positive(comparison);
    return comparison.op == FilterOperator::not_equal ? "not " + text : text;
  }

  std::string positive(const FilterComparison& comparison) {
    const bool contains = comparison.op == FilterOperator::contains;
    switch (comparison.field) {
      case FilterField::id:
        return compare("d.id", comparison.value, contains);
      case FilterField::hardware_class:
        return compare("d.hardware_class", comparison.value, contains);
      case FilterField::presence:
        return compare("coalesce(s.presence, 'never_seen')", comparison.value, contains);
      case FilterField::agent_version:
        return compare("coalesce(s.agent_version, '')", comparison.value, contains);
      case FilterField::label:
        return label(comparison, contains);
      case FilterField::model:
        return model(comparison, contains);
    }
    return "true";
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
