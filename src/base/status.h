/* What a call came to. A status exists only if some caller acts on it differently. */
#ifndef LEAT_BASE_STATUS_H
#define LEAT_BASE_STATUS_H

/* Must be looked at. Only clang can say so of a type; `make check` builds with it. */
#ifdef __clang__
#define STATUS_MUST_CHECK __attribute__((warn_unused_result))
#else
#define STATUS_MUST_CHECK
#endif

typedef enum STATUS_MUST_CHECK {
    STATUS_OK = 0,
    STATUS_END,            /* nothing more to read; not a failure */
    STATUS_CANCELLED,      /* stopped on request, at a point from which the next run goes on */
    STATUS_BAD_CONFIG,     /* the user's job file or command line is wrong: exit 2 */
    STATUS_BAD_DATA,       /* a value or a file that can't be carried: not retried */
    STATUS_SCHEMA_CHANGED, /* the source or the table is not what the contract says: held */
    STATUS_HELD,           /* a check, or a foreign change of the table, wants a decision: exit 4 */
    STATUS_NOT_FOUND,
    STATUS_EXISTS, /* put if absent: somebody else's is there */
    STATUS_DENIED,
    STATUS_CONFLICT,      /* another run holds the table or published first: exit 6 */
    STATUS_IN_DOUBT,      /* the outcome of a publish is unknown; delete nothing: exit 5 */
    STATUS_UNAVAILABLE,   /* may heal: the pipeline tries again with backoff */
    STATUS_SNAPSHOT_LOST, /* the source is there, its snapshot is gone: plan again under a new one */
    STATUS_NO_MEMORY,     /* the budget or the machine has no more */
    STATUS_NO_SPACE,
    STATUS_BUG, /* an invariant of ours does not hold; publish nothing */
} status_code;

typedef status_code status; /* what functions return; status_code where it is kept */

/* The word for a status as it stands in messages, JSON and the ledger: "bad data". */
const char *status_text(status_code code);

/* Leave the function with the status of EXPR unless it is STATUS_OK. */
#define TRY(expr)                                                                                  \
    do {                                                                                           \
        status_code try_status_ = (expr);                                                          \
        if (__builtin_expect(try_status_ != STATUS_OK, 0))                                         \
            return try_status_;                                                                    \
    } while (0)

#endif
