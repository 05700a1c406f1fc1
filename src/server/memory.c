#include "server/memory.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/num.h"
#include "core/str.h"

#define CGROUPS      "/sys/fs/cgroup"
#define MEMORY_LEAST (UINT64_C(64) << 20) /* whatever is said: with less nothing would run */

/* The first line of a file, without its end. */
static bool read_line(const char *path, char *line, size_t room)
{
    FILE *file = fopen(path, "re");
    bool got = file && fgets(line, (int)room, file);

    if (file)
        (void)fclose(file); /* it was only read */
    if (got)
        line[strcspn(line, "\n")] = '\0';
    return got;
}

/* "max", or a number of bytes; a file that is not there limits nothing. */
static uint64_t limit_of(const char *folder, const char *name)
{
    char path[PATH_MAX], line[64];
    uint64_t bytes;

    if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path) ||
        !read_line(path, line, sizeof(line)) || !gw_num_u64(GW_STR(line), &bytes))
        return UINT64_MAX;
    return bytes;
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* From our own group up to the root, each may set a limit. */
static uint64_t cgroup_limit(void)
{
    char line[PATH_MAX], folder[2 * PATH_MAX] = CGROUPS;
    uint64_t least = limit_of(CGROUPS "/memory", "memory.limit_in_bytes");

    if (read_line("/proc/self/cgroup", line, sizeof(line)) && strncmp(line, "0::/", 4) == 0)
        (void)snprintf(folder + strlen(CGROUPS), PATH_MAX, "%s", line + 3); /* it fits */
    while (strlen(folder) >= strlen(CGROUPS)) {
        least = lesser(least, limit_of(folder, "memory.max"));
        *strrchr(folder, '/') = '\0';
    }
    return least;
}

uint64_t gw_memory_bytes(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    uint64_t machine = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : MEMORY_LEAST;
    uint64_t bytes = lesser(machine, cgroup_limit());

    return bytes > MEMORY_LEAST ? bytes : MEMORY_LEAST;
}
