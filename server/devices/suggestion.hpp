// What a device's own configuration file says of it: its hardware class and its labels. People give devices labels on
// the server, so an edit of the file changes nothing by itself: it is a suggestion, which an operator takes or turns
// down, or a rule of the configuration takes. Only what was edited since that is one. Where the file says nothing new
// of the class, and every other device of the same kind of board is of another one, that is suggested, too. Pure.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "server/devices/device.hpp"

namespace argosy::server {

struct Declaration {  // the file's, or what the server holds
  std::string hardware_class;
  Labels labels;
  std::string declined_class = {};  // what its peers have and it was not to have, or has by now; of what is settled
  friend bool operator==(const Declaration&, const Declaration&) = default;
};

struct Suggestion {
  std::optional<std::string> hardware_class;
  LabelPatch labels;
  std::string because = {};  // of a class that its peers have; empty: its file says it
  bool empty() const { return !hardware_class && labels.empty(); }
  friend bool operator==(const Suggestion&, const Suggestion&) = default;
};

struct Settlement {
  Suggestion suggestion;
  Declaration settled;  // what the file says of all else
};
// `settled`: what the file said when that was decided last; `file`: what it says now; `held`: what the server holds.
Settlement compare(const Declaration& settled, const Declaration& file, const Declaration& held);
// Errc::invalid_argument where the labels would be too many.
Result<Declaration> apply(const Suggestion& suggestion, Declaration to);
// What is settled once this was taken or turned down: it is not suggested again.
Result<Declaration> settle(const Suggestion& suggestion, Declaration settled);

// Other devices with the same board and accelerators.
inline constexpr std::int64_t least_peers = 3;
struct BoardPeers {
  std::string board;
  std::int64_t devices = 0;  // counted up to least_peers
  std::string first_class;   // by name; where all are of one class, it is the last one, too
  std::string last_class;
};
// The suggestion with the class that all of its peers have; as it is where its file says one.
Suggestion with_class_of(const BoardPeers& peers, Suggestion suggestion, const Declaration& settled,
                         const Declaration& held);
// What was suggested by its peers stays beside what its file says now.
Suggestion beside(Suggestion of_file, const Suggestion& before, const Declaration& held);

// Which suggestions are taken without asking: "hardware_class, labels.site", or "labels" for all of them.
class SuggestionRule {
 public:
  static Result<SuggestionRule> parse(std::string_view text);
  Suggestion taken(const Suggestion& suggestion) const;

 private:
  bool takes_class_ = false;
  bool takes_labels_ = false;
  std::set<std::string, std::less<>> keys_;
};
Suggestion without(Suggestion suggestion, const Suggestion& taken);

// "hardware class orin-nano, label site oslo, no label line"
std::string describe(const Suggestion& suggestion);

std::string encode(const Declaration& declaration);
std::optional<Declaration> decode_declaration(std::string_view json);  // none where it is damaged
std::string encode(const Suggestion& suggestion);
std::optional<Suggestion> decode_suggestion(std::string_view json);

}  // namespace argosy::server
