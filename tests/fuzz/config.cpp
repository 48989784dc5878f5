// A config.json of any bytes: of whichever family it is, it is refused, or a small model can be made of it and
// says the same config again.

#include <lapidary/models/families.hpp>

#include <cstdlib>
#include <string_view>

using namespace lapidary;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(bytes), size);
    try {
        visit_config(parse_json(std::string(text), "config.json"), "config.json", [](const auto& config) {
            using Config = std::decay_t<decltype(config)>;
            const Json written = config_json(config);
            if (config_json(parse_config<Config>(written, "written")) != written) std::abort();
            auto small = config;
            small.fit(50, 8);
            const DecoderOptions<typename Config::Block::Options> options = small;
            if (options.layers <= 64) (void)typename Config::Model(small);
        });
    } catch (const Error&) {
    }
    return 0;
}
