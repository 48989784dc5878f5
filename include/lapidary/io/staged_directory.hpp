#pragma once

#include <lapidary/io/file.hpp>

#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

namespace lapidary {

namespace detail {

/// Creates a directory and its missing ancestors, and makes their names durable.
inline void create_directories_durably(const std::filesystem::path& path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) return;
    const std::filesystem::path parent = folder_of(path);
    if (parent != path) create_directories_durably(parent);
    // No error if another process was faster.
    std::filesystem::create_directory(path, error);
    check_io(path, "create directory", error);
    sync_directory(parent);
}

/// Makes everything in a directory durable: contents of regular files and names, at any depth.
inline void sync_tree(const std::filesystem::path& root) {
    std::error_code error;
    std::filesystem::recursive_directory_iterator entry(root, error);
    check_io(root, "list", error);
    while (entry != std::filesystem::recursive_directory_iterator()) {
        const std::filesystem::file_status status = entry->symlink_status(error);
        check_io(entry->path(), "examine", error);
        if (std::filesystem::is_directory(status)) {
            sync_directory(entry->path());
        } else if (std::filesystem::is_regular_file(status)) {
            // Open for reading is enough, and works on read-only copies too.
            sync_descriptor(open_descriptor(entry->path(), O_RDONLY, "open"), entry->path());
        }
        entry.increment(error);
        check_io(root, "list", error);
    }
    sync_directory(root);
}

inline Error name_taken(const std::filesystem::path& name) {
    return {ErrorCode::value, "publish", name.string() + ": exists already and is not overwritten"};
}

/// Renames a directory to a name that is free. Throws Error(value) if it is taken, Error(io).
inline void rename_to_free_name(const std::filesystem::path& from, const std::filesystem::path& to) {
    std::error_code ignored;  // whatever is wrong with the path, the rename will tell
    if (std::filesystem::exists(std::filesystem::symlink_status(to, ignored))) throw name_taken(to);
    // Checked by the kernel as well, because another process may take the name at this very moment.
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return;
    if (errno == EEXIST) throw name_taken(to);
    // File systems and kernels that do not know the flag answer EINVAL or ENOSYS.
    if (errno != EINVAL && errno != ENOSYS) throw_io(to, "publish", errno);
    if (std::rename(from.c_str(), to.c_str()) != 0) throw_io(to, "publish", errno);
}

}  // namespace detail

/// A directory that appears under its name complete and durable, or not at all.
///
/// Files are written into `path()`, which is `<parent>/.<name>.partial`; only one process at a time may stage a
/// name (see RunLock). What a killed process left there is removed first and, unless `publish` succeeded, the
/// destructor removes the directory with what is in it; or it is kept, both times, for whoever can go on with it.
class StagedDirectory {
public:
    enum class Unfinished { remove, keep };

    /// Creates the staging directory and the missing ancestors of `target`. Throws Error(value) if `target`
    /// exists, Error(io).
    explicit StagedDirectory(const std::filesystem::path& target, Unfinished unfinished = Unfinished::remove)
        : target_(without_slash(target)), path_(staging_path(target)), unfinished_(unfinished) {
        std::error_code error;
        if (std::filesystem::exists(std::filesystem::symlink_status(target_, error)))
            throw detail::name_taken(target_);
        detail::create_directories_durably(detail::folder_of(target_));
        if (unfinished == Unfinished::remove) clear();
        std::filesystem::create_directory(path_, error);  // no error if it exists
        detail::check_io(path_, "create directory", error);
    }
    StagedDirectory(const StagedDirectory&) = delete;
    StagedDirectory& operator=(const StagedDirectory&) = delete;
    ~StagedDirectory() {
        if (published_ || unfinished_ == Unfinished::keep) return;
        try {
            std::error_code error;
            std::filesystem::remove_all(path_, error);
        } catch (...) {  // out of memory: the next one to stage this name removes it
        }
    }

    /// Removes the staging directory with what is in it. Throws Error(io).
    void clear() {
        std::error_code error;
        std::filesystem::remove_all(path_, error);
        detail::check_io(path_, "remove left-over", error);
    }

    /// Where a directory of this name is staged: for other processes that write into it.
    static std::filesystem::path staging_path(const std::filesystem::path& target) {
        return detail::unfinished_name(without_slash(target), "partial");
    }

    /// Where to write; the target once it is published.
    [[nodiscard]] const std::filesystem::path& path() const { return published_ ? target_ : path_; }

    /// Makes every file durable, then gives the directory its name in one step. Throws Error(value) if the target
    /// exists, which is never overwritten, and Error(io).
    void publish() {
        if (published_) throw Error(ErrorCode::value, "publish", target_.string() + ": is already published");
        detail::sync_tree(path_);
        detail::rename_to_free_name(path_, target_);
        published_ = true;
        sync_directory(detail::folder_of(target_));
    }

private:
    static std::filesystem::path without_slash(const std::filesystem::path& path) {
        return path.has_filename() ? path : path.parent_path();
    }

    std::filesystem::path target_;
    std::filesystem::path path_;
    Unfinished unfinished_;
    bool published_ = false;
};

}  // namespace lapidary
