#include "cli/listing.hpp"

#include "cli/exit_code.hpp"

namespace argosy::cli {

using nlohmann::json;

int print_rows(const OutputOptions& output, const json& items, const Row& header,
               const std::function<Row(const json&)>& row_of) {
  if (output.json) {
    print_json(items);
    return exit_ok;
  }
  std::vector<Row> rows;
  for (const json& item : items) rows.push_back(row_of(item));
  print_table(header, rows);
  return exit_ok;
}

int print_items(const OutputOptions& output, const json& items, const std::vector<Column>& columns) {
  Row header;
  for (const Column& column : columns) header.emplace_back(column.title);
  return print_rows(output, items, header, [&columns](const json& item) {
    Row row;
    for (const Column& column : columns) row.push_back(cell(item, column.path));
    return row;
  });
}

Result<int> print_list(const Context& context, const std::string& path, const std::vector<Column>& columns,
                       std::size_t limit) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json items, api.list(path, "", limit));
  return print_items(context.output, items, columns);
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
