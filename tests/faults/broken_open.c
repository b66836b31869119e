/* LD_PRELOAD: opening a file fails while the folder BROKEN holds a file named as the error number.

   BROKEN_PATHS is a part of the paths that fail. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

static int refused(const char *path)
{
    static __thread int inside = 0;
    const char *folder = getenv("BROKEN"), *part = getenv("BROKEN_PATHS");
    if (inside || !folder || !part || !path || !strstr(path, part))
        return 0;
    inside = 1;
    int found = 0;
    DIR *entries = opendir(folder);
    if (entries) {
        struct dirent *entry;
        while ((entry = readdir(entries)))
            if (atoi(entry->d_name) > 0)
                found = atoi(entry->d_name);
        closedir(entries);
    }
    inside = 0;
    return found;
}

#define OPENER(name)                                                        \
    int name(const char *path, int flags, ...)                              \
    {                                                                       \
        va_list rest;                                                       \
        va_start(rest, flags);                                              \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, int) : 0; \
        va_end(rest);                                                       \
        int code = refused(path);                                           \
        if (code) {                                                         \
            errno = code;                                                   \
            return -1;                                                      \
        }                                                                   \
        int (*plain)(const char *, int, ...) = dlsym(RTLD_NEXT, #name);     \
        return plain(path, flags, mode);                                    \
    }

OPENER(open)
OPENER(open64)
