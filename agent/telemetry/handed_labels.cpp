#include "agent/telemetry/handed_labels.hpp"

#include <algorithm>
#include <iterator>

namespace argosy::agent {

wire::LabelAnswers HandedLabels::request() const {
  wire::LabelAnswers request;
  request.after = after_;
  const std::size_t count = std::min(ready_.size(), wire::most_label_answers);
  request.answers.insert(ready_.begin(), std::next(ready_.begin(), static_cast<std::ptrdiff_t>(count)));
  const std::size_t left = counting_.size() + ready_.size() - count;
  request.most = left <= wire::most_labels_handed ? wire::most_labels_handed : 0;
  return request;
}

void HandedLabels::told(const wire::LabelAnswers& request) {
  for (const auto& [seq, outcome] : request.answers) ready_.erase(seq);
}

void HandedLabels::note(std::uint64_t seq, std::optional<wire::LabelOutcome> outcome) {
  after_ = std::max(after_, seq);
  if (outcome == wire::LabelOutcome::counted) counting_.insert(seq);
  if (outcome && *outcome != wire::LabelOutcome::counted) ready_.emplace(seq, *outcome);
}

void HandedLabels::window_kept() {
  for (const std::uint64_t seq : counting_) ready_.emplace(seq, wire::LabelOutcome::counted);
  counting_.clear();
}

}  // namespace argosy::agent
