// SPDX-License-Identifier: MIT
//
// The folder of the disk cache: what comes back is what was stored, or nothing.
#include "enigma/Compile/DiskCache.h"

#include "enigma/Support/Version.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace enigma;
using compile::DiskCache;
namespace fs = std::filesystem;

namespace {

struct DiskCacheTest : ::testing::Test {
  fs::path root;
  std::string folder;

  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "enigma-disk-cache-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root = name;
    folder = (root / "a" / "cache").string();
  }
  void TearDown() override {
    std::error_code ignored;
    fs::remove_all(root, ignored);
  }

  std::vector<fs::path> files() const {
    std::vector<fs::path> out;
    if (fs::exists(folder))
      for (const auto &entry : fs::directory_iterator(folder))
        out.push_back(entry.path());
    return out;
  }
  static std::string read(const fs::path &path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void write(const fs::path &path, const std::string &bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }
  /// The bytes under an identity, or "none".
  static std::string get(DiskCache &cache, std::string_view identity, std::string_view kind = "host") {
    std::string bytes;
    return cache.load(kind, identity, bytes) ? bytes : "none";
  }
};

constexpr uint64_t mebi = 1 << 20;

TEST_F(DiskCacheTest, WhatIsStoredIsLoadedByAnotherProcessesCache) {
  const std::string bytes("\0code\xff\n", 7);
  {
    DiskCache cache(folder, mebi);
    EXPECT_EQ(get(cache, "saxpy"), "none");
    cache.store("host", "saxpy", bytes);
    cache.store("host", "empty", "");
  }
  DiskCache cache(folder, mebi);
  EXPECT_EQ(get(cache, "saxpy"), bytes);
  EXPECT_EQ(get(cache, "empty"), "");
  EXPECT_EQ(get(cache, "saxpz"), "none");
  EXPECT_EQ(get(cache, "saxpy", "msl"), "none");
  const compile::DiskCacheInfo info = cache.info();
  EXPECT_EQ(info.hits, 2u);
  EXPECT_EQ(info.misses, 2u);
  EXPECT_EQ(info.entries, 2u);
  EXPECT_EQ(info.rejected, 0u);
  EXPECT_EQ(info.off, "");
}

TEST_F(DiskCacheTest, TheNewestStoreCounts) {
  DiskCache cache(folder, mebi);
  cache.store("host", "k", "first");
  cache.store("host", "k", "second");
  EXPECT_EQ(get(cache, "k"), "second");
  EXPECT_EQ(cache.info().entries, 1u);
}

TEST_F(DiskCacheTest, TheFolderIsTheUsersAlone) {
  DiskCache cache(folder, mebi);
  cache.store("host", "k", "code");
  struct stat status;
  ASSERT_EQ(stat(folder.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  ASSERT_EQ(files().size(), 1u);
  ASSERT_EQ(stat(files()[0].c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(DiskCacheTest, AFolderThatOthersCanWriteIsNotUsed) {
  DiskCache cache(folder, mebi);
  cache.store("host", "k", "code");
  for (const mode_t mode : {0770, 0707, 0777}) {
    chmod(folder.c_str(), mode);
    EXPECT_EQ(get(cache, "k"), "none");
    cache.store("host", "k", "more");
    EXPECT_NE(cache.info().off.find("can be written by other users"), std::string::npos);
  }
  chmod(folder.c_str(), 0755);
  EXPECT_EQ(get(cache, "k"), "code");
  EXPECT_EQ(cache.info().off, "");
}

TEST_F(DiskCacheTest, AFolderOrAFileOfAnotherUserIsNotUsed) {
  if (geteuid() != 0)
    GTEST_SKIP() << "only root can give files away";
  DiskCache cache(folder, mebi);
  cache.store("host", "k", "code");
  ASSERT_EQ(chown(files()[0].c_str(), 12345, 0), 0);
  EXPECT_EQ(get(cache, "k"), "none");
  EXPECT_EQ(cache.info().rejected, 1u);
  cache.store("host", "k", "code");
  EXPECT_EQ(get(cache, "k"), "code");
  ASSERT_EQ(chown(folder.c_str(), 12345, 0), 0);
  EXPECT_EQ(get(cache, "k"), "none");
  EXPECT_NE(cache.info().off.find("belongs to another user"), std::string::npos);
}

TEST_F(DiskCacheTest, EveryDamagedByteIsNoticed) {
  DiskCache cache(folder, mebi);
  cache.store("host", "saxpy", "some machine code");
  const fs::path file = files().at(0);
  const std::string good = read(file);
  for (size_t i = 0; i < good.size(); ++i)
    for (const int bit : {1, 128}) {
      std::string bad = good;
      bad[i] = char(bad[i] ^ bit);
      write(file, bad);
      EXPECT_EQ(get(cache, "saxpy"), "none") << "byte " << i;
    }
  for (size_t size = 0; size < good.size(); ++size) {
    write(file, good.substr(0, size));
    EXPECT_EQ(get(cache, "saxpy"), "none") << size << " bytes";
  }
  write(file, good + "x");
  EXPECT_EQ(get(cache, "saxpy"), "none");
  EXPECT_EQ(cache.info().rejected, 3 * good.size() + 1);
  cache.store("host", "saxpy", "new");
  EXPECT_EQ(get(cache, "saxpy"), "new");
}

TEST_F(DiskCacheTest, AnotherEntryInThePlaceOfThisOneIsNotTakenForIt) {
  DiskCache cache(folder, mebi);
  cache.store("host", "first", "A");
  const fs::path first = files().at(0);
  const std::string ofFirst = read(first);
  fs::remove(first);
  cache.store("host", "other", "B");
  fs::rename(files().at(0), first);
  EXPECT_EQ(get(cache, "first"), "none");
  write(first, ofFirst);
  EXPECT_EQ(get(cache, "first"), "A");
}

TEST_F(DiskCacheTest, LinksPipesAndFoldersAreNoEntries) {
  DiskCache cache(folder, mebi);
  cache.store("host", "k", "code");
  const fs::path file = files().at(0), away = root / "moved";
  fs::rename(file, away);
  fs::create_symlink(away, file);
  EXPECT_EQ(get(cache, "k"), "none");
  fs::remove(file);
  ASSERT_EQ(mkfifo(file.c_str(), 0600), 0);
  EXPECT_EQ(get(cache, "k"), "none") << "and it must not wait for a writer";
  fs::remove(file);
  fs::create_directory(file);
  EXPECT_EQ(get(cache, "k"), "none");
  cache.store("host", "k", "code");
  EXPECT_EQ(cache.info().failures, 1u);
  EXPECT_EQ(files().size(), 1u) << "nothing half written stays";
}

TEST_F(DiskCacheTest, APlaceWithoutAFolderIsAMiss) {
  const std::string blocked = (root / "file").string();
  write(blocked, "");
  DiskCache cache(blocked + "/cache", mebi);
  EXPECT_EQ(get(cache, "k"), "none");
  cache.store("host", "k", "code");
  cache.clear();
  EXPECT_EQ(get(cache, "k"), "none");
  EXPECT_EQ(cache.info().failures, 1u);
  EXPECT_NE(cache.info().off, "");
}

TEST_F(DiskCacheTest, ARemovedFolderIsMadeAgain) {
  DiskCache cache(folder, mebi);
  cache.store("host", "k", "code");
  fs::remove_all(folder);
  EXPECT_EQ(get(cache, "k"), "none");
  EXPECT_EQ(cache.info().off, "");
  cache.store("host", "k", "code");
  EXPECT_EQ(get(cache, "k"), "code");
}

TEST_F(DiskCacheTest, WhatIsUsedLeastRecentlyMakesRoom) {
  const std::string block(1000, 'x');
  DiskCache cache(folder, 50'000);
  cache.store("host", "hot", block);
  for (int i = 0; i < 300; ++i) {
    cache.store("host", "cold " + std::to_string(i), block);
    std::this_thread::sleep_for(std::chrono::milliseconds(1)); // the clock of files ticks every few of them
    ASSERT_EQ(get(cache, "hot"), block) << i;
  }
  const compile::DiskCacheInfo info = cache.info();
  EXPECT_LE(info.bytes, 60'000u);
  EXPECT_GE(info.bytes, 30'000u);
  EXPECT_EQ(info.evictions + info.entries, 301u);
  EXPECT_EQ(get(cache, "cold 0"), "none");
  EXPECT_EQ(get(cache, "cold 299"), block);
}

TEST_F(DiskCacheTest, AnEntryThatWouldFillTheCacheIsNotKept) {
  DiskCache cache(folder, 10'000);
  cache.store("host", "k", std::string(9000, 'x'));
  EXPECT_EQ(get(cache, "k"), "none");
  EXPECT_TRUE(files().empty());
}

TEST_F(DiskCacheTest, ClearRemovesEntriesAndNothingElse) {
  DiskCache cache(folder, mebi);
  cache.store("host", "k", "code");
  write(fs::path(folder) / "notes.txt", "mine");
  write(fs::path(folder) / "0123.kernel", "mine");
  cache.clear();
  EXPECT_EQ(get(cache, "k"), "none");
  EXPECT_EQ(files().size(), 2u);
  EXPECT_EQ(cache.info().entries, 0u);
}

TEST_F(DiskCacheTest, NoneKeepsNothingAndSaysWhy) {
  const std::unique_ptr<DiskCache> cache(DiskCache::none("because"));
  cache->store("host", "k", "code");
  EXPECT_EQ(get(*cache, "k"), "none");
  EXPECT_FALSE(cache->isOpen());
  EXPECT_EQ(cache->info().off, "because");
  EXPECT_EQ(cache->info().misses, 0u);
}

TEST_F(DiskCacheTest, ThreadsShareOneFolder) {
  DiskCache cache(folder, mebi);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        const std::string identity = std::to_string(i % 10), bytes(size_t(i % 10) * 100, char('a' + i % 10));
        const std::string found = get(cache, identity);
        wrong += found != "none" && found != bytes;
        cache.store("host", identity, bytes);
        if (t == 0 && i % 20 == 0)
          cache.clear();
      }
    });
  for (auto &thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(cache.info().rejected, 0u);
}

TEST(BuildId, NamesTheBuild) {
  const std::string_view id = support::buildId();
  EXPECT_GE(id.size(), 16u);
  EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string_view::npos) << id;
}

} // namespace
