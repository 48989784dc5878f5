#pragma once

#include <lapidary/analysis/page/style_layout.hpp>
#include <lapidary/analysis/page/style_parts.hpp>

#include <string>
#include <string_view>

namespace lapidary::page {

/// Colours, once for light and once for dark; the dark ones twice, because both the system and the page may ask
/// for them.
inline constexpr std::string_view light_colours = R"css(
  --paper: #fbfaf7; --card: #ffffff; --sunk: #f3f0ea; --line: #e4dfd5; --grid: #eeeae2;
  --ink: #22201c; --soft: #6b665d; --faint: #938d81; --accent: #a85f08; --accent-soft: #fbeed6;
  --good: #24744f; --good-soft: #e2f2e9; --bad: #b23a34; --bad-soft: #fae5e3;
  --c1: #b8690a; --c2: #2f6db5; --c3: #2c8a66; --c4: #7b55b0; --c5: #c2463f; --c6: #14849b; --c7: #76741a; --c8: #b23f78;
  --s0: #f7f3ea; --s1: #f6dfae; --s2: #e9a83f; --s3: #b3560f; --s4: #571c0a;
  --d0: #2f6db5; --d1: #f3efe7; --d2: #b3560f; --hatch: rgba(40, 34, 24, .34); --hatch-deep: rgba(255, 250, 238, .42);
  --gem-deep: #d98a1f; --gem-light: #f6c667; --gem-edge: #8a4d06; --shadow: 0 1px 2px rgba(60, 48, 24, .05);
)css";

inline constexpr std::string_view dark_colours = R"css(
  --paper: #16161a; --card: #1d1d22; --sunk: #25252b; --line: #34343b; --grid: #2a2a31;
  --ink: #ece8e0; --soft: #a9a39a; --faint: #827d75; --accent: #f0b354; --accent-soft: #3a2d16;
  --good: #67c79b; --good-soft: #1b3328; --bad: #f0857c; --bad-soft: #3d2220;
  --c1: #eda53c; --c2: #74adec; --c3: #5fc69c; --c4: #b898e6; --c5: #ee857c; --c6: #5cc6da; --c7: #c9c45c; --c8: #ea8fbd;
  --s0: #232329; --s1: #4a3219; --s2: #9a5a14; --s3: #e9a33b; --s4: #fff0c4;
  --d0: #74adec; --d1: #26262c; --d2: #eda53c; --hatch: rgba(236, 232, 224, .34); --hatch-deep: rgba(20, 16, 8, .5);
  --gem-deep: #c77d16; --gem-light: #f3bd58; --gem-edge: #ffe0a6; --shadow: none;
)css";

inline std::string style() {
    std::string css;
    css.append(":root {").append(light_colours).append("color-scheme: light; }\n");
    css.append("@media (prefers-color-scheme: dark) { :root:not([data-theme=light]) {").append(dark_colours);
    css.append("color-scheme: dark; } }\n:root[data-theme=dark] {").append(dark_colours);
    css.append("color-scheme: dark; }\n").append(style_layout).append(style_parts);
    return css;
}

}  // namespace lapidary::page
