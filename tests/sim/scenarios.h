/* scenarios.h - the kinds of trouble that the server is simulated in.
 *
 * Each is small, so that many seeds can be run: what one run of it does not meet, another will.
 *
 * Threads: any; it is a table. */
#ifndef TESTS_SIM_SCENARIOS_H
#define TESTS_SIM_SCENARIOS_H

#include "sim/world.h"

extern const struct world_options scenarios[];
extern const unsigned scenario_count;

#endif
