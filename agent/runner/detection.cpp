#include "agent/runner/detection.hpp"

#include <algorithm>
#include <limits>
#include <map>

namespace argosy::agent {
namespace {

constexpr std::size_t most_of_a_kind = 100;  // of detections, a sample
constexpr int recalls = 101;

double intersection(const BoundingBox& a, const BoundingBox& b) {
  const double width = std::min(a.right, b.right) - std::max(a.left, b.left);
  const double height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  return width > 0 && height > 0 ? width * height : 0;
}

double overlap_with(const Detection& detection, const TrueObject& object) {
  const double both = intersection(detection.box, object.box);
  const double all = object.is_crowd ? detection.box.area() : detection.box.area() + object.box.area() - both;
  return all > 0 ? both / all : 0;
}

struct Match {
  double score = 0;
  bool is_found = false;
  bool is_ignored = false;
};

// Detections of one kind against the objects of that kind, in one sample. Objects that count come before crowds.
void match(const std::vector<const Detection*>& detections, const std::vector<const TrueObject*>& objects,
           double threshold, std::vector<Match>& matches) {
  std::vector<bool> taken(objects.size(), false);
  constexpr std::size_t nobody = static_cast<std::size_t>(-1);
  for (const Detection* detection : detections) {
    double best = std::min(threshold, 1 - 1e-10);
    std::size_t found = nobody;
    for (std::size_t i = 0; i < objects.size(); ++i) {
      if (taken[i] && !objects[i]->is_crowd) continue;
      if (found != nobody && !objects[found]->is_crowd && objects[i]->is_crowd) break;
      const double share = overlap_with(*detection, *objects[i]);
      if (share < best) continue;
      best = share;
      found = i;
    }
    if (found != nobody) taken[found] = true;
    matches.push_back({detection->score, found != nobody, found != nobody && objects[found]->is_crowd});
  }
}

double average_precision_of(std::vector<Match> matches, double objects) {
  std::stable_sort(matches.begin(), matches.end(), [](const Match& a, const Match& b) { return a.score > b.score; });
  std::vector<double> recall, precision;
  double right = 0, wrong = 0;
  for (const Match& match : matches) {
    if (!match.is_ignored) ++(match.is_found ? right : wrong);
    recall.push_back(right / objects);
    precision.push_back(right / (right + wrong + std::numeric_limits<double>::epsilon()));
  }
  for (std::size_t i = precision.size(); i-- > 1;) precision[i - 1] = std::max(precision[i - 1], precision[i]);
  double sum = 0;
  for (int i = 0; i < recalls; ++i) {
    const double wanted = i == recalls - 1 ? 1.0 : i * 0.01;
    const auto at = std::lower_bound(recall.begin(), recall.end(), wanted);
    if (at != recall.end()) sum += precision[static_cast<std::size_t>(at - recall.begin())];
  }
  return sum / recalls;
}

void sort_by_score(std::vector<Detection>& detections) {
  std::stable_sort(detections.begin(), detections.end(),
                   [](const Detection& a, const Detection& b) { return a.score > b.score; });
}

}  // namespace

double overlap(const BoundingBox& a, const BoundingBox& b) {
  const double both = intersection(a, b), all = a.area() + b.area() - both;
  return all > 0 ? both / all : 0;
}

std::vector<Detection> without_overlaps(std::vector<Detection> detections, double most) {
  sort_by_score(detections);
  std::vector<Detection> kept;
  for (const Detection& each : detections) {
    const bool is_free = std::none_of(kept.begin(), kept.end(), [&](const Detection& better) {
      return better.kind == each.kind && overlap(better.box, each.box) > most;
    });
    if (is_free) kept.push_back(each);
  }
  return kept;
}

double DetectionScore::add(std::vector<Detection> detections, std::vector<TrueObject> objects) {
  sort_by_score(detections);
  std::map<std::int64_t, std::size_t> of_a_kind;
  std::erase_if(detections, [&](const Detection& each) { return ++of_a_kind[each.kind] > most_of_a_kind; });
  std::stable_sort(objects.begin(), objects.end(),
                   [](const TrueObject& a, const TrueObject& b) { return a.is_crowd < b.is_crowd; });
  std::size_t found = 0, counted = 0;
  for (const TrueObject& object : objects) {
    if (object.is_crowd) continue;
    ++counted;
    found += std::any_of(detections.begin(), detections.end(), [&](const Detection& each) {
      return each.kind == object.kind && overlap(each.box, object.box) >= 0.5;
    });
  }
  samples_.push_back({std::move(detections), std::move(objects)});
  return counted == 0 ? 1 : static_cast<double>(found) / static_cast<double>(counted);
}

double DetectionScore::mean_average_precision(std::span<const double> thresholds) const {
  std::map<std::int64_t, double> objects_of_kind;
  for (const Sample& sample : samples_)
    for (const TrueObject& object : sample.objects) objects_of_kind[object.kind] += object.is_crowd ? 0 : 1;
  double sum = 0, terms = 0;
  for (const auto& [kind, count] : objects_of_kind) {
    if (count == 0) continue;
    std::vector<std::vector<Match>> matches(thresholds.size());
    for (const Sample& sample : samples_) {
      std::vector<const Detection*> detections;
      std::vector<const TrueObject*> objects;
      for (const Detection& each : sample.detections)
        if (each.kind == kind) detections.push_back(&each);
      for (const TrueObject& each : sample.objects)
        if (each.kind == kind) objects.push_back(&each);
      for (std::size_t i = 0; i < thresholds.size(); ++i) match(detections, objects, thresholds[i], matches[i]);
    }
    for (std::vector<Match>& each : matches) {
      sum += average_precision_of(std::move(each), count);
      ++terms;
    }
  }
  return terms == 0 ? 0 : sum / terms;
}

std::vector<double> coco_thresholds() {
  constexpr int steps = 9;
  std::vector<double> thresholds;
  for (int i = 0; i <= steps; ++i) thresholds.push_back(i == steps ? 0.95 : 0.5 + i * ((0.95 - 0.5) / steps));
  return thresholds;
}

}  // namespace argosy::agent
