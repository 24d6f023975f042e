#include "server/http/open_exchanges.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "server/base/metrics.hpp"
#include "server/http/request.hpp"

namespace argosy::server {

struct OpenExchanges::State : std::enable_shared_from_this<State> {
  struct Exchange {
    Request head;  // what authentication looks at, and nothing else
    Permission permission;
    std::function<void()> cut;
  };
  State(boost::asio::any_io_executor io_given, StillAllowed still_allowed_given)
      : io(std::move(io_given)), still_allowed(std::move(still_allowed_given)) {}

  boost::asio::any_io_executor io;
  StillAllowed still_allowed;  // empty: stopped
  std::map<std::uint64_t, Exchange> open;
  std::map<std::string, std::set<std::uint64_t>, std::less<>> by_authority;
  std::set<std::uint64_t> named, others;  // to be asked
  std::uint64_t next = 1;
  std::uint64_t cuts = 0;
  bool asking = false;

  void leave(std::uint64_t id) {
    const auto found = open.find(id);
    if (found == open.end()) return;
    for (const std::string& authority : found->second.head.principal.depends_on) {
      const auto group = by_authority.find(authority);
      if (group == by_authority.end()) continue;
      group->second.erase(id);
      if (group->second.empty()) by_authority.erase(group);
    }
    open.erase(found);
    named.erase(id);
    others.erase(id);
  }

  void ask() {
    if (asking || (named.empty() && others.empty())) return;
    asking = true;
    boost::asio::co_spawn(io, ask_all(shared_from_this()), boost::asio::detached);
  }

  std::uint64_t take() {
    std::set<std::uint64_t>& from = named.empty() ? others : named;
    return from.extract(from.begin()).value();
  }

  static Task<void> ask_all(std::shared_ptr<State> self) {
    while (self->still_allowed && !(self->named.empty() && self->others.empty())) {
      const std::uint64_t id = self->take();
      const auto found = self->open.find(id);
      if (found == self->open.end()) continue;
      const Request head = found->second.head;
      const auto answer = co_await self->still_allowed(head, found->second.permission);
      if (answer && !*answer) self->cut(id);
    }
    self->asking = false;
  }

  void cut(std::uint64_t id) {
    const auto found = open.find(id);
    if (found == open.end()) return;
    const auto end = std::move(found->second.cut);
    leave(id);
    ++cuts;
    end();
  }
};

namespace {

Request head_of(const Request& request) {
  Request head;
  head.principal = request.principal;
  head.peer_certificate = request.peer_certificate;
  head.peer_address = request.peer_address;
  for (const char* name : {"authorization", "cookie"}) {
    if (const auto value = request.header(name)) head.headers.emplace(name, *value);
  }
  return head;
}

}  // namespace

OpenExchanges::OpenExchanges(boost::asio::any_io_executor io, StillAllowed still_allowed)
    : state_(std::make_shared<State>(std::move(io), std::move(still_allowed))) {}

OpenExchanges::~OpenExchanges() {
  state_->still_allowed = nullptr;
}

OpenExchanges::Ticket OpenExchanges::enter(const Request& request, Permission permission, std::function<void()> cut) {
  const std::uint64_t id = state_->next++;
  state_->open.emplace(id, State::Exchange{head_of(request), permission, std::move(cut)});
  for (const std::string& authority : request.principal.depends_on) state_->by_authority[authority].insert(id);
  state_->others.insert(id);
  state_->ask();
  return {nullptr, [state = state_, id](void*) { state->leave(id); }};
}

void OpenExchanges::check(const std::string& authority) {
  const auto found = state_->by_authority.find(authority);
  if (found == state_->by_authority.end()) return;
  state_->named.insert(found->second.begin(), found->second.end());
  state_->ask();
}

void OpenExchanges::check_people() {
  for (const auto& [id, exchange] : state_->open) {
    if (exchange.head.principal.kind != Principal::Kind::device) state_->others.insert(id);
  }
  state_->ask();
}

void OpenExchanges::check_all() {
  for (const auto& [id, exchange] : state_->open) state_->others.insert(id);
  state_->ask();
}

std::size_t OpenExchanges::size() const {
  return state_->open.size();
}
std::uint64_t OpenExchanges::cut_count() const {
  return state_->cuts;
}

void add_metrics(Metrics& metrics, const OpenExchanges& exchanges) {
  metrics.sampled_gauge("argosy_exchanges_open", "Live streams, downloads and uploads under way",
                        [&exchanges] { return exchanges.size(); });
  metrics.sampled_counter("argosy_exchanges_cut_total",
                          "Live streams, downloads and uploads cut because the right to them had ended",
                          [&exchanges] { return exchanges.cut_count(); });
}

}  // namespace argosy::server
