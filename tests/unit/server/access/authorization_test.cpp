#include "server/access/authorization.hpp"

#include <gtest/gtest.h>

#include "server/access/permission.hpp"
#include "server/access/role.hpp"

namespace argosy::server {
namespace {

const Principal device{Principal::Kind::device, "cam-7"};
Principal person(Role role) {
  return {Principal::Kind::user, "ada", role};
}
bool may(const Principal& caller, Permission permission) {
  return authorize(permission, caller).has_value();
}

TEST(Authorization, PublishersAndOperatorsDoNotIncludeEachOther) {
  EXPECT_TRUE(may(person(Role::viewer), Permission::read_fleet));
  EXPECT_FALSE(may(person(Role::publisher), Permission::operate_rollouts));
  EXPECT_FALSE(may(person(Role::operator_), Permission::publish_releases));
  EXPECT_TRUE(may(person(Role::publisher), Permission::prepare_patches));
  EXPECT_TRUE(may(person(Role::operator_), Permission::prepare_patches));
  EXPECT_TRUE(may(person(Role::admin), Permission::publish_releases));
  EXPECT_TRUE(may(person(Role::admin), Permission::operate_rollouts));
  EXPECT_FALSE(may(person(Role::operator_), Permission::manage_people));
}

TEST(Authorization, DevicesAndPeopleStayApart) {
  EXPECT_TRUE(may(device, Permission::act_as_device));
  for (const Permission permission : role_permissions) {
    EXPECT_FALSE(may(device, permission)) << to_string(permission);
    EXPECT_FALSE(may(Principal{}, permission)) << to_string(permission);
  }
  EXPECT_FALSE(may(person(Role::admin), Permission::act_as_device));
  EXPECT_TRUE(may(Principal{}, Permission::open));
}

TEST(Authorization, ARefusalNamesThePermissionAndWhoHasIt) {
  const auto refused = authorize(Permission::publish_releases, person(Role::viewer));
  EXPECT_EQ(refused.error().code, Errc::forbidden);
  EXPECT_EQ(refused.error().message,
            "user:ada has the role viewer; this needs the permission publish_releases, which publisher and admin have");
  EXPECT_EQ(authorize(Permission::manage_people, person(Role::operator_)).error().message,
            "user:ada has the role operator; this needs the permission manage_people, which admin has");
  EXPECT_EQ(authorize(Permission::read_fleet, device).error().message,
            "device:cam-7 is a device; this needs the permission read_fleet, which viewer, publisher, operator and "
            "admin have");
}

TEST(Authorization, WhoeverMaySignInIsToldWhatFor) {
  const auto refused = authorize(Permission::operate_rollouts, Principal{});
  EXPECT_EQ(refused.error().code, Errc::unauthenticated);
  EXPECT_EQ(refused.error().message,
            "this needs a session or a bearer token, with the permission operate_rollouts, which operator and admin "
            "have: sign in first");
  EXPECT_EQ(authorize(Permission::act_as_device, person(Role::admin)).error().code, Errc::unauthenticated);
}

}  // namespace
}  // namespace argosy::server
