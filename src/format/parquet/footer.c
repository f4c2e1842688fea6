#include "format/parquet/footer.h"

#include <string.h>

#include "format/parquet/driver.h"

void footer_release(struct footer *footer)
{
    buffer_release(&footer->bytes);
    arena_release(&footer->arena);
    *footer = (struct footer){0};
}

static status footer_size(const struct byte_source *source, size_t *out, struct error *err)
{
    uint64_t smallest = PARQUET_MAGIC_BYTES + PARQUET_TAIL_BYTES;
    if (source->size < smallest)
        return error_set(err, STATUS_BAD_DATA, "not a Parquet file: %llu bytes are too few",
                         (unsigned long long)source->size);
    uint8_t tail[PARQUET_TAIL_BYTES];
    TRY(source->read(source, source->size - sizeof(tail), tail, sizeof(tail), err));
    if (memcmp(tail + 4, "PARE", PARQUET_MAGIC_BYTES) == 0)
        return error_set(
            err, STATUS_BAD_DATA,
            "the footer of this Parquet file is encrypted; it can't be read without its key");
    if (memcmp(tail + 4, PARQUET_MAGIC, PARQUET_MAGIC_BYTES) != 0)
        return error_set(
            err, STATUS_BAD_DATA,
            "not a Parquet file: it does not end in \"PAR1\" (cut off, or another format)");
    uint32_t size = load_u32le(tail);
    if (size > source->size - smallest)
        return error_set(err, STATUS_BAD_DATA,
                         "Parquet file is damaged: a footer of %u bytes in a file of %llu", size,
                         (unsigned long long)source->size);
    *out = size;
    return STATUS_OK;
}

/* The group elements say how many children follow; together they must name every element once. */
static bool tree_holds(const struct parquet_footer *meta)
{
    uint64_t expected = 1;
    for (size_t i = 0; i < meta->n_elements; i++) {
        if (expected == 0 || meta->elements[i].n_children < 0)
            return false;
        expected += (uint64_t)meta->elements[i].n_children;
        expected--;
    }
    return expected == 0;
}

static status check(const struct parquet_footer *meta, struct error *err)
{
    if (meta->n_elements == 0 || !tree_holds(meta))
        return error_set(err, STATUS_BAD_DATA, "Parquet file is damaged: its schema is no tree");
    uint64_t rows = 0;
    for (size_t g = 0; g < meta->n_groups; g++)
        rows += (uint64_t)meta->groups[g].rows;
    if (meta->rows < 0 || rows != (uint64_t)meta->rows)
        return error_set(err, STATUS_BAD_DATA,
                         "Parquet file is damaged: its footer says %lld rows, its row groups %llu",
                         (long long)meta->rows, (unsigned long long)rows);
    return STATUS_OK;
}

static status too_large(size_t size, size_t limit, struct error *err)
{
    return error_set(
        err, STATUS_BAD_DATA,
        "the footer of %zu bytes takes more than the %zu bytes of memory that a reader "
        "may use",
        size, limit);
}

static status read_into(const struct byte_source *source, size_t limit, struct footer *footer,
                        struct error *err)
{
    size_t size = 0;
    TRY(footer_size(source, &size, err));
    if (size > limit / 2)
        return too_large(size, limit, err);
    TRY(buffer_reserve(&footer->bytes, size + 1, err));
    footer->bytes.size = size;
    TRY(source->read(source, source->size - PARQUET_TAIL_BYTES - size, footer->bytes.data, size,
                     err));
    struct thrift_reader r;
    thrift_reader_init(&r, footer->bytes.data, size);
    r.room = limit - size;
    parquet_read_footer(&r, &footer->arena, &footer->meta);
    if (r.too_large)
        return too_large(size, limit, err);
    TRY(thrift_reader_check(&r, "footer of the Parquet file", err));
    return check(&footer->meta, err);
}

status footer_read(const struct byte_source *source, struct footer *out, struct error *err)
{
    return footer_read_within(source, FOOTER_MEMORY_BYTES, out, err);
}

status footer_read_within(const struct byte_source *source, size_t limit, struct footer *out,
                          struct error *err)
{
    struct footer footer = {0};
    status_code code = read_into(source, limit, &footer, err);
    if (code != STATUS_OK) {
        footer_release(&footer);
        return code;
    }
    *out = footer;
    return STATUS_OK;
}

status parquet_footer_rows(const struct byte_source *source, uint64_t *out_rows, struct error *err)
{
    struct footer footer = {0};
    TRY(footer_read(source, &footer, err));
    *out_rows = (uint64_t)footer.meta.rows;
    footer_release(&footer);
    return STATUS_OK;
}
