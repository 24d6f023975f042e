#include "server/devices/address_budgets.hpp"

#include <algorithm>

#include "common/base/encoding.hpp"
#include "common/base/random.hpp"

namespace argosy::server {

AddressBudgets::AddressBudgets() : seed_(stable_hash(0, as_text(secure_random(8)))) {}

bool AddressBudgets::take(std::string_view address, Instant now) {
  Budget& budget = budgets_[stable_hash(seed_, address) % budgets_.size()];
  const double seconds = std::max<double>(0, static_cast<double>((now - budget.at).count()) / 1000);
  budget.spent = std::max(0.0, budget.spent - seconds * per_second);
  budget.at = std::max(budget.at, now);
  if (budget.spent + 1 > burst) return false;
  budget.spent += 1;
  return true;
}

}  // namespace argosy::server
