// Patches that are ready, as patch_choice weighs them; those towards one file are read once. For this folder's
// *_store.cpp, on DB threads, inside one transaction.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "server/models/patch_choice.hpp"

namespace argosy::server {

class ReadyPatches {
 public:
  explicit ReadyPatches(pqxx::work& transaction) : transaction_(transaction) {}
  // That make this file, or the base of one that does.
  const std::vector<ReadyPatch>& towards(const std::string& target);

 private:
  pqxx::work& transaction_;
  std::map<std::string, std::vector<ReadyPatch>> read_;
};

}  // namespace argosy::server
