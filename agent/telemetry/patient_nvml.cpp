#include "agent/telemetry/patient_nvml.hpp"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <dlfcn.h>

#include "agent/telemetry/nvml.hpp"
#include "agent/telemetry/thermal_sensors.hpp"

namespace argosy::agent {

// What the two threads say to each other.
struct PatientNvml::Talk {
  std::mutex mutex;
  std::condition_variable said;
  std::optional<double> asked_at_s;          // an open question, by the board's uptime
  std::optional<wire::HealthSample> answer;  // that nobody took yet; with the uptime of its question
  bool has_driver = true;
  bool is_ending = false;
  bool is_over = false;

  void answer_with(const std::string& library);
};

namespace {

void add_up(std::optional<double>& sum, const std::optional<double>& more) {
  if (more) sum = sum.value_or(0) + *more;
}

void add_cards(wire::HealthSample& sample, const wire::HealthSample& told) {
  raise_to(sample.gpu_percent, told.gpu_percent);
  raise_to(sample.gpu_temperature_c, told.gpu_temperature_c);
  add_up(sample.gpu_memory_used_mb, told.gpu_memory_used_mb);
  add_up(sample.gpu_memory_total_mb, told.gpu_memory_total_mb);
  add_up(sample.gpu_power_w, told.gpu_power_w);
}

}  // namespace

// The thread's work: one answer to each question, until it is to end or there is no driver.
void PatientNvml::Talk::answer_with(const std::string& library) {
  std::unique_ptr<Nvml> nvml;
  Rates rates;
  std::unique_lock lock(mutex);
  while (has_driver) {
    said.wait(lock, [this] { return asked_at_s || is_ending; });
    if (is_ending) return;
    wire::HealthSample told;
    told.uptime_s = asked_at_s;
    lock.unlock();
    if (!nvml) nvml = Nvml::open(library.c_str());
    const bool was_told = nvml && nvml->read(told, rates);
    lock.lock();
    has_driver = was_told;
    asked_at_s.reset();
    answer = std::move(told);
    said.notify_all();
  }
}

std::unique_ptr<PatientNvml> PatientNvml::open(const std::string& library, Duration patience) {
  void* const found = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (found == nullptr) return nullptr;
  ::dlclose(found);
  auto talk = std::make_shared<Talk>();
  std::thread thread([talk, library] {
    talk->answer_with(library);
    const std::lock_guard lock(talk->mutex);
    talk->is_over = true;
    talk->said.notify_all();
  });
  return std::unique_ptr<PatientNvml>(new PatientNvml(std::move(talk), std::move(thread), patience));
}

PatientNvml::PatientNvml(std::shared_ptr<Talk> talk, std::thread thread, Duration patience)
    : talk_(std::move(talk)), thread_(std::move(thread)), patience_(patience) {}

PatientNvml::~PatientNvml() {
  std::unique_lock lock(talk_->mutex);
  talk_->is_ending = true;
  talk_->said.notify_all();
  const bool is_over = talk_->said.wait_for(lock, patience_, [this] { return talk_->is_over; });
  lock.unlock();
  if (is_over)
    thread_.join();
  else
    thread_.detach();
}

bool PatientNvml::read(wire::HealthSample& sample) {
  const double now_s = sample.uptime_s.value_or(0);
  std::unique_lock lock(talk_->mutex);
  auto answer = std::exchange(talk_->answer, std::nullopt);
  if (!talk_->asked_at_s && talk_->has_driver) {
    talk_->asked_at_s = now_s;
    talk_->said.notify_all();
  }
  talk_->said.wait_for(lock, patience_, [this] { return talk_->answer || !talk_->has_driver; });
  if (talk_->answer) answer = std::exchange(talk_->answer, std::nullopt);
  if (answer && now_s - *answer->uptime_s <= longest_delay_s) add_cards(sample, *answer);
  return talk_->has_driver;
}

}  // namespace argosy::agent
