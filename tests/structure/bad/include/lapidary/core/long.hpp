#pragma once












