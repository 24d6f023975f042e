#include "server/http/paging.hpp"

#include "common/base/encoding.hpp"
#include "common/json/json_text.hpp"
#include "server/http/query.hpp"
#include "server/http/request.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr std::int64_t max_limit = 500;
constexpr std::size_t max_cursor_bytes = 2048;

Result<CursorKey> decode_cursor(std::string_view text, std::size_t key_size) {
  const auto wrong = [] {
    return make_error(Errc::invalid_argument, "this cursor is not one of this list; start again without it");
  };
  if (text.size() > max_cursor_bytes) return wrong();
  auto bytes = from_base64url(text);
  if (!bytes) return wrong();
  const auto document = parse_json(as_text(*bytes), {.bytes = max_cursor_bytes, .depth = 1});
  if (!document || !document->is_array() || document->size() != key_size) return wrong();
  CursorKey key;
  for (const json& value : *document) {
    if (!value.is_string()) return wrong();
    key.push_back(value.get_ref<const std::string&>());
  }
  return key;
}

// The request's own address with another cursor.
std::string next_link(const Request& request, const std::string& cursor) {
  std::string link = percent_encode(request.path, "/") + "?";
  for (const auto& [name, value] : request.query) {
    if (name != "cursor") link += percent_encode(name) + "=" + percent_encode(value) + "&";
  }
  return "<" + link + "cursor=" + cursor + ">; rel=\"next\"";
}

}  // namespace

Result<Page> read_page(const Request& request, std::size_t key_size) {
  Page page;
  ARGOSY_TRY(const std::int64_t limit, integer_query(request, "limit", 50, 1, max_limit));
  page.limit = static_cast<std::size_t>(limit);
  const auto cursor = request.query_value("cursor");
  if (cursor && !cursor->empty()) {
    ARGOSY_TRY(page.after, decode_cursor(*cursor, key_size));
  }
  return page;
}

Result<std::int64_t> id_after(const Page& page, std::int64_t start) {
  if (page.after.empty()) return start;
  return parse_integer(page.after.front(), "cursor");
}

std::string encode_cursor(const CursorKey& key) {
  return to_base64url(as_bytes(json(key).dump()));
}

Response page_response(const Request& request, const json& items, const CursorKey& next, std::int64_t total) {
  json document{{"items", items}, {"next_cursor", nullptr}, {"total", total}};
  Response response;
  if (!next.empty()) {
    const std::string cursor = encode_cursor(next);
    document["next_cursor"] = cursor;
    response.headers.emplace_back("Link", next_link(request, cursor));
  }
  response.body = document.dump();
  return response;
}

}  // namespace argosy::server
