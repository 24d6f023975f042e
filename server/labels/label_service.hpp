// Labels that come from people and other systems: taken in, handed to the devices that predicted, and what became of
// them. Every instance takes in and hands out; the leader tells devices that labels wait, ends those that nobody comes
// for, and writes down for the audit who told how many. Coroutines on the I/O thread, SQL on the pool's threads.
// Bounded: most_labels_told a request, most_waiting_labels a device, most_kept_labels in all; what a round does, too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/wire/labels.hpp"
#include "server/base/task.hpp"
#include "server/labels/label.hpp"

namespace argosy::server {

class DbPool;
class Metrics;

struct LabelQuery {
  std::string device;
  std::optional<std::string> model{};
  std::optional<LabelState> state{};
  std::optional<std::int64_t> before{};  // seqs under this
  std::size_t limit = 50;
};
struct LabelPage {
  std::vector<ToldLabel> items;  // newest first
  std::int64_t total = 0;        // counted up to 10,000
};

struct LabelFigures {
  std::uint64_t told = 0;
  std::uint64_t refused = 0;
  std::uint64_t settled = 0;
};

class LabelService {
 public:
  // Says to a device, where it can be reached, that labels wait: wire::LabelsWaiting on `down/ack`.
  using TellDevice = std::function<void(const std::string& device, const std::string& document)>;

  LabelService(DbPool& db, TellDevice tell_device) : db_(db), tell_device_(std::move(tell_device)) {}

  // A verdict for each, in their order.
  Task<Result<std::vector<LabelVerdict>>> tell(std::vector<Result<GivenLabel>> labels, std::string actor, Instant now);
  // What the device says became of labels, and the next ones for it.
  Task<Result<wire::HandedLabels>> exchange(std::string device, wire::LabelAnswers answers, Instant now);

  Task<Result<LabelPage>> list(LabelQuery query);                       // Errc::not_found: the device
  Task<Result<LabelStatus>> status(std::optional<std::string> device);  // likewise

  // About once a second on the leader: devices are told of what waits.
  Task<Result<void>> tell_devices(Instant now);
  // About once a minute on the leader: what has ended, by time or with its device, and the audit.
  Task<Result<void>> tidy(Instant now);

  const LabelFigures& figures() const { return figures_; }

 private:
  DbPool& db_;
  TellDevice tell_device_;
  LabelFigures figures_;
};

void add_metrics(Metrics& metrics, const LabelService& labels);

}  // namespace argosy::server
