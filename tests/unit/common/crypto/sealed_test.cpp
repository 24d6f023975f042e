#include "common/crypto/sealed.hpp"

#include <gtest/gtest.h>

#include "common/base/random.hpp"

namespace argosy {
namespace {

const Bytes key = secure_random(sealing_key_bytes);

TEST(Sealed, OpensAsItWas) {
  for (const std::string& secret : {std::string(), std::string("hunter2"), std::string(5000, 'x')})
    EXPECT_EQ(unseal(key, seal(key, secret, "a").value(), "a").value(), secret);
}

TEST(Sealed, ShowsNothingAndIsNeverTheSame) {
  const Bytes one = seal(key, "hunter2hunter2", "a").value(), other = seal(key, "hunter2hunter2", "a").value();
  EXPECT_NE(one, other);
  EXPECT_EQ(as_text(one).find("hunter2"), std::string_view::npos);
}

TEST(Sealed, DoesNotOpenWhenAnythingIsOther) {
  const Bytes sealed = seal(key, "hunter2", "a").value();
  EXPECT_FALSE(unseal(key, sealed, "b")) << "another context";
  EXPECT_FALSE(unseal(secure_random(sealing_key_bytes), sealed, "a")) << "another key";
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    Bytes touched = sealed;
    touched[at] ^= 1;
    EXPECT_EQ(unseal(key, touched, "a").error().code, Errc::corrupt) << at;
    EXPECT_FALSE(unseal(key, ByteView(sealed).first(at), "a")) << at;
  }
}

TEST(Sealed, AKeyHasItsLength) {
  EXPECT_FALSE(seal(secure_random(16), "hunter2", "a"));
}

}  // namespace
}  // namespace argosy
