// Keyset pages: `?limit=` (1..500, default 50) and `?cursor=` in, `{"items", "next_cursor", "total"}` and a Link header
// out. A cursor is opaque to callers: the sort key of the last row they saw, as text values. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/base/error.hpp"
#include "server/http/response.hpp"

namespace argosy::server {

struct Request;

using CursorKey = std::vector<std::string>;

struct Page {
  std::size_t limit = 50;
  CursorKey after;  // empty: from the start
};

// `key_size` is how many values this list's cursor holds; any other cursor is Errc::invalid_argument.
Result<Page> read_page(const Request& request, std::size_t key_size = 1);

// For lists that sort by a row id: the id to go on after; `start` without a cursor.
Result<std::int64_t> id_after(const Page& page, std::int64_t start);

std::string encode_cursor(const CursorKey& key);

// `items` is a JSON array; an empty `next` says that this was the last page.
Response page_response(const Request& request, const nlohmann::json& items, const CursorKey& next, std::int64_t total);

}  // namespace argosy::server
