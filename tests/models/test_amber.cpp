// AMBER's configurations.

#include "catch.hpp"

#include <lapidary/models/amber.hpp>

using namespace lapidary;

TEST_CASE("AMBER 7B has the published number of parameters") {
    CHECK(Amber(AmberConfig::amber_7b()).layout().parameter_count() == 6738415616);
    CHECK(Amber(AmberConfig::nano()).layout().parameter_count() == 1315968);
    CHECK(Amber(AmberConfig::tiny()).layout().parameter_count() == 14944704);
}

TEST_CASE("impossible configurations name the rule") {
    AmberConfig config = AmberConfig::nano();
    config.num_attention_heads = 5;
    CHECK_THROWS_WITH(Amber(config), "[config] num_attention_heads is 5: it must divide hidden_size, 128");
    config = AmberConfig::nano();
    config.pad_token_id = config.vocab_size;
    CHECK_THROWS_WITH(Amber(config), "[config] pad_token_id is 2048: it must be -1 or a token id");
    config = AmberConfig::nano();
    config.hidden_size = Index{1} << 40;
    CHECK_THROWS_WITH(Amber(config), "[config] hidden_size is 1099511627776: it must be in [1, 1048576]");
    config = AmberConfig::nano();
    config.rms_norm_eps = -1e-9;
    CHECK_THROWS_WITH(Amber(config), "[config] rms_norm_eps is -1e-09: it must be in (0, 1)");
    CHECK_THROWS_WITH(Amber(AmberConfig::nano(0)), ContainsSubstring("vocab_size is 0"));
    CHECK_THROWS_WITH(Amber(AmberConfig::nano(10, 0)), ContainsSubstring("max_position_embeddings is 0"));
}

TEST_CASE("a preset takes the vocabulary and the context of its data") {
    const Amber model{AmberConfig::nano(101, 48)};
    CHECK(model.vocabulary() == 101);
    CHECK(model.context() == 48);
    CHECK(model.options().embedding.width == AmberConfig::nano().hidden_size);
}

TEST_CASE("config.json of a LLaMA that is not AMBER's kind is refused by key") {
    const Json good = config_json(AmberConfig::nano());
    const auto parse = [](const Json& json) { return parse_config<AmberConfig>(json, "config.json"); };
    CHECK(parse(good).hidden_size == 128);
    for (const auto& [key, value] :
         {std::pair{"hidden_act", Json("gelu")}, std::pair{"rope_scaling", Json{{"factor", 2}}},
          std::pair{"model_type", Json("mistral")}, std::pair{"head_dim", Json(65)},
          std::pair{"hidden_size", Json(-128)}, std::pair{"vocab_size", Json("many")}}) {
        Json bad = good;
        bad[key] = value;
        INFO(key);
        CHECK_THROWS_AS(parse(bad), Error);
    }
    Json missing = good;
    missing.erase("rms_norm_eps");
    CHECK_THROWS_WITH(parse(missing), ContainsSubstring("config.json") && ContainsSubstring("rms_norm_eps"));
}
