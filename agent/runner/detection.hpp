// Mean average precision of detected boxes as COCO counts it: at most 100 detections of a class a sample, matched
// greedily by their scores, precision at 101 recalls, the mean over classes that occur, and over IoU thresholds.
// Source: pycocotools, cocoeval.py, for all areas. Pure. Limits: 20 million detections in all.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace argosy::agent {

struct BoundingBox {
  double left = 0, top = 0, right = 0, bottom = 0;
  double area() const { return (right - left) * (bottom - top); }
};

struct Detection {
  BoundingBox box;
  double score = 0;
  std::int64_t kind = 0;
};

struct TrueObject {
  BoundingBox box;
  std::int64_t kind = 0;
  bool is_crowd = false;  // may be found any number of times, and need not
};

double overlap(const BoundingBox& a, const BoundingBox& b);  // intersection over union

// Drops what overlaps a box of its kind with a higher score by more than `most`. The best first.
std::vector<Detection> without_overlaps(std::vector<Detection> detections, double most);

class DetectionScore {
 public:
  // Returns the share of the sample's objects that were found, at an IoU of 0.5; 1 where there are none.
  double add(std::vector<Detection> detections, std::vector<TrueObject> objects);
  // The mean over the thresholds. 0 when there is nothing to find.
  double mean_average_precision(std::span<const double> thresholds) const;

 private:
  struct Sample {
    std::vector<Detection> detections;  // the best first
    std::vector<TrueObject> objects;
  };
  std::vector<Sample> samples_;
};

// 0.5, 0.55, ... 0.95.
std::vector<double> coco_thresholds();

}  // namespace argosy::agent
