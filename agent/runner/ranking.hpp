// How well scores put what is of a class before what is not: areas under curves over all thresholds. Equal scores are
// one step. Pure.
#pragma once

#include <optional>
#include <vector>

namespace argosy::agent {

struct Ranking {
  double score = 0;
  bool is_of_class = false;
};

// Nothing where all are of the class or none is.
std::optional<double> roc_area(std::vector<Ranking> rankings);
// Of precision over recall: by trapezoids, from precision 1 at recall 0, and as the sum of precision times what recall
// gains. Nothing where none is of the class.
std::optional<double> precision_recall_area(std::vector<Ranking> rankings);
std::optional<double> average_precision(std::vector<Ranking> rankings);

// Standard error of a ROC area. Source: J. A. Hanley and B. J. McNeil, Radiology 143, 1982.
double roc_area_error(double area, double of_class, double of_rest);

}  // namespace argosy::agent
