#include "cli/rollout_watch.hpp"

#include <algorithm>
#include <thread>

#include "cli/exit_code.hpp"
#include "cli/rollout_output.hpp"
#include "common/json/json_look.hpp"

namespace argosy::cli {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

namespace {

constexpr int most_unreachable = 60;  // looks, one a second
constexpr std::int64_t longest_timeout_s = 30 * 86400;

// The exit code that a rollout in this state ends the watch with.
std::optional<ExitCode> end_in(const std::string& state) {
  if (state == "completed") return exit_ok;
  if (state == "halted" || state == "rolled_back") return exit_not_completed;
  if (state == "paused") return exit_paused;
  return std::nullopt;
}

// Those after `last`, which moves on to the newest: one line each, as they were taken.
void print_new_decisions(const Context& context, const json& newest_first, double& last) {
  const json& items = list_in(newest_first, "items");
  for (auto at = items.rbegin(); at != items.rend(); ++at) {
    const json& decision = *at;
    const double number = number_in(decision, "id").value_or(0);
    if (number <= last) continue;
    last = number;
    print_note(context.output, cell(decision, "/at") + "  " + cell(decision, "/actor") + "  " +
                                   cell(decision, "/decision") + ": " + cell(decision, "/message"));
  }
}

class Deadline {
 public:
  explicit Deadline(std::optional<std::int64_t> timeout_s) {
    if (timeout_s) end_ = Clock::now() + std::chrono::seconds(*timeout_s);
  }
  bool is_over() const { return end_ && Clock::now() >= *end_; }
  void sleep(Clock::duration time) const {
    if (end_) time = std::min(time, std::max(*end_ - Clock::now(), Clock::duration::zero()));
    std::this_thread::sleep_for(time);
  }

 private:
  std::optional<Clock::time_point> end_;
};

}  // namespace

Result<int> watch_rollout(const Context& context, const ApiClient& api, const std::string& id,
                          const WatchFlags& flags) {
  const Deadline deadline(flags.timeout_s);
  double last_decision = 0;
  std::string last_counts;
  int unreachable = 0;
  for (;;) {
    const auto rollout = api.get(rollout_path(id));
    const bool is_away = !rollout && exit_code_of(rollout.error().code) == exit_unavailable;
    if (is_away && ++unreachable < most_unreachable && !deadline.is_over()) {
      deadline.sleep(std::chrono::seconds(1));
      continue;
    }
    if (!rollout) return rollout.error();
    unreachable = 0;
    const auto decisions = api.get(rollout_path(id) + "/decisions?limit=500");
    if (decisions) print_new_decisions(context, *decisions, last_decision);
    const auto planning = planning_text(*rollout);
    const std::string counts = planning.empty() ? counts_text(member(*rollout, "counts")) : planning;
    if (counts != last_counts) print_note(context.output, "  " + counts);
    last_counts = counts;
    const auto end = end_in(cell(*rollout, "/state"));
    if (end || deadline.is_over()) {
      if (!end) print_note(context.output, "The time is over; the rollout goes on.");
      print_rollout(context, *rollout);
      return end.value_or(exit_still_running);
    }
    deadline.sleep(std::chrono::milliseconds(500));
  }
}

void add_timeout_option(CLI::App& command, std::optional<std::int64_t>& timeout_s) {
  command
      .add_option("--timeout", timeout_s,
                  "Watch for at most so many seconds, up to 30 days; exit code 9 when it has not ended by then")
      ->check(CLI::Range(std::int64_t{1}, longest_timeout_s));
}

}  // namespace argosy::cli
