/* From batches in memory to a Parquet file: what the columnar core alone takes.
 *
 *   encode DATABASE TABLE OUT [--repeat N] [--threads N] [--rows N] CASE...
 *
 * Rows are read once through the SQLite source into batches of a row group each. A CASE is options of the format
 * with commas between them ("compression=zstd:1,page_rows=20000"), or `floor:LEVEL`: zstd alone over the pages that
 * the first case wrote, a page a call, nothing kept. Prints a line of JSON for each case, the best CPU time of its
 * repeats. No sync: the peers beside it don't either. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <zstd.h>

#include "base/cpu.h"
#include "format/format.h"
#include "format/parquet/group_meta.h"
#include "source/source.h"

enum { MAX_THREADS = 64, OPTION_BYTES = 256, MAX_HEADER = 256 };

static void must(status_code code, const struct error *err)
{
    if (code == STATUS_OK)
        return;
    fprintf(stderr, "encode: %s\n", err->text);
    exit(1);
}

static void *checked(void *memory)
{
    if (!memory)
        must(STATUS_NO_MEMORY, &(struct error){.text = "out of memory"});
    return memory;
}

/* ---- rows ---- */

struct rows {
    struct read_plan plan;
    struct batch *groups; /* one row group each */
    size_t n_groups;
    uint64_t n_rows;
};

static struct batch *add_group(struct rows *rows)
{
    struct error err = {0};
    rows->groups = checked(realloc(rows->groups, (rows->n_groups + 1) * sizeof(*rows->groups)));
    struct batch *batch = &rows->groups[rows->n_groups++];
    must(batch_init(batch, &rows->plan.schema, &err), &err);
    return batch;
}

static void read_split(struct rows *rows, const struct source_driver *driver, struct source *source,
                       const struct read_request *request, const struct split *split,
                       size_t group_rows)
{
    enum { STEP_ROWS = 16384 };
    struct error err = {0};
    struct reader *reader;
    must(driver->reader_open(source, &rows->plan, request, split, &(struct reader_options){0},
                             &reader, &err),
         &err);
    for (status_code code = STATUS_OK; code == STATUS_OK;) {
        struct batch *batch = rows->n_groups ? &rows->groups[rows->n_groups - 1] : NULL;
        if (!batch || batch->rows == group_rows)
            batch = add_group(rows);
        size_t room = group_rows - batch->rows, before = batch->rows;
        code =
            driver->reader_next(reader, batch, room < STEP_ROWS ? room : STEP_ROWS, SIZE_MAX, &err);
        rows->n_rows += batch->rows - before;
        must(code == STATUS_END ? STATUS_OK : code, &err);
    }
    driver->reader_close(reader);
}

static void read_rows(struct rows *rows, const char *database, const char *table, size_t group_rows)
{
    struct error err = {0};
    struct arena arena = {0};
    const struct source_driver *driver;
    const char *location;
    struct option_values options;
    struct source *source;
    struct read_request request = {.stream = table, .split_count = 1, .max_readers = 1};
    must(source_find(database, &arena, &driver, &location, &err), &err);
    must(option_defaults(&arena, driver->options, &options, &err), &err);
    must(driver->open(location, &options, &source, &err), &err);
    must(driver->plan(source, &request, &rows->plan, &err), &err);
    for (size_t i = 0; i < rows->plan.n_splits; i++)
        read_split(rows, driver, source, &request, &rows->plan.splits[i], group_rows);
    driver->plan_end(source);
    driver->close(source);
    arena_release(&arena);
}

/* ---- options ---- */

/* False: the format has no such option. */
static bool set_options(struct option_values *values, char *text)
{
    struct error err = {0};
    for (char *rest = text, *word; (word = strtok_r(rest, ",", &rest));) {
        char *value = strchr(word, '=');
        if (value)
            *value++ = '\0';
        struct option_value *place = NULL;
        for (size_t i = 0; i < values->n_values; i++)
            if (strcmp(values->specs[i].name, word) == 0)
                place = &values->values[i];
        if (!place || !value)
            return false;
        must(option_parse(place->spec, value, place, &err), &err);
    }
    return true;
}

/* ---- one pass: workers encode, the file takes the groups in order ---- */

struct file_sink {
    struct byte_sink base;
    int fd;
};

static status write_file(struct byte_sink *sink, const void *bytes, size_t size, struct error *err)
{
    int fd = ((struct file_sink *)sink)->fd;
    const char *at = bytes;
    while (size > 0) {
        ssize_t put = write(fd, at, size);
        if (put < 0)
            return error_set(err, STATUS_UNAVAILABLE, "write: %s", strerror(errno));
        at += put;
        size -= (size_t)put;
    }
    return STATUS_OK;
}

struct pass {
    const struct format_driver *driver;
    const struct rows *rows;
    const struct option_values *options;
    struct format_file *file;
    pthread_mutex_t mutex;
    pthread_cond_t turn;
    size_t next;            /* group to encode */
    size_t written;         /* groups in the file */
    struct row_group *keep; /* NULL, or one for each group: kept for the floor */
};

static void append(struct pass *pass, size_t number, struct row_group *group)
{
    struct error err = {0};
    pthread_mutex_lock(&pass->mutex);
    while (pass->written != number)
        pthread_cond_wait(&pass->turn, &pass->mutex);
    must(pass->driver->file_append(pass->file, group, &err), &err);
    pass->written++;
    pthread_cond_broadcast(&pass->turn);
    pthread_mutex_unlock(&pass->mutex);
    if (pass->keep)
        pass->keep[number] = *group;
    else
        row_group_release(group);
}

static void *encode_groups(void *context)
{
    struct pass *pass = context;
    struct error err = {0};
    struct encoder *encoder;
    must(pass->driver->encoder_new(&pass->rows->plan.schema, pass->options, &encoder, &err), &err);
    for (;;) {
        pthread_mutex_lock(&pass->mutex);
        size_t number = pass->next++;
        pthread_mutex_unlock(&pass->mutex);
        if (number >= pass->rows->n_groups)
            break;
        const struct batch *batch = &pass->rows->groups[number];
        struct row_group group = {0};
        must(pass->driver->encode(encoder, batch, 0, batch->rows, NULL, &group, &err), &err);
        append(pass, number, &group);
    }
    pass->driver->encoder_free(encoder);
    return NULL;
}

static uint64_t write_rows(struct pass *pass, const char *path, size_t threads)
{
    struct error err = {0};
    struct file_sink sink = {{write_file}, open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644)};
    if (sink.fd < 0) {
        perror(path);
        exit(1);
    }
    must(pass->driver->file_begin(&pass->rows->plan.schema, pass->options, &sink.base, &pass->file,
                                  &err),
         &err);
    pthread_t ids[MAX_THREADS];
    for (size_t i = 0; i < threads; i++) {
        if (pthread_create(&ids[i], NULL, encode_groups, pass) != 0)
            exit(1);
        pthread_setname_np(ids[i], "encode"); /* perf report --comms encode */
    }
    for (size_t i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    struct file_result result;
    must(pass->driver->file_finish(pass->file, NULL, 0, &result, &err), &err);
    uint64_t bytes = result.size_bytes;
    file_result_release(&result);
    close(sink.fd);
    return bytes;
}

/* ---- the floor ---- */

/* The page at AT of SIZE bytes, decompressed behind *IO_AT in OUT. Pages that are not zstd stay what they are. */
static size_t open_page(const uint8_t *at, size_t size, uint8_t *out, size_t room)
{
    static const uint8_t magic[4] = {0x28, 0xb5, 0x2f, 0xfd};
    for (size_t i = 0; i + 4 <= size && i < MAX_HEADER; i++)
        if (memcmp(at + i, magic, 4) == 0) {
            size_t got = ZSTD_decompress(out, room, at + i, size - i);
            if (!ZSTD_isError(got))
                return got;
        }
    if (size > room)
        exit(1);
    memcpy(out, at, size);
    return size;
}

struct pages {
    uint8_t *bytes;
    size_t size, capacity;
    size_t *sizes;
    size_t n;
};

static void add_page(struct pages *pages, const uint8_t *at, size_t size)
{
    enum { LARGEST = 8 << 20 };
    if (pages->capacity - pages->size < LARGEST) {
        pages->capacity = pages->capacity * 2 + 2 * (size_t)LARGEST;
        pages->bytes = checked(realloc(pages->bytes, pages->capacity));
    }
    if (pages->n % 1024 == 0)
        pages->sizes = checked(realloc(pages->sizes, (pages->n + 1024) * sizeof(*pages->sizes)));
    size_t got = open_page(at, size, pages->bytes + pages->size, LARGEST);
    pages->sizes[pages->n++] = got;
    pages->size += got;
}

static void open_pages(const struct rows *rows, const struct row_group *groups, struct pages *pages)
{
    struct error err = {0};
    struct leaf_plan plan = {0};
    must(leaf_plan_init(&plan, &rows->plan.schema, &err), &err);
    for (size_t g = 0; g < rows->n_groups; g++) {
        struct arena arena = {0};
        struct group_meta meta;
        const struct row_group *group = &groups[g];
        must(group_meta_read(group->meta.data, group->meta.size, &plan, group->pages.size, &arena,
                             &meta, &err),
             &err);
        for (size_t l = 0; l < meta.n_leaves; l++) {
            const struct parquet_chunk *chunk = &meta.group.chunks[l];
            const uint8_t *base = group->pages.data;
            if (chunk->dictionary_page_offset >= 0)
                add_page(pages, base + chunk->dictionary_page_offset,
                         (size_t)(chunk->data_page_offset - chunk->dictionary_page_offset));
            const struct parquet_offset_index *index = &meta.leaves[l].offset_index;
            for (size_t p = 0; p < index->pages; p++)
                add_page(pages, base + index->locations[p].offset,
                         (size_t)index->locations[p].bytes);
        }
        arena_release(&arena);
    }
    leaf_plan_release(&plan);
}

static uint64_t compress_pages(const struct pages *pages, int level)
{
    ZSTD_CCtx *context = checked(ZSTD_createCCtx());
    size_t largest = 0;
    for (size_t i = 0; i < pages->n; i++)
        largest = pages->sizes[i] > largest ? pages->sizes[i] : largest;
    size_t room = ZSTD_compressBound(largest);
    void *out = checked(malloc(room));
    uint64_t total = 0;
    const uint8_t *at = pages->bytes;
    for (size_t i = 0; i < pages->n; at += pages->sizes[i++])
        total += ZSTD_compressCCtx(context, out, room, at, pages->sizes[i], level);
    free(out);
    ZSTD_freeCCtx(context);
    return total;
}

/* ---- measuring ---- */

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double cpu_now(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

static double wall_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct settings {
    const char *out;
    size_t repeat, threads;
};

struct bench {
    struct rows rows;
    struct row_group *kept; /* of the first case */
    struct pages pages;
};

/* Bytes written; 0: the format has no such option. */
static uint64_t run_case(struct bench *bench, const struct settings *settings, const char *name)
{
    if (strncmp(name, "floor:", 6) == 0)
        return compress_pages(&bench->pages, atoi(name + 6));
    struct error err = {0};
    struct arena arena = {0};
    struct option_values options;
    char text[OPTION_BYTES];
    struct pass pass = {.driver = format_find("parquet"),
                        .rows = &bench->rows,
                        .options = &options,
                        .mutex = PTHREAD_MUTEX_INITIALIZER,
                        .turn = PTHREAD_COND_INITIALIZER};
    must(option_defaults(&arena, pass.driver->options, &options, &err), &err);
    snprintf(text, sizeof(text), "%s", name);
    if (!set_options(&options, text)) {
        arena_release(&arena);
        return 0;
    }
    if (!bench->kept) {
        bench->kept = checked(calloc(bench->rows.n_groups, sizeof(*bench->kept)));
        pass.keep = bench->kept;
    }
    uint64_t bytes = write_rows(&pass, settings->out, settings->threads);
    arena_release(&arena);
    return bytes;
}

static void measure(struct bench *bench, const struct settings *settings, const char *name)
{
    double best_cpu = 0, best_wall = 0;
    uint64_t bytes = 0;
    if (strncmp(name, "floor:", 6) == 0 && !bench->pages.n)
        open_pages(&bench->rows, bench->kept, &bench->pages);
    for (size_t i = 0; i < settings->repeat; i++) {
        double cpu = cpu_now(), wall = wall_now();
        bytes = run_case(bench, settings, name);
        cpu = cpu_now() - cpu;
        wall = wall_now() - wall;
        if (i == 0 || cpu < best_cpu)
            best_cpu = cpu;
        if (i == 0 || wall < best_wall)
            best_wall = wall;
    }
    printf("{\"case\": \"%s\", \"threads\": %zu, \"cpu\": %.3f, \"wall\": %.3f, \"bytes\": %llu, "
           "\"rows\": %llu}\n",
           name, settings->threads, best_cpu, best_wall, (unsigned long long)bytes,
           (unsigned long long)bench->rows.n_rows);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct settings settings = {.repeat = 3, .threads = 1};
    size_t group_rows = 500000;
    if (argc < 5) {
        fputs("usage: encode DATABASE TABLE OUT [--repeat N] [--threads N] [--rows N] CASE...\n",
              stderr);
        return 2;
    }
    struct error err = {0};
    must(cpu_choose(getenv("LEAT_CPU"), &err), &err);
    settings.out = argv[3];
    struct bench bench = {0};
    for (int i = 4; i < argc; i++) {
        if (strcmp(argv[i], "--repeat") == 0 && i + 1 < argc)
            settings.repeat = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc)
            settings.threads = strtoul(argv[++i], NULL, 10) % MAX_THREADS;
        else if (strcmp(argv[i], "--rows") == 0 && i + 1 < argc)
            group_rows = strtoul(argv[++i], NULL, 10);
        else {
            if (!bench.rows.n_groups)
                read_rows(&bench.rows, argv[1], argv[2], group_rows);
            measure(&bench, &settings, argv[i]);
        }
    }
    return 0;
}
