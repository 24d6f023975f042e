#include "cli/work_progress.hpp"

#include <csignal>

namespace argosy::cli {

namespace {

volatile std::sig_atomic_t interrupted = 0;

}  // namespace

WorkProgress::WorkProgress(const OutputOptions& output, std::string label)
    : visible_(!output.quiet), label_(std::move(label)), previous_(std::signal(SIGINT, [](int) { interrupted = 1; })) {}

WorkProgress::~WorkProgress() {
  std::signal(SIGINT, previous_);
}

PatchProgress WorkProgress::callback() {
  return [this](std::uint64_t done, std::uint64_t total) {
    if (visible_ && !line_) line_.emplace(label_, total);
    if (line_) line_->update(done);
    return interrupted == 0;
  };
}

}  // namespace argosy::cli
