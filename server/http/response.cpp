#include "server/http/response.hpp"

namespace argosy::server {

Response Response::json(std::string text, int status) {
  Response response;
  response.status = status;
  response.body = std::move(text);
  return response;
}

Response Response::prometheus(std::string text) {
  Response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = std::move(text);
  return response;
}

Response Response::no_content() {
  Response response;
  response.status = 204;
  response.content_type.clear();
  return response;
}

}  // namespace argosy::server
