/* Inside job/: the parts of a stream. */
#ifndef LEAT_JOB_STREAM_H
#define LEAT_JOB_STREAM_H

#include "job/reader.h"

struct stream_words {
    const struct yaml_node *node; /* the stream's entry in the file */
    const struct yaml_node *own;  /* its map */
    const struct yaml_node *map;  /* defaults merged */
    struct option_values values;  /* of stream_words */
};

/* stream_parts.c: the words that are lists and maps. NODE may be NULL. */
status stream_read_partitions(struct job_reader *reader, const struct yaml_node *node,
                              struct stream_spec *spec, struct error *err);
status stream_read_columns(struct job_reader *reader, const struct yaml_node *node,
                           struct stream_spec *spec, struct error *err);
status stream_read_checks(struct job_reader *reader, const struct yaml_node *node,
                          struct stream_spec *spec, struct error *err);
status stream_read_changes(struct job_reader *reader, const struct yaml_node *node,
                           struct stream_spec *spec, struct error *err);

/* stream_check.c: words that need or exclude each other. */
status stream_check(struct job_reader *reader, const struct stream_words *words,
                    const struct stream_spec *spec, struct error *err);

#endif
