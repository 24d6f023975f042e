#include "server/devices/device_api.hpp"

#include <nlohmann/json.hpp>

#include "server/access/permission.hpp"
#include "server/devices/address_budgets.hpp"
#include "server/devices/device_json.hpp"
#include "server/http/paging.hpp"
#include "server/http/query.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"

namespace argosy::server {

namespace {

Task<Result<Response>> list_devices(DeviceService& devices, Request& request) {
  auto page = read_page(request);
  if (!page) co_return page.error();
  auto filter = parse_filter(request.query_value("filter").value_or(""));
  if (!filter) co_return filter.error();
  DeviceQuery query{std::move(*filter), std::nullopt, page->limit};
  if (!page->after.empty()) query.after = DeviceId{page->after.front()};
  ARGOSY_CO_TRY(auto found, co_await devices.list(std::move(query)));
  nlohmann::json items = nlohmann::json::array();
  for (const Device& device : found.items) items.push_back(device_to_json(device));
  CursorKey next;
  if (found.next_after) next.push_back(found.next_after->value());
  co_return page_response(request, items, next, found.total);
}

Task<Result<Response>> get_device(DeviceService& devices, Request& request) {
  ARGOSY_CO_TRY(auto device, co_await devices.get(DeviceId(std::string(request.param("id")))));
  co_return Response::json(device_to_json(device).dump());
}

Task<Result<Response>> patch_device(DeviceService& devices, Request& request) {
  auto patch = parse_label_patch(request.body);
  if (!patch) co_return patch.error();
  ARGOSY_CO_TRY(auto device, co_await devices.patch_labels(DeviceId(std::string(request.param("id"))),
                                                           std::move(*patch), request.principal.actor()));
  co_return Response::json(device_to_json(device).dump());
}

Task<Result<Response>> settle_suggestion(DeviceService& devices, Request& request) {
  auto take = parse_settlement(request.body);
  if (!take) co_return take.error();
  ARGOSY_CO_TRY(auto device, co_await devices.settle_suggestion(DeviceId(std::string(request.param("id"))), *take,
                                                                request.principal.actor()));
  co_return Response::json(device_to_json(device).dump());
}

Task<Result<Response>> read_inventory(DeviceService& devices, Request&) {
  ARGOSY_CO_TRY(auto fields, co_await devices.inventory());
  co_return Response::json(inventory_to_json(fields).dump());
}

Task<Result<Response>> list_replacements(DeviceService& devices, Request& request) {
  ARGOSY_CO_TRY(auto found, co_await devices.replacements(request.now));
  nlohmann::json items = nlohmann::json::array();
  for (const Replacement& replacement : found) items.push_back(replacement_to_json(replacement));
  co_return page_response(request, items, {}, static_cast<std::int64_t>(found.size()));
}

Task<Result<Response>> settle_replacement(DeviceService& devices, Request& request) {
  auto choice = parse_replacement_choice(request.body);
  if (!choice) co_return choice.error();
  ARGOSY_CO_TRY(auto device,
                co_await devices.settle_replacement(DeviceId(std::string(request.param("id"))), std::move(*choice),
                                                    request.principal.actor(), request.now));
  co_return Response::json(device_to_json(device).dump());
}

Task<Result<Response>> revoke_device(DeviceService& devices, Request& request) {
  ARGOSY_CO_CHECK(
      co_await devices.revoke(DeviceId(std::string(request.param("id"))), request.principal.actor(), request.now));
  co_return Response::no_content();
}

Task<Result<Response>> list_claims(EnrolmentService& enrolment, Request& request) {
  ARGOSY_CO_TRY(auto claims, co_await enrolment.list_claims());
  nlohmann::json items = nlohmann::json::array();
  for (const Claim& claim : claims) items.push_back(claim_to_json(claim));
  co_return page_response(request, items, {}, static_cast<std::int64_t>(claims.size()));
}

Task<Result<Response>> create_claim(EnrolmentService& enrolment, Request& request) {
  auto offer = parse_claim_offer(request.body);
  if (!offer) co_return offer.error();
  ARGOSY_CO_TRY(auto claim, co_await enrolment.create_claim(std::move(*offer), request.principal.actor(), request.now));
  co_return Response::json(new_claim_to_json(claim).dump(), 201);
}

Task<Result<Response>> revoke_claim(EnrolmentService& enrolment, Request& request) {
  auto id = id_param(request);
  if (!id) co_return id.error();
  ARGOSY_CO_CHECK(co_await enrolment.revoke_claim(*id, request.principal.actor(), request.now));
  co_return Response::no_content();
}

Task<Result<Response>> enrol(EnrolmentService& enrolment, Request& request) {
  auto order = parse_enrolment(request.body);
  if (!order) co_return order.error();
  ARGOSY_CO_TRY(auto credentials, co_await enrolment.enrol(std::move(*order), request.peer_address, request.now));
  co_return Response::json(credentials_to_json(credentials).dump(), 201);
}

Task<Result<Response>> renew(EnrolmentService& enrolment, Request& request) {
  auto csr = parse_renewal(request.body);
  if (!csr) co_return csr.error();
  ARGOSY_CO_TRY(auto credentials, co_await enrolment.renew(DeviceId(request.principal.name), std::move(*csr),
                                                           request.peer_address, request.now));
  co_return Response::json(credentials_to_json(credentials).dump());
}

Task<Result<Response>> give_challenge(EnrolmentService& enrolment, Request& request) {
  Response response = Response::json(nlohmann::json{{"challenge", enrolment.challenge(request.now)}}.dump());
  response.headers.emplace_back("Cache-Control", "no-store");
  co_return response;
}

// Whoever asks has no certificate: a stranger costs one signature check and one look into the database, and no more of
// them than its address has left.
class WayBack {
 public:
  explicit WayBack(EnrolmentService& enrolment) : enrolment_(enrolment) {}

  Task<Result<Response>> answer(Request& request) {
    if (!budgets_.take(request.peer_address, request.now))
      co_return make_error(Errc::rate_limited, "too many devices come back from this address at once; try again later");
    auto order = parse_return(request.body);
    if (!order) co_return order.error();
    ARGOSY_CO_TRY(auto credentials,
                  co_await enrolment_.come_back(std::move(*order), request.peer_address, request.now));
    co_return Response::json(credentials_to_json(credentials).dump());
  }

 private:
  EnrolmentService& enrolment_;
  AddressBudgets budgets_;
};

template <class Service>
Handler bound(Service& service, Task<Result<Response>> (*answer)(Service&, Request&)) {
  return [&service, answer](Request& request) { return answer(service, request); };
}

Route route(Method method, std::string path, Permission permission, Handler handler) {
  Route result;
  result.method = method;
  result.path = std::move(path);
  result.permission = permission;
  result.handler = std::move(handler);
  result.body_limit = 64 << 10;
  return result;
}

}  // namespace

void add_device_routes(Router& router, DeviceService& devices) {
  router.add(route(Method::get, "/api/v1/devices", Permission::read_fleet, bound(devices, list_devices)));
  router.add(route(Method::get, "/api/v1/devices/{id}", Permission::read_fleet, bound(devices, get_device)));
  router.add(route(Method::patch, "/api/v1/devices/{id}", Permission::manage_devices, bound(devices, patch_device)));
  router.add(route(Method::post, "/api/v1/devices/{id}/suggested", Permission::manage_devices,
                   bound(devices, settle_suggestion)));
  router.add(route(Method::get, "/api/v1/inventory", Permission::read_fleet, bound(devices, read_inventory)));
  router.add(route(Method::get, "/api/v1/replacements", Permission::read_fleet, bound(devices, list_replacements)));
  router.add(route(Method::post, "/api/v1/devices/{id}/replacement", Permission::manage_devices,
                   bound(devices, settle_replacement)));
  router.add(route(Method::del, "/api/v1/devices/{id}", Permission::manage_devices, bound(devices, revoke_device)));
}

void add_enrolment_routes(Router& router, EnrolmentService& enrolment) {
  router.add(route(Method::get, "/api/v1/claims", Permission::admit_devices, bound(enrolment, list_claims)));
  router.add(route(Method::post, "/api/v1/claims", Permission::admit_devices, bound(enrolment, create_claim)));
  router.add(route(Method::del, "/api/v1/claims/{id}", Permission::admit_devices, bound(enrolment, revoke_claim)));
  router.add(route(Method::post, "/device/v1/enrol", Permission::open, bound(enrolment, enrol)));
  router.add(route(Method::post, "/device/v1/renew", Permission::act_as_device, bound(enrolment, renew)));
  router.add(route(Method::get, "/device/v1/challenge", Permission::open, bound(enrolment, give_challenge)));
  router.add(
      route(Method::post, "/device/v1/return", Permission::open,
            [way_back = std::make_shared<WayBack>(enrolment)](Request& request) { return way_back->answer(request); }));
}

}  // namespace argosy::server
