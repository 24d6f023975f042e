#include "server/labels/label_api.hpp"

#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "server/access/permission.hpp"
#include "server/http/paging.hpp"
#include "server/http/query.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"
#include "server/labels/label_service.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

constexpr std::uint64_t answers_body_limit = 256ULL << 10;

json time_or_null(const std::optional<Instant>& at) {
  return at ? json(to_rfc3339(*at)) : json();
}

json verdict_to_json(const LabelVerdict& verdict, std::size_t index) {
  return {{"index", index},
          {"status", to_string(verdict.status)},
          {"state", verdict.state ? json(to_string(*verdict.state)) : json()},
          {"message", verdict.message.empty() ? json() : json(verdict.message)}};
}

json label_to_json(const ToldLabel& label) {
  return {{"device_id", label.given.device},
          {"model", label.given.model},
          {"id", std::to_string(label.given.observation)},
          {"label", label.given.label},
          {"predicted_at", time_or_null(label.given.predicted_at)},
          {"source", label.given.source},
          {"told_by", label.told_by},
          {"told_at", to_rfc3339(label.told_at)},
          {"state", to_string(label.state)},
          {"message", describe(label.state)},
          {"settled_at", time_or_null(label.settled_at)}};
}

json status_to_json(const LabelStatus& status) {
  json counts = json::array();
  for (const LabelCount& count : status.counts)
    counts.push_back({{"model", count.model},
                      {"state", to_string(count.state)},
                      {"message", describe(count.state)},
                      {"labels", count.labels},
                      {"newest_at", to_rfc3339(count.newest_at)}});
  json document{{"waiting", status.waiting},
                {"waiting_since", time_or_null(status.waiting_since)},
                {"takes_labels", nullptr},
                {"counts", std::move(counts)}};
  // Of a device that has said nothing yet it is not known.
  if (status.device && !status.device->agent_version.empty()) document["takes_labels"] = status.device->takes_labels;
  return document;
}

Task<Result<Response>> tell_labels(LabelService& labels, Request& request) {
  auto given = read_labels(request.body);
  if (!given) co_return std::move(given).error();
  ARGOSY_CO_TRY(const auto verdicts, co_await labels.tell(std::move(*given), request.principal.actor(), request.now));
  json items = json::array();
  for (std::size_t i = 0; i < verdicts.size(); ++i) items.push_back(verdict_to_json(verdicts[i], i));
  const LabelSums sums = sums_of(verdicts);
  co_return Response::json(json{
      {"accepted", sums.accepted}, {"repeated", sums.repeated}, {"refused", sums.refused}, {"items", std::move(items)}}
                               .dump());
}

Task<Result<Response>> list_labels(LabelService& labels, Request& request) {
  ARGOSY_CO_TRY(const Page page, read_page(request));
  LabelQuery query{.device = std::string(request.query_value("device").value_or("")), .limit = page.limit};
  if (query.device.empty())
    co_return make_error(Errc::invalid_argument, "device= is missing: labels are listed of one device");
  if (const auto model = request.query_value("model"); model && !model->empty()) query.model = std::string(*model);
  if (const auto state = request.query_value("state"); state && !state->empty()) {
    ARGOSY_CO_TRY(query.state, parse_label_state(*state));
  }
  ARGOSY_CO_TRY(const std::int64_t before, id_after(page, 0));
  if (before > 0) query.before = before;
  ARGOSY_CO_TRY(const LabelPage found, co_await labels.list(std::move(query)));
  json items = json::array();
  for (const ToldLabel& label : found.items) items.push_back(label_to_json(label));
  CursorKey next;
  if (found.items.size() == page.limit) next.push_back(std::to_string(found.items.back().seq));
  co_return page_response(request, items, next, found.total);
}

Task<Result<Response>> get_status(LabelService& labels, Request& request) {
  std::optional<std::string> device;
  if (const auto asked = request.query_value("device"); asked && !asked->empty()) device = std::string(*asked);
  ARGOSY_CO_TRY(const LabelStatus status, co_await labels.status(std::move(device)));
  co_return Response::json(status_to_json(status).dump());
}

Task<Result<Response>> exchange_labels(LabelService& labels, Request& request) {
  auto answers = wire::decode_label_answers(request.body);
  if (!answers) co_return std::move(answers).error();
  ARGOSY_CO_TRY(const auto handed, co_await labels.exchange(request.principal.name, std::move(*answers), request.now));
  co_return Response::json(wire::encode(handed));
}

}  // namespace

void add_label_routes(Router& router, LabelService& labels) {
  const auto add = [&](Method method, const char* path, Permission permission,
                       Task<Result<Response>> (*handle)(LabelService&, Request&)) {
    router.add({method, path, permission, [&labels, handle](Request& request) { return handle(labels, request); }});
  };
  add(Method::post, "/api/v1/labels", Permission::label_observations, tell_labels);
  add(Method::get, "/api/v1/labels", Permission::read_fleet, list_labels);
  add(Method::get, "/api/v1/labels/status", Permission::read_fleet, get_status);
}

void add_device_label_routes(Router& device_router, LabelService& labels) {
  device_router.add({Method::post, "/device/v1/labels", Permission::act_as_device,
                     [&labels](Request& request) { return exchange_labels(labels, request); }, answers_body_limit});
}

}  // namespace argosy::server
