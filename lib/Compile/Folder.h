// SPDX-License-Identifier: MIT
//
// The folder of the disk cache, open for one call, and what may be done in it. It is used only if it belongs
// to this user and nobody else can write to it; its files are reached through the open folder, so that
// nothing can be put in its place meanwhile.
//
//   const Folder folder(path, Folder::Missing::isMade);
//   if (folder.isUsable()) { Descriptor file = folder.create(name); ... }
#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace enigma::compile {

/// An open file, closed with its owner.
class Descriptor {
public:
  explicit Descriptor(int open = -1) : file(open) {}
  Descriptor(Descriptor &&other) noexcept : file(std::exchange(other.file, -1)) {}
  Descriptor &operator=(Descriptor &&other) noexcept {
    std::swap(file, other.file);
    return *this;
  }
  ~Descriptor() { close(); }
  explicit operator bool() const { return file >= 0; }
  int number() const { return file; }
  /// False if what was written did not arrive.
  bool close() { return file < 0 || ::close(std::exchange(file, -1)) == 0; }

private:
  int file;
};

/// One of our files. `used` is when it was written or loaded last.
struct FolderEntry {
  std::string name;
  uint64_t bytes = 0;
  timespec used = {};
  bool isTemporary = false;
};

class Folder {
public:
  static constexpr const char *suffix = ".kernel", *temporarySuffix = ".new";

  enum class Missing { stays, isMade };
  Folder(const std::string &path, Missing missing);
  bool isUsable() const { return bool(folder); }
  /// Why it is not usable; "" where it does not exist.
  const std::string &problem() const { return why; }

  /// For reading; none where there is no such file, or it is a link.
  Descriptor open(const std::string &name) const;
  /// A new file, for writing.
  Descriptor create(const std::string &name) const;
  bool rename(const std::string &from, const std::string &to) const;
  bool remove(const std::string &name) const;
  /// The files whose names are ours, in any order.
  std::vector<FolderEntry> entries() const;

private:
  Descriptor folder;
  std::string why;
};

} // namespace enigma::compile
