/* What several commands open on the way to their result. All releases accept zeroed structs. */
#ifndef LEAT_CLI_OPEN_H
#define LEAT_CLI_OPEN_H

#include "cli/command.h"

/* A source, and what it has. */
struct open_source {
    const struct source_driver *driver;
    struct source *source;
    struct source_catalog catalog;
    bool has_catalog;
};
status source_open_job(const struct job *job, struct open_source *out, struct error *err);
/* A URL or path that no job names: the driver's defaults. SHOWN is redacted, in the invocation's arena. */
status source_open_url(struct invocation *invocation, const char *url, struct open_source *out,
                       const char **out_shown, struct error *err);
status source_catalog_read(struct open_source *source, struct error *err);
void open_source_close(struct open_source *source);

/* What a stream asks of the source. Strings borrowed from SPEC. */
void stream_request(const struct stream_spec *spec, struct read_request *out);

/* One stream's table. */
struct open_table {
    const char *url;         /* redacted */
    struct storage *storage; /* NULL: nothing is there */
    struct table *table;
    struct table_state state; /* exists false without a table */
    const struct commit_driver *driver;
};
status table_open_stream(struct invocation *invocation, const struct stream_spec *spec,
                         struct open_table *out, struct error *err);
status table_open_url(struct invocation *invocation, const char *url, struct open_table *out,
                      struct error *err);
void open_table_close(struct open_table *table);

/* The job's streams as chosen by the arguments after the job's name. */
status invocation_streams(struct invocation *invocation, const struct source_catalog *catalog,
                          struct stream_spec **out, size_t *out_n, struct error *err);
/* Does the job need the catalog to know its streams? */
bool job_has_patterns(const struct job *job);

#endif
