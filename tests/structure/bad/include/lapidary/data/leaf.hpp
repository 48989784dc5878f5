#pragma once

#include <range/v3/view/all.hpp>
