/* What an encoder takes beside the rows and the row group that it makes of them, for the memory budget. */
#include "format/parquet/bloom.h"
#include "format/parquet/driver.h"
#include "format/parquet/options.h"

enum { PAGE_BUFFERS = 3 }; /* of a page: values, what is encoded, what is compressed */

static void add_leaves(const struct parquet_options *options, size_t n, struct encoder_needs *out)
{
    uint64_t compressor = codec_memory(options->codec);
    for (size_t i = 0; i < n; i++) {
        const struct leaf_options *leaf = &options->leaves[i];
        if (codec_memory(leaf->codec) > compressor)
            compressor = codec_memory(leaf->codec);
        if (leaf->bloom_filter) /* on its own, then in the row group */
            out->bytes += 2 * (uint64_t)BLOOM_MAX_BYTES;
    }
    out->bytes += compressor;
}

status parquet_encoder_needs(const struct schema *schema, const struct option_values *values,
                             struct encoder_needs *out, struct error *err)
{
    SCOPED(leaf_plan_release) struct leaf_plan plan = {0};
    struct parquet_options options = {0};
    TRY(parquet_options_read(values, &options, err));
    TRY(leaf_plan_init(&plan, schema, err));
    TRY(parquet_options_bind(values, &plan, &plan.arena, &options, err));
    *out = (struct encoder_needs){.bytes = PAGE_BUFFERS * (uint64_t)options.page_bytes,
                                  .copies_rows = options.n_sort_keys > 0};
    add_leaves(&options, plan.n_leaves, out);
    return STATUS_OK;
}
