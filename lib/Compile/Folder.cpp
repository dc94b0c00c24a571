// SPDX-License-Identifier: MIT
//
// See Folder.h.
#include "Folder.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>

namespace enigma::compile {
namespace {

constexpr size_t kDigits = 32;

/// 32 hexadecimal digits and one of our suffixes.
bool isOurs(std::string_view name) {
  return name.size() > kDigits &&
         std::all_of(name.begin(), name.begin() + kDigits,
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }) &&
         (name.substr(kDigits) == Folder::suffix || name.substr(kDigits) == Folder::temporarySuffix);
}

/// Makes a folder and those above it. Whoever comes second finds it made.
void makeFolders(const std::string &path) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1))
    mkdir(path.substr(0, slash).c_str(), 0700);
  mkdir(path.c_str(), 0700);
}

int openDirectory(const std::string &path) {
  return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

} // namespace

Folder::Folder(const std::string &path, Missing missing) : folder(openDirectory(path)) {
  if (!folder && errno == ENOENT && missing == Missing::isMade) {
    makeFolders(path);
    folder = Descriptor(openDirectory(path));
  }
  struct stat status;
  if (!folder) {
    if (errno != ENOENT)
      why = path + " cannot be opened: " + std::strerror(errno);
  } else if (fstat(folder.number(), &status) != 0) {
    why = path + " cannot be read: " + std::strerror(errno);
  } else if (status.st_uid != geteuid()) {
    why = path + " belongs to another user, whose code would be executed";
  } else if (status.st_mode & (S_IWGRP | S_IWOTH)) {
    why = path + " can be written by other users, whose code would be executed: chmod go-w it";
  }
  if (!why.empty())
    folder = Descriptor();
}

Descriptor Folder::open(const std::string &name) const {
  // Not to wait for the other end of a pipe that somebody put there.
  return Descriptor(openat(folder.number(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
}

Descriptor Folder::create(const std::string &name) const {
  return Descriptor(openat(folder.number(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
}

bool Folder::rename(const std::string &from, const std::string &to) const {
  return renameat(folder.number(), from.c_str(), folder.number(), to.c_str()) == 0;
}

bool Folder::remove(const std::string &name) const { return unlinkat(folder.number(), name.c_str(), 0) == 0; }

std::vector<FolderEntry> Folder::entries() const {
  std::vector<FolderEntry> out;
  // A descriptor of its own: the stream closes it, and its position is nobody else's.
  const int own = openat(folder.number(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *stream = own < 0 ? nullptr : fdopendir(own);
  if (!stream) {
    if (own >= 0)
      ::close(own);
    return out;
  }
  while (const dirent *found = readdir(stream)) {
    struct stat status;
    if (!isOurs(found->d_name) ||
        fstatat(folder.number(), found->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(status.st_mode))
      continue;
    FolderEntry entry;
    entry.name = found->d_name;
    entry.bytes = uint64_t(status.st_size);
#if defined(__APPLE__)
    entry.used = status.st_mtimespec;
#else
    entry.used = status.st_mtim;
#endif
    entry.isTemporary = entry.name.ends_with(temporarySuffix);
    out.push_back(std::move(entry));
  }
  closedir(stream);
  return out;
}

} // namespace enigma::compile
