#include "stats.h"

#include <assert.h>
#include <stdlib.h>

#define TAIL_MAX 0.025 /* on each side, for 95 % between them */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

void stats_sort(double *figures, int count)
{
    qsort(figures, (size_t)count, sizeof(*figures), ascending);
}

double stats_median(const double *sorted, int count)
{
    assert(count > 0);
    return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

/* Which of the smallest figures the interval begins with, from 1: of `count` fair coins fewer show
 * heads than that with a probability of at most TAIL_MAX. 0: not even the smallest is low
 * enough. */
static int rank_of_low(int count)
{
    double chance = 1, sum = 0; /* of exactly `heads`; of fewer */
    int heads = 0;

    for (int i = 0; i < count; i++)
        chance /= 2;
    while (sum + chance <= TAIL_MAX) {
        sum += chance;
        chance = chance * (count - heads) / (heads + 1);
        heads++;
    }
    return heads;
}

bool stats_median_interval(const double *sorted, int count, double *low, double *high)
{
    int rank = rank_of_low(count);

    assert(count > 0 && count < 1000); /* the chances of more would be too small for a double */
    if (rank == 0)
        return false;
    *low = sorted[rank - 1];
    *high = sorted[count - rank];
    return true;
}
