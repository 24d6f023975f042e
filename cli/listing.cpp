#include "cli/listing.hpp"

#include "cli/exit_code.hpp"

namespace argosy::cli {

using nlohmann::json;

void print_items(const OutputOptions& output, const json& items, const std::vector<Column>& columns) {
  if (output.json) return print_json(items);
  Row header;
  for (const Column& column : columns) header.emplace_back(column.title);
  std::vector<Row> rows;
  for (const json& item : items) {
    Row row;
    for (const Column& column : columns) row.push_back(cell(item, column.path));
    rows.push_back(std::move(row));
  }
  print_table(header, rows);
}

Result<int> print_list(const Context& context, const std::string& path, const std::vector<Column>& columns,
                       std::size_t limit) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json items, api.list(path, "", limit));
  print_items(context.output, items, columns);
  return exit_ok;
}

std::string with_query(std::string path, const std::vector<std::pair<const char*, std::string>>& parameters) {
  char separator = '?';
  for (const auto& [name, value] : parameters) {
    if (value.empty()) continue;
    path += separator + std::string(name) + "=" + net::percent_encode(value);
    separator = '&';
  }
  return path;
}

}  // namespace argosy::cli
