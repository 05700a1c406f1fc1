/* stats.h - the middle of some figures, and how sure one may be of it.
 *
 * The interval is that of the sign test: each figure lies above the true median with probability
 * 1/2, so how many do is binomial, and the k-th smallest and the k-th largest enclose the median
 * with a probability that depends on nothing but k and the count. It was preferred to Student's t
 * of the logarithms because it asks nothing of the figures' distribution: a round in which the
 * machine did something else counts as one that was too high or too low, however far. The price is
 * a somewhat wider interval, and none at all of fewer than six figures: five may all lie on one
 * side once in sixteen times.
 *
 * Threads: any. */
#ifndef GW_BENCH_STATS_H
#define GW_BENCH_STATS_H

#include <stdbool.h>

void stats_sort(double *figures, int count); /* ascending */

/* These want sorted figures, at least one. */

double stats_median(const double *sorted, int count);

/* Encloses the median with at least 95 %. False, with outputs untouched, where so few figures
 * cannot say. */
bool stats_median_interval(const double *sorted, int count, double *low, double *high);

#endif
