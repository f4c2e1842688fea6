/* Compatible profile: a dictionary where it pays, else PLAIN. Dense profile: a trial. Two runs of a few thousand values
 * are written in each encoding that the type allows and compressed; the smallest wins, and of nearly equal ones the one
 * that more readers know. Other choices than those of the values at hand would make the bytes of a row group depend
 * on which worker wrote it. */
#include "format/parquet/encoding_choice.h"

#include <string.h>

#include "format/parquet/bit_pack.h"
#include "format/parquet/page.h"

struct choice {
    const struct leaf *leaf;
    const struct dense *values;
    const struct dictionary *dictionary; /* NULL: there is none */
    struct chunk_scratch *scratch;
    struct error *err;
};

/* SIZE bytes at FROM, compressed, but never more than SIZE: what does not get smaller is stored as it is. */
static status compressed_size(const struct choice *choice, const uint8_t *from, size_t size,
                              size_t *out)
{
    struct codec *codec = &choice->scratch->codec;
    struct buffer *room = &choice->scratch->small;
    *out = size;
    if (codec->spec.id == CODEC_NONE || size == 0)
        return STATUS_OK;
    size_t bound = codec_bound(codec, size), made;
    TRY(buffer_reserve(room, bound, choice->err));
    TRY(codec_compress(codec, from, size, room->data, bound, &made, choice->err));
    *out = made < size ? made : size;
    return STATUS_OK;
}

/* ---- a dictionary, or PLAIN ---- */

enum { ENTRIES_TRIED = 2048 };

/* Bytes that all entries take, compressed; foretold from the first of them. */
static status entries_size(const struct choice *choice, size_t *out)
{
    const struct dictionary *dictionary = choice->dictionary;
    struct buffer *body = &choice->scratch->body;
    size_t tried = dictionary->entries < ENTRIES_TRIED ? dictionary->entries : ENTRIES_TRIED;
    TRY(buffer_reserve(body, dictionary->bytes + VALUES_SLACK, choice->err));
    size_t size = values_put_entries(choice->values, dictionary, tried, body->data), stored;
    TRY(compressed_size(choice, body->data, size, &stored));
    *out = stored * dictionary->entries / tried;
    return STATUS_OK;
}

/* Supplier keys of 10,000 line items are a quarter larger with a dictionary than without. */
static status dictionary_pays(const struct choice *choice, bool *out_pays)
{
    enum { SAMPLE = 2048, SAMPLE_BYTES = 1 << 20 };
    const struct dense *values = choice->values;
    struct buffer *body = &choice->scratch->body;
    const struct value_coding plain = {.encoding = PARQUET_PLAIN};
    size_t n = values->n < SAMPLE ? values->n : SAMPLE, size, in_values, in_entries;
    while (n > 1 && dense_plain_bytes(values, 0, n) > SAMPLE_BYTES)
        n /= 2;
    codec_expect(&choice->scratch->codec, page_content(choice->leaf, PARQUET_PLAIN));
    TRY(buffer_reserve(body, values_bound(values, &plain, 0, n), choice->err));
    TRY(values_encode(choice->leaf, values, &plain, 0, n, &choice->scratch->values, body->data,
                      &size, choice->err));
    TRY(compressed_size(choice, body->data, size, &in_values));
    TRY(entries_size(choice, &in_entries));
    unsigned width = bit_width_of(choice->dictionary->entries - 1);
    size_t index = values->n * (width > 0 ? width : 1) / 8; /* indexes hardly compress */
    *out_pays = in_entries + index < in_values * values->n / n;
    return STATUS_OK;
}

/* Few entries always pay; of many, with compression, a trial tells. */
static status choose_compatible(const struct choice *choice, struct value_coding *out)
{
    enum { MANY = 8 };
    bool pays = choice->dictionary != NULL;
    if (pays && choice->scratch->codec.spec.id != CODEC_NONE &&
        choice->dictionary->entries * MANY > choice->values->n)
        TRY(dictionary_pays(choice, &pays));
    if (pays)
        *out = (struct value_coding){PARQUET_RLE_DICTIONARY, choice->dictionary};
    else
        *out = (struct value_coding){.encoding = PARQUET_PLAIN};
    return STATUS_OK;
}

/* ---- the smallest of all ---- */

struct sample {
    size_t runs, count; /* values of each run */
    size_t first[2];    /* where the runs begin */
};

static struct sample take_sample(const struct dense *values)
{
    enum { SAMPLE = 4096, RUN_BYTES = 1 << 18 };
    if (values->n <= SAMPLE && dense_plain_bytes(values, 0, values->n) <= 2 * (size_t)RUN_BYTES)
        return (struct sample){.runs = 1, .count = values->n};
    struct sample sample = {.runs = 2, .count = values->n < SAMPLE ? values->n / 2 : SAMPLE / 2};
    sample.first[0] = (values->n - sample.count) / 4;
    sample.first[1] = (values->n - sample.count) / 4 * 3;
    for (size_t i = 0; i < sample.runs; i++)
        while (sample.count > 1 &&
               dense_plain_bytes(values, sample.first[i], sample.count) > RUN_BYTES)
            sample.count /= 2;
    return sample;
}

/* Bytes of the sample in an encoding, compressed; its share of the dictionary included. */
static status sample_size(const struct choice *choice, const struct sample *sample,
                          const struct value_coding *coding, size_t *out)
{
    struct buffer *body = &choice->scratch->body;
    size_t used = 0, size, entries = 0;
    body->size = 0;
    for (size_t i = 0; i < sample->runs; i++) {
        size_t first = sample->first[i];
        body->size = used;
        TRY(buffer_reserve(body, used + values_bound(choice->values, coding, first, sample->count),
                           choice->err));
        TRY(values_encode(choice->leaf, choice->values, coding, first, sample->count,
                          &choice->scratch->values, body->data + used, &size, choice->err));
        used += size;
    }
    body->size = 0;
    codec_expect(&choice->scratch->codec, page_content(choice->leaf, coding->encoding));
    TRY(compressed_size(choice, body->data, used, &size));
    codec_expect(&choice->scratch->codec, page_content(choice->leaf, PARQUET_PLAIN));
    if (coding->dictionary)
        TRY(entries_size(choice, &entries));
    *out = size + entries * (sample->runs * sample->count) / choice->values->n;
    return STATUS_OK;
}

/* What the dense profile may write besides PLAIN; those that more readers know come first. */
static size_t list_encodings(enum parquet_physical physical, enum parquet_encoding out[2])
{
    switch (physical) {
    case PARQUET_INT32:
    case PARQUET_INT64:
        out[0] = PARQUET_DELTA_BINARY_PACKED;
        return 1;
    case PARQUET_FLOAT: /* of other types DuckDB 1.5 can't read it */
    case PARQUET_DOUBLE:
        out[0] = PARQUET_BYTE_STREAM_SPLIT;
        return 1;
    case PARQUET_BYTE_ARRAY:
        out[0] = PARQUET_DELTA_LENGTH_BYTE_ARRAY;
        out[1] = PARQUET_DELTA_BYTE_ARRAY;
        return 2;
    default:
        return 0;
    }
}

/* Indexes of two bits, or of eight bits in place of texts, can't be beaten by much. */
static bool is_surely_best(const struct choice *choice)
{
    enum { FEW = 4, FEW_TEXTS = 256, TIMES = 64 };
    size_t entries = choice->dictionary ? choice->dictionary->entries : SIZE_MAX;
    return entries <= (choice->values->width == 0 ? FEW_TEXTS : FEW) &&
           entries * TIMES <= choice->values->n;
}

static status choose_smallest(const struct choice *choice, struct value_coding *out)
{
    enum { MARGIN = 64 }; /* one part in so many must be gained */
    struct value_coding best = {.encoding = PARQUET_PLAIN};
    const struct value_coding indexed = {PARQUET_RLE_DICTIONARY, choice->dictionary};
    *out = is_surely_best(choice) ? indexed : best;
    if (is_surely_best(choice) || choice->values->n == 0)
        return STATUS_OK;
    struct sample sample = take_sample(choice->values);
    size_t best_size, size;
    TRY(sample_size(choice, &sample, &best, &best_size));
    if (choice->dictionary) {
        TRY(sample_size(choice, &sample, &indexed, &size));
        if (size < best_size) {
            best = indexed;
            best_size = size;
        }
    }
    enum parquet_encoding encodings[2];
    size_t n = list_encodings(choice->leaf->physical, encodings);
    for (size_t i = 0; i < n; i++) {
        struct value_coding coding = {.encoding = encodings[i]};
        TRY(sample_size(choice, &sample, &coding, &size));
        if (size < best_size - best_size / MARGIN) {
            best = coding;
            best_size = size;
        }
    }
    *out = best;
    return STATUS_OK;
}

/* ---- what was asked ---- */

/* ENCODE_AUTO and ENCODE_DICTIONARY are not among them. */
static enum parquet_encoding encoding_asked(enum leaf_encoding asked,
                                            enum parquet_physical physical)
{
    switch (asked) {
    case ENCODE_DELTA:
        return physical == PARQUET_BYTE_ARRAY ? PARQUET_DELTA_LENGTH_BYTE_ARRAY
                                              : PARQUET_DELTA_BINARY_PACKED;
    case ENCODE_DELTA_STRINGS:
        return PARQUET_DELTA_BYTE_ARRAY;
    case ENCODE_SPLIT:
        return PARQUET_BYTE_STREAM_SPLIT;
    default:
        return PARQUET_PLAIN;
    }
}

static status make_dictionary(struct choice *choice, const struct parquet_options *options,
                              enum leaf_encoding asked, const struct bounds *bounds)
{
    struct dictionary *dictionary = &choice->scratch->dictionary;
    bool compressed = choice->scratch->codec.spec.id != CODEC_NONE && asked == ENCODE_AUTO;
    bool made = false;
    if (options->dictionary || asked == ENCODE_DICTIONARY)
        TRY(dictionary_build(dictionary, choice->leaf, choice->values, bounds, compressed, &made,
                             choice->err));
    choice->dictionary = made ? dictionary : NULL;
    return STATUS_OK;
}

status encoding_choose(const struct leaf *leaf, const struct parquet_options *options,
                       size_t number, const struct dense *values, const struct bounds *bounds,
                       struct chunk_scratch *scratch, struct value_coding *out,
                       const struct dictionary **out_dictionary, struct error *err)
{
    enum leaf_encoding asked = options->leaves[number].encoding;
    struct choice choice = {.leaf = leaf, .values = values, .scratch = scratch, .err = err};
    bool dense = options->profile == PROFILE_DENSE;
    *out_dictionary = NULL;
    if (asked != ENCODE_AUTO && asked != ENCODE_DICTIONARY) {
        *out = (struct value_coding){.encoding = encoding_asked(asked, leaf->physical)};
        return STATUS_OK;
    }
    if (leaf->physical == PARQUET_BOOLEAN) {
        *out = (struct value_coding){.encoding = dense ? PARQUET_RLE : PARQUET_PLAIN};
        return STATUS_OK;
    }
    TRY(make_dictionary(&choice, options, asked, bounds));
    *out_dictionary = choice.dictionary;
    if (asked == ENCODE_AUTO)
        return dense ? choose_smallest(&choice, out) : choose_compatible(&choice, out);
    *out = choice.dictionary ? (struct value_coding){PARQUET_RLE_DICTIONARY, choice.dictionary}
                             : (struct value_coding){.encoding = PARQUET_PLAIN};
    return STATUS_OK;
}
