#include "cli/work_progress.hpp"

namespace argosy::cli {

namespace {

volatile std::sig_atomic_t interrupted = 0;

}  // namespace

// The first signal asks, and interrupts what blocks; a second one ends the program at once.
WorkProgress::WorkProgress(const OutputOptions& output, std::string label)
    : visible_(!output.quiet), label_(std::move(label)) {
  struct sigaction ask {};
  ask.sa_handler = [](int) { interrupted = 1; };
  ask.sa_flags = static_cast<int>(SA_RESETHAND);
  for (std::size_t i = 0; i < ending_signals.size(); ++i) ::sigaction(ending_signals[i], &ask, &previous_[i]);
}

WorkProgress::~WorkProgress() {
  for (std::size_t i = 0; i < ending_signals.size(); ++i) ::sigaction(ending_signals[i], &previous_[i], nullptr);
}

PatchProgress WorkProgress::callback() {
  return [this](std::uint64_t done, std::uint64_t total) {
    if (visible_ && !line_) line_.emplace(label_, total);
    if (line_) line_->update(done);
    return interrupted == 0;
  };
}

}  // namespace argosy::cli
