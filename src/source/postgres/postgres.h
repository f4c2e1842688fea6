/* The driver `postgres`: what its parts share. A source owns one snapshot at a time: one connection exports it, the
 * readers' connections import it. */
#ifndef LEAT_SOURCE_POSTGRES_POSTGRES_H
#define LEAT_SOURCE_POSTGRES_POSTGRES_H

#include <pthread.h>

#include "source/postgres/connection.h"
#include "source/postgres/health.h"
#include "source/source.h"

extern const struct source_driver postgres_driver;

/* A sequence before open transactions were listed. */
struct sequence_look {
    uint32_t oid;
    int64_t next; /* no smaller key was drawn from it after that */
    char *grant;  /* it may not be read: what to type; NULL: it was */
};

/* What is known of other sessions from before the snapshot: for every stream of the run. */
struct fence_facts {
    int64_t oldest_micros; /* no transaction that was open began before */
    int64_t looked_micros; /* when open transactions were listed */
    int64_t server_start;  /* their virtual ids mean nothing to a server that started later */
    int hidden;            /* sessions whose start this user may not see */
    char *prepared;        /* ",oid,oid,": tables that prepared transactions hold write locks on */
    bool standby;          /* transactions are those of another server, and can't be seen here */
    bool settled;   /* all transactions that were open when the keys were looked at have ended */
    char *waiting;  /* ",3/14,5/9,": virtual ids of those that have not */
    char *open;     /* of all that were open at the end */
    char pids[128]; /* some of `waiting` */
    struct sequence_look *sequences; /* of the run's streams, but those that came too late */
    size_t n_sequences;
};

struct source {
    char *location; /* with the password: never printed */
    char *shown;    /* host, port and database, for messages */
    char *identity; /* for records: the cluster's own number and the database's */
    struct connection_options connect;
    bool sessions_kept;          /* of `connect` */
    const struct cancel *cancel; /* of the run that plans; NULL: none yet */
    int64_t settle_ms;
    const char *fence; /* a standby's primary; in `fence_location`; NULL: not named */
    char *fence_location;
    int64_t fence_timeout_ms;
    int64_t max_connections;
    bool scan_numerics; /* those without precision: their values say which decimal they are */
    struct health_limits limits;
    PGconn *conn; /* outside the snapshot, or the same as `before`: see postgres_present */

    PGconn *before; /* in a snapshot older than `facts`: where keys are looked at */
    struct fence_facts facts;
    PGconn *exporter;          /* holds the snapshot; NULL: none is fixed */
    char *snapshot;            /* its id */
    int32_t today;             /* the server's day when it was taken */
    unsigned n_plans;          /* that read it */
    bool lend;                 /* the exporter itself may read: one plan, one split of few rows */
    bool lent;                 /* it does, or it has failed to */
    bool never_lend;           /* again: it ended with the snapshot lost */
    struct newest_key *newest; /* of each plan with a watermark: how its newest is asked for */
    struct planned *planned;   /* what other streams read: overlap.c */
    pthread_mutex_t mutex;
    PGconn **idle; /* readers' connections between two splits, in the snapshot */
    size_t n_idle, capacity_idle;
    size_t n_reading; /* connections that readers have */
};

/* The snapshot all readers see; fixed by the first plan, REQUEST's. Where a watermark is wanted, open transactions are given
 * `settle` to end. */
status postgres_snapshot_fix(struct source *source, const struct read_request *request,
                             struct error *err);
void postgres_snapshot_end(struct source *source);
/* A connection inside the snapshot; give it back idle, or, when its transaction may have failed, discard it. */
status postgres_snapshot_join(struct source *source, PGconn **out, struct error *err);
void postgres_snapshot_leave(struct source *source, PGconn *conn);
void postgres_keep_idle(struct source *source, unsigned n);
void postgres_snapshot_discard(struct source *source, PGconn *conn);
/* source->conn sees what is there now. */
status postgres_present(struct source *source, struct error *err);

/* CODE and ERR, of something that failed in the snapshot; SNAPSHOT_LOST where that is because it is gone. */
status postgres_snapshot_verdict(struct source *source, status_code code, struct error *err);
/* A reader's connection: waited for where the server gives no more and other readers have some. USABLE: idle, and its
 * transaction has not failed. reader_connection.c */
status postgres_reader_connect(struct source *source, const struct cancel *cancel, PGconn **out,
                               struct error *err);
void postgres_reader_disconnect(struct source *source, PGconn *conn, bool usable);
/* CONN's server sends nothing. OK: it works on; UNAVAILABLE: it is cut off. reader_connection.c */
status postgres_reader_silent(struct source *source, PGconn *conn, struct error *err);
/* source->conn, made anew where it broke. BAD_CONFIG: another database answers now. driver.c */
status postgres_revive(struct source *source, struct error *err);

status postgres_plan(struct source *source, const struct read_request *request,
                     struct read_plan *out, struct error *err);
status postgres_plan_holds(struct source *source, const struct read_plan *plan, struct error *err);
status postgres_newest(struct source *source, const struct read_request *request,
                       struct arena *arena, struct scalar *out, struct error *err);
status postgres_discover(struct source *source, struct source_catalog *out, struct error *err);
status postgres_check(struct source *source, const struct read_request *request, finding_fn finding,
                      void *context, struct error *err);
status postgres_reader_open(struct source *source, const struct read_plan *plan,
                            const struct read_request *request, const struct split *split,
                            const struct reader_options *options, struct reader **out,
                            struct error *err);
status postgres_reader_next(struct reader *reader, struct batch *into, size_t max_rows,
                            size_t max_bytes, struct error *err);
const struct reader_counts *postgres_reader_counts(const struct reader *reader);
void postgres_reader_close(struct reader *reader);

#endif
