// A list of the server as a table, or as one JSON array with --json.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/command.hpp"

namespace argosy::cli {

struct Column {
  const char* title;
  const char* path;  // JSON pointer into an item
};

// A row for each item. Answers exit_ok.
int print_rows(const OutputOptions& output, const nlohmann::json& items, const Row& header,
               const std::function<Row(const nlohmann::json&)>& row_of);
int print_items(const OutputOptions& output, const nlohmann::json& items, const std::vector<Column>& columns);

// At most `limit` items of the list at `path`, which may have a query.
Result<int> print_list(const Context& context, const std::string& path, const std::vector<Column>& columns,
                       std::size_t limit = 1000);

// `path` with those parameters that have a value, encoded.
std::string with_query(std::string path, const std::vector<std::pair<const char*, std::string>>& parameters);

}  // namespace argosy::cli
