/* replay.c - gives a fuzz target the files of its corpus, one by one, and tells it as TAP.
 *
 * usage: TARGET_replay PATH...    files, and directories of files
 *
 * The main() of a target where there is no libFuzzer. An input that breaks the target ends the
 * program; its name is the last one on stderr.
 *
 * Threads: one. */
#include <dirent.h>
#include <stdio.h>

#include "fuzz.h"

#define INPUT_MAX (1u << 20)

static unsigned count;

static void run_file(const char *path)
{
    static uint8_t room[INPUT_MAX];
    const char *slash = strrchr(path, '/');
    FILE *file = fopen(path, "rb");
    uint8_t *copy;
    size_t len;

    if (!file) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    len = fread(room, 1, sizeof(room), file);
    (void)fclose(file); /* it was only read */
    fprintf(stderr, "# %s\n", path);
    copy = fuzz_copy(room, len);
    (void)LLVMFuzzerTestOneInput(copy, len); /* always 0 */
    free(copy);
    printf("ok %u - %s\n", ++count, slash ? slash + 1 : path);
    fflush(stdout);
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void run(const char *path)
{
    struct dirent **entries;
    int found = scandir(path, &entries, is_shown, alphasort);

    if (found < 0) {
        run_file(path);
        return;
    }
    for (int i = 0; i < found; i++) {
        char *name = NULL;

        if (asprintf(&name, "%s/%s", path, entries[i]->d_name) < 0)
            exit(EXIT_FAILURE);
        run_file(name);
        free(name);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        run(argv[i]);
    printf("1..%u\n", count);
    if (count == 0)
        fprintf(stderr, "usage: %s PATH...\n", argv[0]);
    return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
