#pragma once

#include <lapidary/comm/nccl_bootstrap.hpp>
#include <lapidary/io/file.hpp>

#include <chrono>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

namespace lapidary {

/// The file by which rank 0 tells the others the id of their group, in a folder that all of them see.
///
/// It is text: what it is, how many ranks, which job, the id in hexadecimal. A run that was killed may leave it
/// behind; if each start has a `job` of its own, such a file is not taken for this run's.
class IdFile {
public:
    /// Throws Error(value) for a job of more than one line.
    IdFile(std::filesystem::path path, int size, std::string_view job) : path_(std::move(path)) {
        if (job.find('\n') != std::string_view::npos) {
            throw Error(ErrorCode::value, "id file", "the job " + quote(job) + " is more than one line");
        }
        head_ = std::string(magic) + "ranks " + std::to_string(size) + "\njob " + std::string(job) + "\n";
    }

    /// Rank 0: replaces a file that an earlier run left. Throws Error(format) for a file that is something else,
    /// and leaves it alone; Error(io).
    void publish(std::span<const char> id) const {
        // A file goes away before the new one comes, so that nobody reads the old one while the disk is slow.
        std::error_code failure;
        if (std::filesystem::exists(path_, failure)) {
            require_id_file(read_text(path_, most));
            std::filesystem::remove(path_, failure);
            detail::check_io(path_, "remove", failure);
        }
        constexpr std::string_view digits = "0123456789abcdef";
        std::string text = head_;
        for (const char each : id) {
            const auto byte = static_cast<unsigned char>(each);
            text += {digits[byte >> 4], digits[byte & 15]};
        }
        write_file_durably(path_, text + "\n");
    }

    /// The others: waits at most `timeout` seconds. Throws Error(lost_rank) then, Error(format) at once for a file
    /// that is something else, or whose id has another length.
    void await(std::span<char> id, double timeout) const {
        const auto begin = std::chrono::steady_clock::now();
        std::string found = "there is no such file";
        while (!read(id, found)) {
            const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - begin;
            if (!(waited.count() <= timeout)) {  // nor for ever, if it is NaN
                throw Error(ErrorCode::lost_rank, "id file",
                            "rank 0 did not write " + path_.string() + " within " + detail::seconds_text(timeout) +
                                ": " + found);
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
    }

private:
    static constexpr std::string_view magic = "lapidary id file 1\n";
    static constexpr std::size_t most = 1 << 16;

    void require_id_file(std::string_view text) const {
        if (!text.starts_with(magic)) {
            throw Error(ErrorCode::format, "id file",
                        path_.string() + ": is not a file of ids, and is left alone");
        }
    }

    /// Whether the file of this group is there; `found` says what is there instead.
    bool read(std::span<char> id, std::string& found) const {
        std::string text;
        try {
            text = read_text(path_, most);
        } catch (const Error& error) {  // not there, or gone while it was read
            found = error.what();
            return false;
        }
        require_id_file(text);
        if (!text.starts_with(head_)) {
            found = "the file there is of another job or number of ranks";
            return false;
        }
        const std::string_view digits = std::string_view(text).substr(head_.size());
        const auto value = [](char digit) {
            return digit >= '0' && digit <= '9'   ? digit - '0'
                   : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                                                  : -1;
        };
        bool good = digits.size() == 2 * id.size() + 1 && digits.back() == '\n';
        for (std::size_t i = 0; good && i < id.size(); ++i) {
            const int high = value(digits[2 * i]), low = value(digits[2 * i + 1]);
            good = high >= 0 && low >= 0;
            id[i] = static_cast<char>(16 * high + low);
        }
        if (!good) {
            throw Error(ErrorCode::format, "id file",
                        path_.string() + ": does not hold an id of " + std::to_string(id.size()) + " bytes");
        }
        return true;
    }

    std::filesystem::path path_;
    std::string head_;
};

}  // namespace lapidary
