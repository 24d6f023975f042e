// argosy-digits-classifier: an inference program as a device maker would write it. It answers with the model behind the
// `current` link, loads it again on SIGHUP, and tells the agent about each inference. One thread.
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <memory>
#include <random>
#include <vector>

#include <unistd.h>

#include "agent/sdk/argosy_observe.h"
#include "examples/digits/arguments.hpp"
#include "examples/digits/faults.hpp"
#include "examples/digits/features.hpp"
#include "examples/digits/images.hpp"
#include "examples/digits/model.hpp"

namespace digits {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;

std::uint64_t us_since(Clock::time_point start) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<microseconds>(Clock::now() - start).count());
}

// `release` must outlive the observation.
argosy_observation observation_of(const Release& release) {
  argosy_observation observation = argosy_observation_of(release.model.c_str(), 0);
  if (!release.version.empty()) observation.release = release.version.c_str();
  return observation;
}

class Classifier {
 public:
  explicit Classifier(const Arguments& arguments)
      : arguments_(arguments),
        samples_(load_samples(arguments.data)),
        faults_(arguments.control),
        rng_(arguments.seed) {
    if (argosy_observer_open(&agent_, arguments.socket.c_str()) != 0 && !arguments.socket.empty())
      throw std::runtime_error("cannot use the socket " + arguments.socket + ": " + std::strerror(errno));
  }
  ~Classifier() { argosy_observer_close(&agent_); }

  // Puts the model behind the link in the place of the one that answers now; when it cannot be loaded, the old one goes
  // on and the agent is told of an error of the new release.
  void load_model() {
    next_load_ = Clock::now() + std::chrono::seconds(1);
    const auto start = Clock::now();
    std::error_code missing;
    const auto slot = std::filesystem::canonical(arguments_.model, missing);
    wanted_ = false;
    if (missing) return wait_for_model();
    try {
      auto loaded = std::make_unique<Model>(env_, slot);
      model_ = std::move(loaded);
      told_waiting_ = false;
      std::fprintf(stderr, "serving %s %s\n", model_->release().model.c_str(), model_->release().version.c_str());
    } catch (const std::exception& error) {
      wanted_ = true;
      std::fprintf(stderr, "cannot load %s: %s\n", slot.c_str(), error.what());
      report_failed_load(release_of(slot), us_since(start));
    }
  }

  // Tries again, once a second, what could not be loaded so far.
  void retry_load() {
    if ((wanted_ || !model_) && Clock::now() >= next_load_) load_model();
  }

  // The version that the agent would have asked, too, while there is one; looked for once a second.
  void follow_candidate() {
    if (Clock::now() < next_look_) return;
    next_look_ = Clock::now() + std::chrono::seconds(1);
    const auto folder = std::filesystem::path(arguments_.model).parent_path();
    argosy_candidate found;
    if (!model_ || argosy_candidate_find(folder.c_str(), &found) != 1) return candidate_.reset();
    if (candidate_ && candidate_->release().version == found.version) return;
    candidate_.reset();
    try {
      candidate_ = std::make_unique<Model>(env_, std::filesystem::path(found.path).parent_path());
    } catch (const std::exception& error) {
      std::fprintf(stderr, "cannot load the candidate %s: %s\n", found.version, error.what());
      tell_of_shadow(found.version, {}, {}, -1);
    }
  }

  void classify_one() {
    if (!model_) return;
    const Faults& faults = faults_.at(Clock::now());
    const Sample& sample = samples_[rng_() % samples_.size()];
    const Image image = faults.blur ? blurred(sample.image) : sample.image;
    const auto features = features_of(image);
    argosy_observation observation = observation_of(model_->release());
    const auto start = Clock::now();
    Answer answer;
    try {
      answer = model_->classify(image);
      observation.predicted = answer.digit;
      observation.confidence = answer.confidence;
    } catch (const std::exception& error) {
      observation.ok = 0;
      std::fprintf(stderr, "inference failed: %s\n", error.what());
    }
    if (faults.slow_for.count() > 0) ::usleep(static_cast<useconds_t>(microseconds(faults.slow_for).count()));
    observation.latency_us = us_since(start);
    if (std::uniform_real_distribution<>()(rng_) < arguments_.label_share) observation.label = sample.label;
    observation.features = features.data();
    observation.feature_count = features.size();
    argosy_observe(&agent_, &observation);
    if (candidate_) ask_candidate(image, answer, observation.label);
  }

 private:
  // After the image was answered: it never stands in the way.
  void ask_candidate(const Image& image, const Answer& answer, std::int64_t label) {
    Answer other;
    try {
      other = candidate_->classify(image);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "the candidate failed: %s\n", error.what());
    }
    tell_of_shadow(candidate_->release().version.c_str(), answer, other, label);
  }

  void tell_of_shadow(const char* version, const Answer& answer, const Answer& other, std::int64_t label) {
    const Release& release = model_->release();
    const bool is_known = label >= 0;
    const argosy_shadow_answer told = {release.model.c_str(),
                                       release.version.empty() ? nullptr : release.version.c_str(),
                                       version,
                                       other.digit >= 0,
                                       other.digit >= 0 && other.digit == answer.digit,
                                       is_known ? answer.digit == label : -1,
                                       is_known ? other.digit == label : -1};
    argosy_shadow(&agent_, &told);
  }

  void wait_for_model() {
    if (!told_waiting_) std::fprintf(stderr, "waiting for a model at %s\n", arguments_.model.c_str());
    told_waiting_ = true;
  }

  void report_failed_load(const Release& release, std::uint64_t latency_us) {
    argosy_observation observation = observation_of(release);
    observation.ok = 0;
    observation.latency_us = latency_us;
    argosy_observe(&agent_, &observation);
  }

  Arguments arguments_;
  std::vector<Sample> samples_;
  FaultFile faults_;
  std::mt19937_64 rng_;
  argosy_observer agent_{};
  Ort::Env env_{ORT_LOGGING_LEVEL_FATAL, "digits"};
  std::unique_ptr<Model> model_;
  std::unique_ptr<Model> candidate_;
  bool wanted_ = false;  // the model behind the link could not be loaded
  bool told_waiting_ = false;
  Clock::time_point next_load_{};
  Clock::time_point next_look_{};  // for a candidate
};

// Waits until `due` or a signal; returns the signal, or 0.
int wait_until(Clock::time_point due, const sigset_t& signals) {
  const auto left = std::max(Clock::duration::zero(), due - Clock::now());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  const timespec timeout{seconds.count(), std::chrono::nanoseconds(left - seconds).count()};
  const int signal = ::sigtimedwait(&signals, nullptr, &timeout);
  return signal > 0 ? signal : 0;
}

void run(const Arguments& arguments, const sigset_t& signals) {
  Classifier classifier(arguments);
  if (!arguments.pid_file.empty()) std::ofstream(arguments.pid_file) << ::getpid() << '\n';
  classifier.load_model();
  const auto period = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / arguments.rate));
  for (auto due = Clock::now() + period;;) {
    const int signal = wait_until(due, signals);
    if (signal == SIGHUP) {
      classifier.load_model();
      continue;
    }
    if (signal != 0) break;
    classifier.retry_load();
    classifier.follow_candidate();
    classifier.classify_one();
    due = std::max(due + period, Clock::now() - period);  // what is late by more than one image is left out
  }
  std::error_code absent;
  if (!arguments.pid_file.empty()) std::filesystem::remove(arguments.pid_file, absent);
}

}  // namespace
}  // namespace digits

int main(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGHUP, SIGTERM, SIGINT}) sigaddset(&signals, signal);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  try {
    digits::run(digits::parse_arguments(argc, argv), signals);
    return 0;
  } catch (const std::invalid_argument& error) {
    std::fprintf(stderr, "argosy-digits-classifier: %s\n%s", error.what(), digits::usage);
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "argosy-digits-classifier: %s\n", error.what());
    return 1;
  }
}
