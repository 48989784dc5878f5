#pragma once

#include <lapidary/checkpoint/latest.hpp>
#include <lapidary/checkpoint/read_checkpoint.hpp>
#include <lapidary/checkpoint/save_checkpoint.hpp>
