// connect_proxy.py as a child of the test.
#pragma once

#include <sstream>

#include "agent/link/proxy.hpp"
#include "common/base/file.hpp"
#include "tests/unit/agent/link/child_server.hpp"
#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent::test {

class ConnectProxy {
 public:
  explicit ConnectProxy(const std::string& answer = "200")
      : child_({ARGOSY_CONNECT_PROXY, (folder_ / "log").string(), answer}) {}

  Proxy proxy(const std::string& user = "", const std::string& password = "") const {
    return {{"127.0.0.1", child_.port()}, user, password};
  }
  // "host:port|Proxy-Authorization" of each request.
  std::vector<std::string> requests() const {
    const auto text = read_file(folder_ / "log");
    std::istringstream log(text ? *text : "");
    std::vector<std::string> lines;
    for (std::string line; std::getline(log, line);) lines.push_back(line);
    return lines;
  }

 private:
  TempFolder folder_;
  ChildServer child_;
};

}  // namespace argosy::agent::test
