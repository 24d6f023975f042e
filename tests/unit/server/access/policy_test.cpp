#include "server/access/policy.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "common/base/file.hpp"

namespace argosy::server {
namespace {

using Names = std::set<std::string>;

// The rows of docs/protocol.md's table of permissions: "| `read_fleet` | what for | yes | yes | yes | yes |".
std::map<std::string, Names> documented() {
  const std::string text = read_file(ARGOSY_SOURCE_DIR "/docs/protocol.md").value();
  const std::string title = "| permission | what for | viewer | publisher | operator | admin |\n";
  std::map<std::string, Names> rows;
  std::size_t at = text.find(title);
  if (at == std::string::npos) return rows;
  at = text.find('\n', at + title.size()) + 1;
  while (text[at] == '|') {
    const std::string row = text.substr(at, text.find('\n', at) - at);
    std::vector<std::string> cells;
    for (std::size_t from = 1; from < row.size();) {
      const std::size_t end = row.find('|', from);
      cells.push_back(row.substr(from + 1, end - from - 2));
      from = end + 1;
    }
    Names& roles = rows[cells.at(0).substr(1, cells.at(0).size() - 2)];
    for (std::size_t i = 0; i < all_roles.size(); ++i) {
      if (cells.at(2 + i) == "yes") roles.emplace(to_string(all_roles[i]));
    }
    at += row.size() + 1;
  }
  return rows;
}

std::map<std::string, Names> in_force() {
  std::map<std::string, Names> rows;
  for (const Permission permission : role_permissions) {
    Names& roles = rows[std::string(to_string(permission))];
    for (const Role role : roles_with(permission)) roles.emplace(to_string(role));
  }
  return rows;
}

TEST(Policy, IsWhatTheDocumentSays) {
  EXPECT_EQ(in_force(), documented());
}

TEST(Policy, ListsWhatARoleGives) {
  for (const Role role : all_roles) {
    const auto permissions = permissions_of(role);
    for (const Permission permission : role_permissions) {
      const auto listed = std::count(permissions.begin(), permissions.end(), permission);
      EXPECT_EQ(listed, gives(role, permission) ? 1 : 0) << to_string(role) << " " << to_string(permission);
    }
  }
}

TEST(Policy, PermissionsAreReadByTheirNames) {
  for (const Permission permission : role_permissions) EXPECT_EQ(parse_permission(to_string(permission)), permission);
  for (const char* text : {"", "open", "act_as_device", "fly"}) EXPECT_FALSE(parse_permission(text)) << text;
}

TEST(Policy, NoRoleIsADevice) {
  for (const Role role : all_roles) EXPECT_FALSE(gives(role, Permission::act_as_device));
}

TEST(Policy, AdminsIncludeAllAndEverybodyIncludesViewers) {
  for (const Role role : all_roles) {
    EXPECT_TRUE(includes(Role::admin, role));
    EXPECT_TRUE(includes(role, Role::viewer));
  }
  EXPECT_FALSE(includes(Role::publisher, Role::operator_));
  EXPECT_FALSE(includes(Role::operator_, Role::publisher));
}

TEST(Capped, NobodyGivesMoreThanTheyHave) {
  for (const Role role : {Role::viewer, Role::publisher, Role::operator_, Role::admin}) {
    EXPECT_EQ(capped(role, Role::admin), role);
    EXPECT_EQ(capped(Role::admin, role), role);
    EXPECT_EQ(capped(role, role), role);
    EXPECT_EQ(capped(role, Role::viewer), Role::viewer);
    EXPECT_EQ(capped(Role::viewer, role), Role::viewer);
  }
  EXPECT_EQ(capped(Role::publisher, Role::operator_), Role::viewer) << "neither includes the other";
  EXPECT_EQ(capped(Role::operator_, Role::publisher), Role::viewer);
}

}  // namespace
}  // namespace argosy::server
