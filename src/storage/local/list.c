/* Objects below a prefix, in byte order of their names. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "storage/local/local.h"

struct listing {
    struct local_root *root;
    struct text name; /* relative to the storage: where the walk is */
    size_t skip;      /* bytes of the storage's own prefix in front of it */
    bool shallow;
    storage_list_fn each;
    void *context;
};

struct names {
    char **items;
    size_t n, capacity;
};

static status add_name(struct names *names, struct arena *arena, const char *name, bool is_dir,
                       struct error *err)
{
    if (names->n == names->capacity) {
        size_t capacity = names->capacity ? 2 * names->capacity : 64;
        char **items = mem_realloc_array(names->items, capacity, sizeof(*items));
        if (!items)
            return error_no_memory(err);
        names->items = items;
        names->capacity = capacity;
    }
    char *copy = arena_printf(arena, is_dir ? "%s/" : "%s", name);
    if (!copy)
        return error_no_memory(err);
    names->items[names->n++] = copy;
    return STATUS_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_own(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, LOCAL_TEMP_DIR) == 0;
}

/* 'f' a file, 'd' a directory, 0 what is no object: links, sockets, devices, what is gone again. */
static char kind_of(int dir, const struct dirent *entry)
{
    struct stat st;
    if (entry->d_type == DT_REG)
        return 'f';
    if (entry->d_type == DT_DIR)
        return 'd';
    if (entry->d_type != DT_UNKNOWN ||
        UNINTERRUPTED(file_ops()->fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW)) != 0)
        return 0;
    return S_ISREG(st.st_mode) ? 'f' : S_ISDIR(st.st_mode) ? 'd' : 0;
}

static status read_names(DIR *stream, struct names *names, struct arena *arena, struct error *err)
{
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(stream);
        if (!entry)
            return errno ? error_os(err, errno, "cannot list a directory") : STATUS_OK;
        char kind = is_own(entry->d_name) ? 0 : kind_of(dirfd(stream), entry);
        if (kind)
            TRY(add_name(names, arena, entry->d_name, kind == 'd', err));
    }
}

status local_names(int dir, struct arena *arena, char ***out, size_t *out_n, struct error *err)
{
    int copy = fcntl(dir, F_DUPFD_CLOEXEC, 0);
    DIR *stream = copy >= 0 ? fdopendir(copy) : NULL;
    if (!stream) {
        status s = error_os(err, errno, "cannot list a directory");
        local_close(copy);
        return s;
    }
    struct names names = {0};
    status s = read_names(stream, &names, arena, err);
    closedir(stream);
    char **kept = s == STATUS_OK ? arena_alloc(arena, (names.n + 1) * sizeof(*kept)) : NULL;
    if (s == STATUS_OK && !kept)
        s = error_no_memory(err);
    if (kept && names.n) {
        /* A directory is listed as its objects are, "name/...": so '/' takes part in the order. */
        qsort(names.items, names.n, sizeof(*names.items), compare_names);
        memcpy(kept, names.items, names.n * sizeof(*kept));
    }
    mem_free(names.items);
    if (s == STATUS_OK) {
        *out = kept;
        *out_n = names.n;
    }
    return s;
}

static status_code list_dir(struct listing *listing, int dir, struct error *err);

static status_code list_entry(struct listing *listing, int dir, char *name, struct error *err)
{
    struct stat st;
    size_t size = strlen(name);
    bool is_dir = name[size - 1] == '/';
    if (is_dir)
        name[size - 1] = '\0';
    text_append(&listing->name, name);
    TRY(text_check(&listing->name, err));
    struct storage_entry entry = {.name = text_string(&listing->name) + listing->skip,
                                  .is_prefix = is_dir};
    if (is_dir && listing->shallow)
        return listing->each(listing->context, &entry, err);
    if (is_dir) {
        int fd = UNINTERRUPTED(
            file_ops()->open_beneath(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
        if (fd < 0)
            return errno == ENOENT || errno == ELOOP || errno == ENOTDIR
                       ? STATUS_OK
                       : local_failed(listing->root, "list", text_string(&listing->name), err);
        text_append_char(&listing->name, '/');
        status_code s = list_dir(listing, fd, err);
        local_close(fd);
        return s;
    }
    if (UNINTERRUPTED(file_ops()->fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW)) != 0)
        return errno == ENOENT
                   ? STATUS_OK /* removed since */
                   : local_failed(listing->root, "stat", text_string(&listing->name), err);
    entry.size_bytes = (uint64_t)st.st_size;
    entry.modified_us = (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000;
    return listing->each(listing->context, &entry, err);
}

static void cut(struct text *text, size_t size)
{
    if (text->data && size <= text->size) {
        text->size = size;
        text->data[size] = '\0';
    }
}

/* Depth is bounded by the length of a path the kernel takes. */
static status_code list_dir(struct listing *listing, int dir, struct error *err)
{
    struct arena arena = {0};
    char **names;
    size_t n;
    size_t here = listing->name.size;
    status_code s = local_names(dir, &arena, &names, &n, err);
    for (size_t i = 0; s == STATUS_OK && i < n; i++) {
        s = list_entry(listing, dir, names[i], err);
        cut(&listing->name, here);
    }
    arena_release(&arena);
    return s;
}

status local_list(struct storage *storage, const char *prefix, bool shallow, storage_list_fn each,
                  void *context, struct error *err)
{
    struct local_storage *local = local_storage(storage);
    struct local_path path;
    TRY(local_path(local, prefix, &path, err));
    size_t size = strlen(path.text);
    if (size > 0 && path.text[size - 1] == '/')
        path.text[size - 1] = '\0'; /* the storage's own prefix, and all below it */
    int fd = local_open(local->root, path.text, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return STATUS_OK;
    if (fd < 0)
        return local_failed(local->root, "list", path.text, err);
    struct listing listing = {
        .root = local->root, .shallow = shallow, .each = each, .context = context};
    listing.skip = *local->prefix ? strlen(local->prefix) + 1 : 0;
    if (*path.text)
        text_printf(&listing.name, "%s/", path.text);
    status_code s = list_dir(&listing, fd, err);
    local_close(fd);
    text_release(&listing.name);
    return s == STATUS_END ? STATUS_OK : s;
}
