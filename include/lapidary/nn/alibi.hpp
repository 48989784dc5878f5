#pragma once

#include <lapidary/nn/check_options.hpp>
#include <lapidary/nn/position_scheme.hpp>

namespace lapidary {

/// Tells attention where tokens are by lowering each score in proportion to the distance between its two tokens.
/// Source: Press et al., "Train short, test long", 2021; slopes as AttentionRule says.
class Alibi {
public:
    struct Options {
        double bias_max = 8.0;  ///< the steepest head of many loses 2^(-bias_max / heads) a position
    };

    explicit Alibi(const Options& options) : bias_max_(options.bias_max) {
        detail::require_option(bias_max_ > 0 && bias_max_ <= 1024, "alibi", "bias_max", bias_max_,
                               "be in (0, 1024]");
    }

    template <Device D>
    void apply(D&, Heads<Scalar<D>>, Heads<Scalar<D>>, const Positions&) const {}
    template <Device D>
    void gradient(D&, Heads<Scalar<D>>, Heads<Scalar<D>>, const Positions&) const {}

    [[nodiscard]] AttentionRule adjust(AttentionRule rule) const {
        rule.alibi_bias_max = bias_max_;
        return rule;
    }

private:
    double bias_max_;
};
static_assert(PositionScheme<Alibi>);

}  // namespace lapidary
