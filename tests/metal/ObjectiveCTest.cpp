// SPDX-License-Identifier: MIT
//
// The tests' own Objective-C runtime sees what it is there to see.
#include "ObjectiveC.h"

#include "Metal/Objects.h"

#include <gtest/gtest.h>

using namespace enigma;
using runtime::metal::owned;
using runtime::metal::Pool;
using runtime::metal::stringOf;
using runtime::metal::textOf;

namespace {

TEST(ObjectiveC, CountsReferences) {
  const auto before = objc::liveObjects();
  {
    auto text = stringOf("lamp");
    auto other = text;
    EXPECT_EQ(textOf(other.get()), "lamp");
    EXPECT_EQ(objc::liveObjects().size(), before.size() + 1);
  }
  EXPECT_EQ(objc::liveObjects(), before);
}

TEST(ObjectiveC, SeesAMissingRelease) {
  const auto before = objc::liveObjects().size();
  auto *text = NS::String::alloc()->init("lamp", NS::UTF8StringEncoding);
  EXPECT_EQ(objc::liveObjects().size(), before + 1);
  text->release();
  EXPECT_EQ(objc::liveObjects().size(), before);
}

TEST(ObjectiveC, PoolsReleaseWhatWasHandedToThem) {
  const auto before = objc::liveObjects().size();
  {
    const Pool pool;
    NS::String::alloc()->init("lamp", NS::UTF8StringEncoding)->autorelease();
    EXPECT_EQ(objc::liveObjects().size(), before + 2); // the pool and the string
  }
  EXPECT_EQ(objc::liveObjects().size(), before);
}

TEST(ObjectiveC, NotesAutoreleaseWithoutAPool) {
  auto *text = NS::String::alloc()->init("lamp", NS::UTF8StringEncoding);
  text->autorelease();
  const auto wrong = objc::takeMisuse();
  ASSERT_EQ(wrong.size(), 1u);
  EXPECT_EQ(wrong[0], "a NSString is autoreleased where there is no pool, and leaks");
  text->release();
}

TEST(ObjectiveCDeathTest, DiesOfOverRelease) {
  EXPECT_DEATH(
      {
        auto *text = NS::String::alloc()->init("lamp", NS::UTF8StringEncoding);
        text->release();
        text->release();
      },
      "the message release is sent to a dead object");
}

TEST(ObjectiveC, MessagesToNilGiveZero) {
  NS::String *none = nullptr;
  EXPECT_EQ(none->utf8String(), nullptr);
}

} // namespace
