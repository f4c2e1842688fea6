/* Small seeds for the fuzz target: the good files of the hostile tests and files of the writer, each behind bytes that
 * choose how it is read (parquet_reader.c).
 *
 *   fuzz_parquet_seeds OUT */
#include <stdio.h>
#include <stdlib.h>

#include "unit/format/hostile_file.h"

static const char *out_folder;
static int number;

static void put(const struct buffer *bytes)
{
    static const uint8_t choices[] = {0x01, 0x07, 0x11, 0x1b, 0x35, 0x26, 0x62};
    for (size_t i = 0; i < sizeof(choices); i++) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/made-%d", out_folder, number++);
        FILE *file = fopen(path, "wb");
        if (!file || fputc(choices[i], file) == EOF ||
            fwrite(bytes->data, 1, bytes->size, file) != bytes->size || fclose(file) != 0) {
            perror(path);
            exit(1);
        }
    }
}

static void put_made(void)
{
    struct made_file (*const good[])(void) = {good_numbers, good_nulls, good_v2,    good_dictionary,
                                              good_texts,   good_list,  good_pairs, good_index};
    static const int32_t codecs[] = {CODEC_NONE, CODEC_SNAPPY, CODEC_GZIP, CODEC_ZSTD,
                                     CODEC_LZ4_RAW};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        for (size_t c = 0; c < sizeof(codecs) / sizeof(codecs[0]); c++) {
            struct made_file file = good[i]();
            struct buffer bytes;
            if (good[i] == good_v2 && c > 0)
                continue; /* compresses the values only: the writer's files have it */
            for (size_t k = 0; k < file.n_chunks; k++)
                file.chunks[k].codec = codecs[c];
            build_file(&file, &bytes);
            put(&bytes);
            buffer_release(&bytes);
        }
}

static void put_written(void)
{
    static const char *const options[][5] = {
        {"compression=none", NULL},
        {"compression=none", "dictionary=false", "page_rows=2", NULL},
        {"compression=none", "encoding=dense", NULL},
        {"compression=none", "encoding=dense", "dictionary=false", "page_rows=3", NULL},
        {"compression=zstd", "encoding=dense", NULL},
        {"compression=none", "bloom_filter=id,color", NULL},
    };
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        struct batch batch;
        struct memory_sink sink;
        struct file_result result;
        struct test_options values;
        make_mixed(&batch, 9);
        write_file(&batch, 1 + i % 2, test_options(&values, options[i]), &sink, &result);
        put(&sink.bytes);
        file_result_release(&result);
        buffer_release(&sink.bytes);
        batch_release(&batch);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: fuzz_parquet_seeds OUT\n");
        return 2;
    }
    out_folder = argv[1];
    put_made();
    put_written();
    return 0;
}
