/* An object that is being written, and how it appears.
 *
 *   begin                     write            commit
 *   nameless file (O_TMPFILE) buffer -> file   linkat: the name appears whole, or EXISTS
 *   .leat-tmp/<random>        buffer -> file   linkat + unlink (no O_TMPFILE), renameat (PUT_REPLACE)
 *
 * A nameless file vanishes with its process, however that ends. A temporary name is held by flock as long as its
 * process lives, so that local_sweep_temp can tell the dead from the slow. */
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/random.h"
#include "storage/local/local.h"

enum {
    UPLOAD_BUFFER_BYTES = 256 * 1024,
    WRITE_BEHIND_BYTES = 4 << 20,
    WRITE_REST_BYTES = 512 << 10, /* files of less are too many to give each a call */
    TEMP_NAME_BYTES = 33,
    SWEEP_AGE_S = 3600,
};

struct upload {
    struct local_storage *storage;
    enum put_mode mode;
    int fd;       /* the file */
    int dir;      /* the directory it will appear in */
    int temp_dir; /* -1: the file has no name yet */
    char temp_name[TEMP_NAME_BYTES];
    uint8_t *buffer; /* UPLOAD_BUFFER_BYTES once something small was written */
    size_t buffered;
    uint64_t waiting; /* bytes written since the system was last told to begin */
    struct local_path path;
};

static status upload_failed(const struct upload *upload, const char *verb, struct error *err)
{
    return local_failed(upload->storage->root, verb, upload->path.text, err);
}

/* The folder of temporary names goes with the last of them; whoever is just opening one there makes it again. */
static void drop_temp_dir(struct upload *upload)
{
    struct local_root *root = upload->storage->root;
    local_close(upload->temp_dir);
    int dir = local_open(root, upload->storage->prefix, O_PATH | O_DIRECTORY, 0);
    if (dir >= 0)
        file_ops()->unlinkat(dir, LOCAL_TEMP_DIR, AT_REMOVEDIR);
    local_close(dir);
}

void local_put_abort(struct upload *upload)
{
    if (!upload)
        return;
    if (upload->temp_dir >= 0) {
        if (upload->temp_name[0])
            file_ops()->unlinkat(upload->temp_dir, upload->temp_name, 0); /* else swept later */
        drop_temp_dir(upload);
    }
    local_close(upload->fd);
    local_close(upload->dir);
    mem_free(upload->buffer);
    mem_free(upload);
}

static void upload_abortp(struct upload **upload)
{
    local_put_abort(*upload);
}

/* ---- begin ---- */

static bool no_nameless_files(int os_errno)
{
    return os_errno == EOPNOTSUPP || os_errno == EISDIR || os_errno == EINVAL;
}

static status open_temp(struct upload *upload, struct error *err)
{
    const struct file_ops *ops = file_ops();
    struct local_path dir;
    uint8_t bits[16];
    char name[TEMP_NAME_BYTES];
    TRY(local_path(upload->storage, LOCAL_TEMP_DIR, &dir, err));
    TRY(local_make_dir(upload->storage->root, dir.text, &upload->temp_dir, err));
    TRY(random_fill(bits, sizeof(bits), err));
    bytes_to_hex(bits, sizeof(bits), name);
    upload->fd = UNINTERRUPTED(
        ops->openat(upload->temp_dir, name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666));
    if (upload->fd < 0)
        return upload_failed(upload, "open a temporary file for", err);
    memcpy(upload->temp_name, name, sizeof(name));
    /* Where locks are not to be had, its age alone protects it. */
    (void)ops->flock(upload->fd, LOCK_EX | LOCK_NB);
    return STATUS_OK;
}

static status open_file(struct upload *upload, struct error *err)
{
    const struct file_ops *ops = file_ops();
    if (upload->mode != PUT_REPLACE) {
        upload->fd =
            UNINTERRUPTED(ops->openat(upload->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666));
        if (upload->fd >= 0)
            return STATUS_OK;
        if (!no_nameless_files(errno))
            return upload_failed(upload, "create", err);
    }
    return open_temp(upload, err);
}

/* The directory and the file in it. Others may remove an empty directory between the two: then both again. */
static status open_place(struct upload *upload, struct error *err)
{
    char parent[PATH_MAX];
    local_parent(&upload->path, parent);
    for (int tries = 0;; tries++) {
        TRY(local_make_dir(upload->storage->root, parent, &upload->dir, err));
        status s = open_file(upload, err);
        if (s != STATUS_NOT_FOUND || tries == 3)
            return s;
        local_close(upload->dir);
        local_close(upload->temp_dir);
        upload->dir = upload->temp_dir = -1;
    }
}

status local_put_begin(struct storage *storage, const char *name, enum put_mode mode,
                       struct upload **out, struct error *err)
{
    SCOPED(upload_abortp) struct upload *upload = mem_zalloc(sizeof(*upload));
    if (!upload)
        return error_no_memory(err);
    upload->storage = local_storage(storage);
    upload->mode = mode;
    upload->fd = upload->dir = upload->temp_dir = -1;
    TRY(local_path(upload->storage, name, &upload->path, err));
    TRY(open_place(upload, err));
    TRY(local_note_device(upload->storage->root, upload->fd, upload->path.text, err));
    *out = TAKE(upload);
    return STATUS_OK;
}

/* ---- write ---- */

/* The disk works while the rest is put, or what comes before the barrier is done, and that finds less to wait for. */
static void write_behind(struct upload *upload, uint64_t least_bytes)
{
    if (upload->mode != PUT_IF_ABSENT_SYNC_FOLLOWS || upload->waiting < least_bytes)
        return;
    file_ops()->write_behind(upload->fd);
    upload->waiting = 0;
}

static status upload_flush(struct upload *upload, struct error *err)
{
    size_t size = upload->buffered;
    upload->buffered = 0;
    if (size > 0 && !local_write_all(upload->fd, upload->buffer, size))
        return upload_failed(upload, "write", err);
    upload->waiting += size;
    write_behind(upload, WRITE_BEHIND_BYTES);
    return STATUS_OK;
}

static status need_buffer(struct upload *upload, struct error *err)
{
    if (!upload->buffer)
        upload->buffer = mem_alloc(UPLOAD_BUFFER_BYTES);
    return upload->buffer ? STATUS_OK : error_no_memory(err);
}

status local_put_write(struct upload *upload, const void *bytes, size_t size, struct error *err)
{
    if (size > UPLOAD_BUFFER_BYTES - upload->buffered)
        TRY(upload_flush(upload, err));
    if (size >= UPLOAD_BUFFER_BYTES) {
        if (!local_write_all(upload->fd, bytes, size))
            return upload_failed(upload, "write", err);
        upload->waiting += size;
        write_behind(upload, WRITE_BEHIND_BYTES);
        return STATUS_OK;
    }
    TRY(need_buffer(upload, err));
    if (size > 0)
        memcpy(upload->buffer + upload->buffered, bytes, size);
    upload->buffered += size;
    return STATUS_OK;
}

static status copy_by_hand(struct upload *upload, struct storage_object *from, uint64_t offset,
                           uint64_t length, struct error *err)
{
    const struct file_ops *ops = file_ops();
    TRY(need_buffer(upload, err));
    while (length > 0) {
        size_t want = length < UPLOAD_BUFFER_BYTES ? (size_t)length : UPLOAD_BUFFER_BYTES;
        ssize_t n = UNINTERRUPTED(ops->pread(from->fd, upload->buffer, want, (off_t)offset));
        if (n < 0)
            return local_failed(from->root, "read", from->path, err);
        if (n == 0)
            return error_set(err, STATUS_BAD_DATA, "%s/%s ends at byte %llu, more was expected",
                             from->root->url, from->path, (unsigned long long)offset);
        if (!local_write_all(upload->fd, upload->buffer, (size_t)n))
            return upload_failed(upload, "write", err);
        offset += (uint64_t)n;
        length -= (uint64_t)n;
    }
    return STATUS_OK;
}

static bool kernel_cannot_copy(int os_errno)
{
    return os_errno == EXDEV || os_errno == ENOSYS || os_errno == EINVAL ||
           os_errno == EOPNOTSUPP || os_errno == EPERM || os_errno == EBADF;
}

status local_put_copy_range(struct upload *upload, struct storage_object *from, uint64_t offset,
                            uint64_t length, struct error *err)
{
    const struct file_ops *ops = file_ops();
    TRY(upload_flush(upload, err));
    while (length > 0) {
        off_t at = (off_t)offset;
        size_t want = length < (1u << 30) ? (size_t)length : 1u << 30;
        ssize_t n = UNINTERRUPTED(ops->copy_file_range(from->fd, &at, upload->fd, want));
        if (n == 0 || (n < 0 && kernel_cannot_copy(errno)))
            return copy_by_hand(upload, from, offset, length, err);
        if (n < 0)
            return upload_failed(upload, "copy into", err);
        offset += (uint64_t)n;
        length -= (uint64_t)n;
        upload->waiting += (uint64_t)n;
        write_behind(upload, WRITE_BEHIND_BYTES);
    }
    return STATUS_OK;
}

/* ---- commit ---- */

/* Give the nameless file its name. AT_EMPTY_PATH needs a capability, /proc may not be mounted: try both. */
static int link_nameless(const struct upload *upload, const char *leaf)
{
    const struct file_ops *ops = file_ops();
    char self[32];
    local_fd_path(upload->fd, self);
    int r = UNINTERRUPTED(ops->linkat(AT_FDCWD, self, upload->dir, leaf, AT_SYMLINK_FOLLOW));
    if (r == 0 || errno != ENOENT)
        return r;
    r = UNINTERRUPTED(ops->linkat(upload->fd, "", upload->dir, leaf, AT_EMPTY_PATH));
    if (r != 0 && errno == EPERM)
        errno = ENOENT;
    return r;
}

static int give_name(struct upload *upload)
{
    const struct file_ops *ops = file_ops();
    const char *leaf = upload->path.text + upload->path.leaf;
    if (upload->temp_dir < 0)
        return link_nameless(upload, leaf);
    if (upload->mode == PUT_REPLACE) {
        int r =
            UNINTERRUPTED(ops->renameat(upload->temp_dir, upload->temp_name, upload->dir, leaf));
        if (r == 0)
            upload->temp_name[0] = '\0';
        return r;
    }
    return UNINTERRUPTED(ops->linkat(upload->temp_dir, upload->temp_name, upload->dir, leaf, 0));
}

/* The directory may have been emptied and removed by others meanwhile: then it is made again. */
static status upload_appear(struct upload *upload, struct error *err)
{
    char parent[PATH_MAX];
    for (int tries = 0; give_name(upload) != 0; tries++) {
        if (errno == EEXIST)
            return error_set(err, STATUS_EXISTS, "%s/%s is there already",
                             upload->storage->root->url, upload->path.text);
        if (errno != ENOENT || tries == 3)
            return upload_failed(upload, "put", err);
        local_close(upload->dir);
        upload->dir = -1;
        local_parent(&upload->path, parent);
        TRY(local_make_dir(upload->storage->root, parent, &upload->dir, err));
    }
    return STATUS_OK;
}

status local_put_commit(struct upload *upload, struct error *err)
{
    SCOPED(upload_abortp) struct upload *scoped = upload;
    TRY(upload_flush(scoped, err));
    write_behind(scoped, WRITE_REST_BYTES);
    /* A name that replaces, or that others act on at once, must never lead to bytes that a power cut can take. */
    bool at_once = scoped->mode == PUT_REPLACE || scoped->mode == PUT_IF_ABSENT_DURABLE;
    if (at_once && UNINTERRUPTED(file_ops()->fsync(scoped->fd)) != 0)
        return upload_failed(scoped, "sync", err);
    TRY(upload_appear(scoped, err));
    local_note_put(scoped->storage->root, &scoped->path, scoped->fd);
    scoped->fd = -1;
    return STATUS_OK;
}

/* ---- what died with its process ---- */

static bool is_abandoned(int dir, const char *name)
{
    const struct file_ops *ops = file_ops();
    struct stat st;
    int fd = UNINTERRUPTED(ops->openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0));
    if (fd < 0)
        return false;
    bool abandoned = UNINTERRUPTED(ops->fstat(fd, &st)) == 0 && S_ISREG(st.st_mode) &&
                     st.st_mtim.tv_sec < clock_wall_us() / 1000000 - SWEEP_AGE_S &&
                     (ops->flock(fd, LOCK_EX | LOCK_NB) == 0 || errno == ENOLCK);
    local_close(fd);
    return abandoned;
}

void local_sweep_temp(struct local_storage *storage)
{
    struct local_path path;
    struct error ignored = {0};
    if (local_path(storage, LOCAL_TEMP_DIR, &path, &ignored) != STATUS_OK)
        return;
    int fd = local_open(storage->root, path.text, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return;
    size_t n;
    struct arena arena = {0};
    char **names;
    if (local_names(fd, &arena, &names, &n, &ignored) == STATUS_OK)
        for (size_t i = 0; i < n; i++)
            if (is_abandoned(fd, names[i]))
                file_ops()->unlinkat(fd, names[i], 0);
    arena_release(&arena);
    local_close(fd);
}
