#include "server/notify/courier.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include <boost/asio/async_result.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <curl/curl.h>
#include <netinet/in.h>
#include <unistd.h>

namespace argosy::server {
namespace {

namespace asio = boost::asio;

constexpr std::size_t most_read_bytes = 64 << 10;  // of an answer: more breaks it off
constexpr int idle_wait_ms = 1000;
constexpr long most_connections_kept = 32;

using Done = std::function<void(Answered)>;

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, FreeEasy>;
using List = std::unique_ptr<curl_slist, FreeList>;

void add_to(List& list, const std::string& text) {
  if (curl_slist* longer = curl_slist_append(list.get(), text.c_str())) {
    static_cast<void>(list.release());
    list.reset(longer);
  }
}

IpAddress address_of(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    std::uint8_t bytes[4];
    std::memcpy(bytes, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, sizeof bytes);
    return ip_v4(bytes);
  }
  IpAddress bytes{};
  if (address.sa_family == AF_INET6)
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, bytes.size());
  return bytes;
}

// One message under way; on the courier's thread, but for its making.
struct Journey {
  Outbound message;
  Done done;
  const AddressRules* addresses = nullptr;
  Easy easy;
  List headers;          // or recipients
  std::size_t sent = 0;  // of a mail
  std::string answer;
  std::string refusal;  // why an address was not connected to
  bool answer_too_long = false;
  char error[CURL_ERROR_SIZE] = "";
};

// An address family that the rules know nothing of is not connected to.
curl_socket_t open_socket(void* of, curlsocktype, curl_sockaddr* address) {
  auto& journey = *static_cast<Journey*>(of);
  const bool is_ip = address->family == AF_INET || address->family == AF_INET6;
  const std::string refusal = is_ip ? journey.addresses->refusal(address_of(address->addr)) : "it has no IP address";
  if (refusal.empty()) return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  journey.refusal = refusal;
  return CURL_SOCKET_BAD;
}

std::size_t keep_answer(char* data, std::size_t, std::size_t size, void* of) {
  auto& journey = *static_cast<Journey*>(of);
  journey.answer_too_long = journey.answer.size() + size > most_read_bytes;
  if (journey.answer_too_long) return 0;
  journey.answer.append(data, size);
  return size;
}

// Of a mail server the last line says most.
std::size_t keep_last_line(char* data, std::size_t, std::size_t size, void* of) {
  auto& journey = *static_cast<Journey*>(of);
  journey.answer.assign(data, std::min(size, most_answer_bytes));
  return size;
}

std::size_t give_mail(char* buffer, std::size_t size, std::size_t count, void* of) {
  auto& journey = *static_cast<Journey*>(of);
  const std::string& whole = std::get<Mail>(journey.message).message;
  const std::size_t piece = std::min(size * count, whole.size() - journey.sent);
  std::memcpy(buffer, whole.data() + journey.sent, piece);
  journey.sent += piece;
  return piece;
}

void prepare(Journey& journey, const HttpPost& post) {
  CURL* const easy = journey.easy.get();
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_URL, post.url.c_str());
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(post.body.size()));
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, post.body.data());
  for (const auto& [name, value] : post.headers) add_to(journey.headers, name + ": " + value);
  add_to(journey.headers, "Expect:");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, journey.headers.get());
}

void prepare(Journey& journey, const Mail& mail) {
  CURL* const easy = journey.easy.get();
  const bool is_v6 = mail.box.host.find(':') != std::string::npos;
  const std::string host = is_v6 ? "[" + mail.box.host + "]" : mail.box.host;
  const std::string url =
      (mail.box.tls == MailTls::implicit ? "smtps://" : "smtp://") + host + ":" + std::to_string(mail.box.port);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_USE_SSL,
                   static_cast<long>(mail.box.tls == MailTls::none ? CURLUSESSL_NONE : CURLUSESSL_ALL));
  if (!mail.box.user.empty()) {
    curl_easy_setopt(easy, CURLOPT_USERNAME, mail.box.user.c_str());
    curl_easy_setopt(easy, CURLOPT_PASSWORD, mail.password.c_str());
  }
  curl_easy_setopt(easy, CURLOPT_MAIL_FROM, mail.box.from.c_str());
  for (const std::string& address : mail.box.to) add_to(journey.headers, address);
  curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, journey.headers.get());
  curl_easy_setopt(easy, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);  // who can be reached gets it once, not again and again
  curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_mail);
  curl_easy_setopt(easy, CURLOPT_READDATA, &journey);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, keep_last_line);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &journey);
  curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
}

void prepare_common(Journey& journey, const Courier::Options& options) {
  CURL* const easy = journey.easy.get();
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &journey);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, journey.error);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // else a name that nobody resolves holds up the others at its end
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout.count()));
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.timeout.count()));
  curl_easy_setopt(easy, CURLOPT_USERAGENT, options.user_agent.c_str());
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &journey);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep_answer);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &journey);
  if (!options.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, options.ca_file.c_str());
}

std::string why_it_failed(const Journey& journey, CURLcode code) {
  if (!journey.refusal.empty()) return journey.refusal;
  if (journey.answer_too_long) return "the answer is longer than " + std::to_string(most_read_bytes) + " bytes";
  return journey.error[0] != '\0' ? journey.error : curl_easy_strerror(code);
}

Answered answer_of(Journey& journey, CURLcode code) {
  Answered answered;
  curl_off_t took_us = 0, retry_after_s = 0;
  curl_easy_getinfo(journey.easy.get(), CURLINFO_RESPONSE_CODE, &answered.status);
  curl_easy_getinfo(journey.easy.get(), CURLINFO_TOTAL_TIME_T, &took_us);
  curl_easy_getinfo(journey.easy.get(), CURLINFO_RETRY_AFTER, &retry_after_s);
  answered.took = Duration{took_us / 1000};
  if (retry_after_s > 0) answered.retry_after = std::chrono::seconds(std::min<curl_off_t>(retry_after_s, 86'400));
  answered.body = std::move(journey.answer);
  if (code != CURLE_OK) answered.error = why_it_failed(journey, code);
  return answered;
}

struct GlobalCurl {
  GlobalCurl() { curl_global_init(CURL_GLOBAL_DEFAULT); }
};

}  // namespace

struct Courier::Impl {
  explicit Impl(Options given) : options(std::move(given)) {
    static const GlobalCurl once;
    multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, most_connections_kept);
    thread = std::thread([this] { run(); });
  }
  ~Impl() {
    stopping = true;
    curl_multi_wakeup(multi);
    thread.join();
    for (const auto& [easy, journey] : under_way) curl_multi_remove_handle(multi, easy);
    under_way.clear();
    curl_multi_cleanup(multi);
  }

  void take(std::unique_ptr<Journey> journey) {
    {
      const std::lock_guard lock(mutex);
      coming.push_back(std::move(journey));
    }
    curl_multi_wakeup(multi);
  }

  void run() {
    while (!stopping) {
      begin_those_that_came();
      int running = 0;
      curl_multi_perform(multi, &running);
      end_those_that_are_done();
      curl_multi_poll(multi, nullptr, 0, idle_wait_ms, nullptr);
    }
  }

  void begin_those_that_came() {
    std::vector<std::unique_ptr<Journey>> fresh;
    {
      const std::lock_guard lock(mutex);
      fresh.swap(coming);
    }
    for (auto& journey : fresh) {
      journey->easy.reset(curl_easy_init());
      prepare_common(*journey, options);
      std::visit([&](const auto& message) { prepare(*journey, message); }, journey->message);
      CURL* const easy = journey->easy.get();
      curl_multi_add_handle(multi, easy);
      under_way.emplace(easy, std::move(journey));
    }
  }

  void end_those_that_are_done() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      CURL* const easy = message->easy_handle;
      curl_multi_remove_handle(multi, easy);
      const auto found = under_way.find(easy);
      if (found == under_way.end()) continue;
      const std::unique_ptr<Journey> journey = std::move(found->second);
      under_way.erase(found);
      journey->done(answer_of(*journey, code));
    }
  }

  const Options options;
  CURLM* multi = nullptr;
  std::atomic<bool> stopping = false;
  std::mutex mutex;
  std::vector<std::unique_ptr<Journey>> coming;         // under the mutex
  std::map<CURL*, std::unique_ptr<Journey>> under_way;  // of the thread
  std::thread thread;
};

Courier::Courier(asio::any_io_executor io, Options options)
    : impl_(std::make_unique<Impl>(std::move(options))), io_(std::move(io)) {}
Courier::~Courier() = default;

Task<Answered> Courier::carry(Outbound message) {
  auto initiate = [this](auto handler, Outbound owned) {
    auto shared_handler = std::make_shared<decltype(handler)>(std::move(handler));
    auto io = asio::prefer(io_, asio::execution::outstanding_work.tracked);
    auto journey = std::make_unique<Journey>();
    journey->message = std::move(owned);
    journey->addresses = &impl_->options.addresses;
    journey->done = [shared_handler, io](Answered answered) {
      asio::post(io, [shared_handler, answered = std::move(answered)]() mutable {
        std::move (*shared_handler)(std::move(answered));
      });
    };
    impl_->take(std::move(journey));
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Answered)>(
      std::move(initiate), asio::use_awaitable, std::move(message));
}

}  // namespace argosy::server
